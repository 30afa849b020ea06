"""The truth that the retailer doesn't see: latent demand and the law behind it, what became of orders, what was thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jobs.simulate.world.columns import category_name, dates, days_of, ids, region_name, typed
from schemas.table import BOOL, DATE, DOUBLE, FLOAT, INT, STRING, Column, Table

if TYPE_CHECKING:
    from jobs.simulate.world.state import Night
    from jobs.simulate.world.world import World

_LINE = (Column("item_id", STRING, "item"), Column("location_id", STRING, "store or online site"))

DEMAND = Table(
    "demand",
    "Latent demand of every series and day, closed days and days before or after an item's life too, and the law that it was drawn from.",
    (
        Column("date", DATE, "day"),
        *_LINE,
        Column("channel", STRING, "channel"),
        Column("demand", INT, "latent demand, whatever lay on the shelf", "units"),
        Column("lost", INT, "demand that was not met: demand - sold", "units"),
        Column("mean", DOUBLE, "mean of demand before what is hidden: level x all factors x the channel's share", "units"),
        Column("multiplier", DOUBLE, "hidden factor of the line on the day; mean 1"),
        Column("line_score", FLOAT, "hidden score of the line after the day"),
        Column("bursting", BOOL, "whether the line bursts"),
    ),
    ("date", "item_id", "location_id", "channel"),
)
HIDDEN = Table(
    "hidden",
    "Hidden scores of the factors that lines share, standard normal, after a day.",
    (
        Column("date", DATE, "day"),
        Column("factor", STRING, "item, category (in a region) or location"),
        Column("id", STRING, "item, category/region or location"),
        Column("score", FLOAT, "score"),
    ),
    ("date", "factor", "id"),
)
ORDERS = Table(
    "orders",
    "What the world ordered for itself, and what became of it.",
    (
        Column("ordered_on", DATE, "business date"),
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location that ordered"),
        Column("source_id", STRING, "location that ships"),
        Column("ordered", INT, "units ordered", "units"),
        Column("accepted", INT, "units that the source delivers", "units"),
        Column("expected_on", DATE, "promised arrival"),
        Column("arrives_on", DATE, "arrival: on the shelf before opening"),
    ),
    ("ordered_on", "item_id", "location_id"),
)
WASTE = Table(
    "waste",
    "What was thrown away at close.",
    (
        Column("date", DATE, "last day of sale"),
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location"),
        Column("units", INT, "units", "units"),
    ),
    ("date", "item_id", "location_id"),
)
ITEMS = Table(
    "items",
    "Parameters of items.",
    (
        Column("item_id", STRING, "item"),
        Column("category", STRING, "category"),
        Column("level", DOUBLE, "units a day at a median line", "units"),
        Column("trend", DOUBLE, "growth of the logarithm a year"),
        Column("elasticity", DOUBLE, "price elasticity, as a positive number"),
        Column("uplift", DOUBLE, "logarithm of a promotion's uplift beyond its price"),
        Column("dip", DOUBLE, "share lost on the day after a promotion"),
        Column("size", DOUBLE, "size r of the negative binomial; infinite: Poisson"),
        Column("active_from", DATE, "first day of sale; null: always was", nullable=True),
        Column("active_to", DATE, "last day of sale; null: open", nullable=True),
    ),
    ("item_id",),
)
LINES = Table(
    "lines",
    "Parameters of lines.",
    (
        *_LINE,
        Column("level", DOUBLE, "units a day of both channels before all factors", "units"),
        Column("share", DOUBLE, "share of the second channel"),
        Column("occurs", DOUBLE, "share of days that can have demand: below 1 where it is intermittent"),
        Column("bursty", BOOL, "whether demand bursts"),
    ),
    ("item_id", "location_id"),
)
CATEGORIES = Table(
    "categories",
    "Parameters of categories.",
    (
        Column("category", STRING, "category"),
        Column("swing", DOUBLE, "amplitude A of the year"),
        Column("peak", DOUBLE, "day of the year of its peak", "days"),
        Column("warm", DOUBLE, "logarithm of what 10 degrees more bring"),
        Column("lifts", pa.map_(STRING, DOUBLE), "event -> logarithm of its lift on the day"),
    ),
    ("category",),
)
WEEKDAYS = Table(
    "weekdays",
    "Factors of the weekday.",
    (
        Column("category", STRING, "category"),
        Column("location_id", STRING, "location"),
        Column("weekday", INT, "0 Monday to 6 Sunday"),
        Column("factor", DOUBLE, "factor; mean 1 over the week"),
    ),
    ("category", "location_id", "weekday"),
)
#: All tables of the truth; docs/world.md describes them.
TABLES = (DEMAND, HIDDEN, ORDERS, WASTE, ITEMS, LINES, CATEGORIES, WEEKDAYS)


def parameters(world: World) -> dict[str, pa.Table]:
    """The law's parameters: tables items, lines, categories and weekdays. The settings are in world.json beside them."""
    return {"items": _items(world), "lines": _lines(world), "categories": _categories(world), "weekdays": _weekdays(world)}


