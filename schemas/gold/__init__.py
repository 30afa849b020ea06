"""What a night decides: one module a table."""
