"""How the nights went: one module a table."""
