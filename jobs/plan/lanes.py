"""The lane of each pair of item and location: its terms, its window, and which of several is taken."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import polars as pl

from jobs.features.horizon import LONGEST
from jobs.plan import choices, schedule
from jobs.plan.night import Night, exception, exceptions, frame

if TYPE_CHECKING:
    import pyarrow as pa

#: Columns in which a lane's item row wins over the lane row.
_OVERRULED = ("lead_time_days", "lead_time_std", "order_days", "unit_cost", "order_multiple", "min_order_units")
LANE = ["source_id", "location_id"]
_LINE = ["item_id", *LANE]
#: What says when a line may be ordered.
SCHEDULE = [*LANE, "order_days", "lead_time_days"]
#: Terms of a whole order; they count only in the lane row.
ORDER_TERMS = ("min_order_value", "order_cost", "truck_volume", "truck_cost")
DEFAULT_SOURCE = "supplier"
_DELIVERIES = pl.List(pl.Struct({"ordered": pl.Int64, "arrives": pl.Int64, "until": pl.Int64}))
#: Columns of a line and what of a delivery stands in them.
_OF_AN_ORDER = {"arrives": "arrives", "next_arrives": "until"}
#: Places that sell; what distribution centres order follows from what these do (network.py).
SELLING_KINDS = ("store", "online")


def considered(pairs: pl.DataFrame, item_lanes: pa.Table | None, night: Night) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every (source, item, location) that could be ordered tonight, and what is wrong with lanes.

    pairs  item_id, location_id, item_cost (null: unknown), override_source (null: none named), overridden

    Lines have the lane's terms, `arrives_on`, `next_arrives_on` and `chosen`: of several lanes of a pair one is the
    usual, the one a planner named, else the cheapest by unit cost, then lead time, then source. Which may be ordered
    tonight beside it says choices.offered.
    """
    every, found = supplied(pairs, item_lanes, night)
    return tonight(every, night), found


def supplied(pairs: pl.DataFrame, item_lanes: pa.Table | None, night: Night) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The lanes of ``considered`` on whatever day they may be ordered (`state`), and what is wrong with them."""
    lanes = _terms(pairs, item_lanes, night)
    missing = pairs.join(lanes, on=["item_id", "location_id"], how="anti")
    timed = _windows(lanes, night)
    chosen = _choose(timed)
    never = chosen.filter((pl.col("state") == "never") & pl.col("chosen"))
    locked = chosen.filter((pl.col("state") == "not_today") & pl.col("chosen") & pl.col("overridden"))
    found = [
        exception(missing, "no_lane", pl.lit("nothing supplies it: no lane leads here"), "add a lane, or end its assortment"),
        exception(
            never,
            "no_order_day",
            pl.format("order days '{}' never bring a delivery", pl.col("order_days").fill_null("")),
            "correct the lane's order days, or the calendar's closed days",
        ),
        exception(
            locked,
            "conflicting_limits",
            pl.format("override and order_days conflict: '{}' is no order day tonight; nothing ordered", pl.col("order_days")),
            "lock the order for an order day, or correct the lane's order days",
        ),
        _unknown_source(chosen),
        *_cycles(item_lanes, night),
    ]
    return chosen, exceptions(found)


def _unknown_source(lanes: pl.DataFrame) -> pl.DataFrame:
    """Locks that name a source from which no lane leads here."""
    other = (
        pl.col("chosen")
        & pl.col("overridden")
        & pl.col("override_source").is_not_null()
        & (pl.col("source_id") != pl.col("override_source"))
    )
    text = pl.format("override names {}, from which no lane leads here; taken from {}", "override_source", "source_id")
    return exception(lanes.filter(other), "conflicting_limits", text, "add the lane, or name another source")


def tonight(every: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Of lanes with `state` those that may be ordered tonight."""
    return choices.offered(_lasting(every.filter(pl.col("state") == "order").drop("state", "override_source"), night), night)