def of_night(world: World, night: Night) -> dict[str, pa.Table]:
    """What a night adds: tables demand, hidden, orders and waste."""
    return {
        "demand": _demand(world, night),
        "hidden": _hidden(world, night),
        "orders": _orders(world, night),
        "waste": _waste(world, night),
    }


def _demand(world: World, night: Night) -> pa.Table:
    """A row a series: the first channels of all lines, then the second ones of those that have one."""
    both = np.flatnonzero(world.network.share > 0)
    line = np.concatenate([np.arange(world.lines), both])
    channel = np.repeat([0, 1], [world.lines, len(both)])
    law = night.law
    return typed(
        DEMAND.schema,
        {
            "date": days_of(night.day.toordinal(), len(line)),
            "item_id": ids(world.rows.item_id, line),
            "location_id": ids(world.rows.location_id, line),
            "channel": pa.array(world.channel_names[line, channel].tolist(), pa.string()),
            "demand": night.demand[line, channel],
            "lost": night.lost[line, channel],
            "mean": law.mean[line, channel],
            "multiplier": law.multiplier[line],
            "line_score": law.hidden.line[line],
            "bursting": law.hidden.bursting[line],
        },
    )


def _hidden(world: World, night: Night) -> pa.Table:
    hidden, places, regions = night.law.hidden, world.network.places.location_id.tolist(), world.config.size.regions
    groups = [f"{category_name(k // regions)}/{region_name(k % regions)}" for k in range(len(hidden.category))]
    names = [*world.network.items.item_id.tolist(), *groups, *places]
    kinds = ["item"] * len(hidden.item) + ["category"] * len(groups) + ["location"] * len(places)
    scores = np.concatenate([hidden.item, hidden.category, hidden.location])
    days = days_of(night.day.toordinal(), len(names))
    return typed(HIDDEN.schema, {"date": days, "factor": pa.array(kinds), "id": pa.array(names), "score": scores})


def _orders(world: World, night: Night) -> pa.Table:
    row, placed, rows = np.flatnonzero(night.asked), night.placed, world.rows
    when = {name: np.zeros(len(rows), np.int64) for name in ("expected_on", "arrives_on")}
    for name, days in when.items():
        days[placed.row] = getattr(placed, name)
    return typed(
        ORDERS.schema,
        {
            "ordered_on": days_of(night.day.toordinal(), len(row)),
            "item_id": ids(rows.item_id, row),
            "location_id": ids(rows.location_id, row),
            "source_id": ids(rows.source_id, row),
            "ordered": night.asked[row],
            "accepted": night.moves.ordered[row],
            **{name: dates(days[row]) for name, days in when.items()},
        },
    )


def _waste(world: World, night: Night) -> pa.Table:
    row = np.flatnonzero(night.moves.wasted)
    columns = {"item_id": ids(world.rows.item_id, row), "location_id": ids(world.rows.location_id, row), "units": night.moves.wasted[row]}
    return typed(WASTE.schema, {"date": days_of(night.day.toordinal(), len(row)), **columns})


def _items(world: World) -> pa.Table:
    items, law = world.network.items, world.law
    return typed(
        ITEMS.schema,
        {
            "item_id": pa.array(items.item_id.tolist()),
            "category": pa.array([category_name(c) for c in items.category]),
            "level": items.level,
            "trend": law.trend,
            "elasticity": law.elasticity,
            "uplift": law.uplift,
            "dip": law.dip,
            "size": world.randomness.size,
            "active_from": dates(items.active_from),
            "active_to": dates(items.active_to),
        },
    )


def _lines(world: World) -> pa.Table:
    rows, lines, randomness = world.rows, world.lines, world.randomness
    return typed(
        LINES.schema,
        {
            "item_id": pa.array(rows.item_id[:lines].tolist()),
            "location_id": pa.array(rows.location_id[:lines].tolist()),
            "level": rows.level[:lines],
            "share": world.network.share,
            "occurs": randomness.occurs,
            "bursty": randomness.bursty,
        },
    )


def _categories(world: World) -> pa.Table:
    law = world.law
    lifts = [[(event.name, float(lift)) for event, lift in zip(law.calendar.events, of, strict=True)] for of in law.lifts.T]
    names = pa.array([category_name(c) for c in range(len(law.swing))])
    columns = {"category": names, "swing": law.swing, "peak": law.peak, "warm": law.warm}
    return typed(CATEGORIES.schema, {**columns, "lifts": pa.array(lifts, pa.map_(STRING, DOUBLE))})


def _weekdays(world: World) -> pa.Table:
    factors, places = world.law.weekday, world.network.places
    sells = np.flatnonzero(np.isin(places.kind, ("store", "online")))
    category, place, weekday = (part.ravel() for part in np.meshgrid(np.arange(len(factors)), sells, np.arange(7), indexing="ij"))
    return typed(
        WEEKDAYS.schema,
        {
            "category": pa.array([category_name(c) for c in category.tolist()]),
            "location_id": ids(places.location_id, place),
            "weekday": weekday,
            "factor": factors[category, place, weekday],
        },
    )
