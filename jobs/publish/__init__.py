"""The night's manifest, exceptions, KPIs, projections, and what people read."""
