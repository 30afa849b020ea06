"""What a retailer delivers: one module a feed."""
