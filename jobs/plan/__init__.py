"""Lines, expected cost, shards, and the reasons of orders."""
