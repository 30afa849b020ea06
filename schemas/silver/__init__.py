"""Tables derived from feeds; the feeds' own silver tables follow from their definition."""
