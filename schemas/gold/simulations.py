"""``gold/simulations``: what ways of deciding cost over the nights of a span, and how sure their differences are."""

from schemas.table import DATE, DOUBLE, INT, STRING, Column, gold


def _money(name: str, meaning: str) -> Column:
    return Column(name, DOUBLE, meaning, "currency")


def _measure(name: str, meaning: str, unit: str = "fraction") -> Column:
    return Column(name, DOUBLE, f"{meaning}; null: does not apply", unit, nullable=True)


SIMULATIONS = gold(
    "simulations",
    "Nights of a span replayed under several ways of deciding, with the code of the night: cost, service and differences "
    "of the nights that count. business_date: the first night; run_id: the simulation, a hash of what was asked, settings, code and "
    "tables read: the same one replaces its rows. Not part of any published night. docs/simulation.md has the formulas.",
    (
        Column("last", DATE, "last night simulated"),
        Column("fixed_nights", INT, "first nights, fixed by older orders: not counted", "nights", minimum=1),
        Column("counted_nights", INT, "nights that count", "nights", minimum=1),
        Column("policy", STRING, "way of deciding"),
        Column("demand", STRING, "what demand of periods short of stock was taken for: recovered, floor (what sold), more (20% above); "
               "latent: a world's own, all of it known",
               values=("recovered", "floor", "more", "latent")),
        Column("seed", INT, "seed of the recovered demand, or of the world"),
        Column("cut", STRING, "what the segment is part of: departments, volume classes of items (A: the first 80% of units wanted, B: the "
               "next 15%, C: the rest) or kinds of location; * for all", values=("*", "department", "volume", "kind")),
        Column("segment", STRING, "name of the part; * for all"),
        Column("items", INT, "items, each with all its locations", minimum=0),
        _money("total_cost", "all components"),
        _money("holding_cost", "stock after closing"),
        _money("shortage_cost", "units wanted and not sold"),
        _money("presentation_cost", "units below presentation_min at close"),
        _money("waste_cost", "units past their last day"),
        _money("orders_cost", "order_cost and trucks"),
        _money("end_cost", "stock and transit after the last night, until they have sold"),
        Column("wanted", DOUBLE, "units that customers wanted", "units"),
        Column("sold", DOUBLE, "units sold", "units"),
        Column("lost", DOUBLE, "units wanted and not sold", "units"),
        Column("wasted", DOUBLE, "units past their last day", "units"),
        Column("ordered", DOUBLE, "units ordered for places that sell", "units"),
        _measure("fill_rate", "sold / wanted"),
        _measure("availability", "nights that closed with something on the shelf"),
        _measure("waste_share", "wasted / (sold + wasted)"),
        _measure("turns", "cost of what sold in a year / value of the stock", "per year"),
        _measure("order_variability", "variance of what is ordered a night / variance of what is wanted, by place", "ratio"),
        _measure("nervousness", "mean change from one order of a place to its next / mean order", "ratio"),
        _measure("difference", "total_cost less that of stochastic on the same demand", "currency"),
        _measure("difference_low", "2.5% quantile of the difference, bootstrap", "currency"),
        _measure("difference_high", "97.5% quantile of the difference, bootstrap", "currency"),
        Column("blocks", INT, "blocks of weeks that the bootstrap drew beside items; 0: items only", minimum=0),
        _measure("multiplier", "of the base stock's levels, tuned on the nights before the first; of other policies null", "ratio"),
        Column("tuning_nights", INT, "nights it was tuned on; 0: too little history, it is 1; of other policies null", "nights",
               nullable=True, minimum=0),
        Column("verdict", STRING, "against stochastic, over all ways of taking demand and all seeds",
               values=("reference", "cheaper", "dearer", "undecided")),
        _measure("share_of_way", "(total_cost of base_stock - this one's) / (that of base_stock - that of oracle)"),
    ),
    ("policy", "demand", "seed", "cut", "segment"),
)  # fmt: skip
