"""Silver -> the feature table."""