def waiting(every: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Of lanes with `state` those taken that wait for an order day, as lines of that day's order."""
    rows = every.filter((pl.col("state") == "not_today") & pl.col("chosen"))
    timed = schedules_of(rows, night, 1)
    day, length = pl.lit(night.business_date), night.config.period_days
    first = timed.with_columns(pl.col("deliveries").list.first())
    dates = {f"{name}_on": day + pl.duration(days=pl.col("deliveries").struct.field(of) * length) for name, of in _OF_AN_ORDER.items()}
    found = first.drop_nulls("deliveries").with_columns(**dates).drop("state", "override_source", "deliveries")
    # Who waits for an order day has nothing locked tonight.
    dates = {"opens_on": pl.col("arrives_on"), "usual_on": pl.col("arrives_on")}
    return found.with_columns(overridden=pl.lit(value=False), offered=pl.lit(value=True), main=pl.lit(value=True), **dates)


def schedules_of(rows: pl.DataFrame, night: Night, nights: int) -> pl.DataFrame:
    """Lanes (with SCHEDULE) with `deliveries`, the orders of the next nights (schedule.Delivery); once a distinct schedule and region."""
    default, length = night.config.lanes.default_lead_time_days, night.config.period_days
    regions = pl.DataFrame(pl.from_arrow(night.locations.select(["location_id", "region"])))
    placed = rows.join(regions, on="location_id", how="left", maintain_order="left")
    schedules = placed.select("order_days", "lead_time_days", "region").unique(maintain_order=True)
    found = [
        schedule.deliveries(schedule.lead_times(days, lead, default), night.business_date, night.closed_in(region), length, nights)
        for days, lead, region in schedules.iter_rows()
    ]
    lists = [[asdict(delivery) for delivery in deliveries] for deliveries in found]
    timed = schedules.with_columns(pl.Series("deliveries", lists, _DELIVERIES))
    joined = placed.join(timed, on=["order_days", "lead_time_days", "region"], how="left", nulls_equal=True, maintain_order="left")
    return joined.drop("region")


def sources(pairs: pl.DataFrame, item_lanes: pa.Table | None, night: Night) -> pl.DataFrame:
    """Where each pair is supplied from (item_id, location_id, source_id): of several lanes the one that is taken."""
    return _choose(_terms(pairs, item_lanes, night)).filter("chosen").select(_LINE)


def order_terms(night: Night) -> pl.DataFrame:
    """Terms of whole orders (source_id, location_id, ORDER_TERMS; 0: none), of the lanes that have any; only the lane row's count."""
    lanes = frame(night.lanes, "silver/lanes").select(*LANE, pl.col(ORDER_TERMS).cast(pl.Float64).fill_null(0.0))
    trucks = (pl.col("truck_volume") > 0) & (pl.col("truck_cost") > 0)
    some = (pl.col("min_order_value") > 0) | (pl.col("order_cost") > 0) | trucks
    return lanes.filter(some).unique(LANE, keep="first", maintain_order=True).sort(LANE)


def later_arrivals(lines: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Lines (with SCHEDULE), each as often as its order may last: until the order of the cover-th order day after tonight arrives.

    Adds cover (1, 2, ...) and next_arrives_on; at most as far as nights forecast.
    """
    default, length = night.config.lanes.default_lead_time_days, night.config.period_days
    regions = pl.DataFrame(pl.from_arrow(night.locations.select(["location_id", "region"])))
    placed = lines.join(regions, on="location_id", how="left", maintain_order="left")
    schedules = placed.select("order_days", "lead_time_days", "region").unique(maintain_order=True)
    arrivals = [
        schedule.later(
            schedule.lead_times(days, lead, default), night.business_date, night.closed_in(region), length, LONGEST[night.config.grain]
        )
        for days, lead, region in schedules.iter_rows()
    ]
    timed = schedules.with_columns(pl.Series("next_arrives_on", [list(days) for days in arrivals], pl.List(pl.Date)))
    joined = placed.join(timed, on=["order_days", "lead_time_days", "region"], how="left", nulls_equal=True, maintain_order="left")
    numbered = joined.with_columns(cover=pl.int_ranges(1, pl.col("next_arrives_on").list.len() + 1)).drop("region")
    return numbered.explode("next_arrives_on", "cover")


def _lasting(lines: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Lines with next_arrives_on at the end of their order's cover."""
    if night.covers is None or night.covers.is_empty():
        return lines
    longer = night.covers.filter(pl.col("cover") > 1).select(*LANE, "cover")
    mine = lines.filter("chosen").select(*_LINE, *SCHEDULE[2:]).join(longer.rename({"cover": "lasts"}), on=LANE)
    until = later_arrivals(mine, night).filter(pl.col("cover") == pl.col("lasts")).select(*_LINE, until="next_arrives_on")
    joined = lines.join(until, on=_LINE, how="left", maintain_order="left")
    return joined.with_columns(next_arrives_on=pl.coalesce("until", "next_arrives_on")).drop("until")


def _terms(pairs: pl.DataFrame, item_lanes: pa.Table | None, night: Night) -> pl.DataFrame:
    """Each pair with each of its lanes: the item's row over the lane's, column by column."""
    if not night.lanes_known:
        generic = pairs.select("location_id").unique().with_columns(source_id=pl.lit(DEFAULT_SOURCE))
        wide = generic.join(frame(None, "silver/lanes").drop("item_id"), on=LANE, how="left")
        own = frame(None, "silver/lanes")
    else:
        wide, own = frame(night.lanes, "silver/lanes"), frame(item_lanes, "silver/lanes")
    wide, own = wide.select(*LANE, *_OVERRULED), own.select(*_LINE, *_OVERRULED)
    keys = pl.concat(
        [
            pairs.join(wide.select(LANE), on="location_id").select(_LINE),
            pairs.join(own.select(_LINE), on=["item_id", "location_id"]).select(_LINE),
        ]
    ).unique()
    both = keys.join(own, on=_LINE, how="left").join(wide, on=LANE, how="left", suffix="_lane")
    merged = both.with_columns(pl.coalesce(c, f"{c}_lane").alias(c) for c in _OVERRULED).drop(f"{c}_lane" for c in _OVERRULED)
    return merged.join(pairs, on=["item_id", "location_id"]).sort(_LINE)


def _windows(lanes: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Lanes with state, arrives_on and next_arrives_on: computed once a distinct schedule and region."""
    regions = pl.from_arrow(night.locations.select(["location_id", "region"]))
    assert isinstance(regions, pl.DataFrame)
    placed = lanes.join(regions, on="location_id", how="left")
    schedules = placed.select("order_days", "lead_time_days", "region").unique()
    default, length = night.config.lanes.default_lead_time_days, night.config.period_days
    windows = [
        schedule.window(schedule.lead_times(days, lead, default), night.business_date, night.closed_in(region), length)
        for days, lead, region in schedules.iter_rows()
    ]
    timed = schedules.with_columns(
        pl.Series("state", [w.state for w in windows], pl.String),
        pl.Series("arrives_on", [w.arrives_on for w in windows], pl.Date),
        pl.Series("next_arrives_on", [w.next_arrives_on for w in windows], pl.Date),
    )
    return placed.join(timed, on=["order_days", "lead_time_days", "region"], how="left", nulls_equal=True).drop("region")


def _choose(lanes: pl.DataFrame) -> pl.DataFrame:
    """Mark one lane of each pair; `alternatives` counts the others."""
    cost = pl.coalesce(pl.col("unit_cost").cast(pl.Float64), "item_cost").fill_null(float("inf"))
    named = pl.col("source_id").eq_missing(pl.col("override_source"))
    ranked = lanes.with_columns(named.alias("named"), cost.alias("rank_cost")).sort(
        "item_id", "location_id", "named", "rank_cost", "lead_time_days", "source_id", descending=[False, False, True, False, False, False]
    )
    pair = ["item_id", "location_id"]
    return ranked.with_columns(
        (pl.int_range(pl.len()).over(pair) == 0).alias("chosen"),
        (pl.len().over(pair) - 1).alias("alternatives"),
        pl.when(pl.col("rank_cost").is_finite()).then("rank_cost").min().over(pair).alias("usual_cost"),
    ).drop("named", "rank_cost")


def _cycles(item_lanes: pa.Table | None, night: Night) -> list[pl.DataFrame]:
    """One exception a cycle of lanes: goods can't come from themselves."""
    generic = frame(night.lanes, "silver/lanes").select(_LINE)
    own = frame(item_lanes, "silver/lanes").select(_LINE)
    nowhere = pl.lit(None, pl.String).alias("item_id")
    suspects = _core(pl.concat([generic, own]).with_columns(nowhere).unique()).select(LANE)
    shared, own = generic.join(suspects, on=LANE, how="semi"), own.join(suspects, on=LANE, how="semi")
    # An item's own lane can close a cycle with lanes of all items, so these count for it too.
    spread = own.select("item_id").unique().join(shared.select(LANE), how="cross")
    edges = _core(pl.concat([shared, own, spread]).unique())
    found: dict[str, pl.DataFrame] = {}
    for _, rows in edges.sort(_LINE, nulls_last=False).group_by("item_id", maintain_order=True):
        path = _cycle({(source, target) for _, source, target in rows.iter_rows()})
        text = " -> ".join(path)
        found.setdefault(text, rows.head(1).select("item_id", location_id=pl.lit(path[0]), text=pl.lit(text)))
    action = "take out one of these lanes"
    return [exception(row, "lane_cycle", pl.format("lanes lead in a circle: {}", "text"), action) for row in found.values()]


def _core(edges: pl.DataFrame) -> pl.DataFrame:
    """Edges that may lie on a cycle: both ends ship and receive. What only ships or only receives is peeled off."""
    while True:
        into = edges.select("item_id", source_id="location_id").unique()
        out = edges.select("item_id", location_id="source_id").unique()
        kept = edges.join(into, on=["item_id", "source_id"], how="semi", nulls_equal=True).join(
            out, on=["item_id", "location_id"], how="semi", nulls_equal=True
        )
        if len(kept) == len(edges):
            return kept
        edges = kept


def _cycle(edges: set[tuple[str, str]]) -> list[str]:
    """A cycle in a graph in which every node has an edge in and out: walk back along the least edge."""
    before = {target: source for source, target in sorted(edges, reverse=True)}
    seen: list[str] = [min(before)]
    while before[seen[-1]] not in seen:
        seen.append(before[seen[-1]])
    start = seen.index(before[seen[-1]])
    ring = seen[start:][::-1]
    least = ring.index(min(ring))
    return [*ring[least:], *ring[:least], ring[least]]
