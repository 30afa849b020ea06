"""What Spark runs: the stages of a night and what they are made of."""
