"""``silver/demand``: what was sold, returned and in stock, per item, location, channel and period, zeros included.

Demand is a function of the other silver tables, computed for every night that could see them differently; so a night
reads the same rows whatever landed after it and in whatever order nights are run. An update computes only what changed.
"""

from jobs.ingest.demand.update import aggregated_sales, main

__all__ = ["aggregated_sales", "main"]
