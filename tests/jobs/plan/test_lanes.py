"""Which lane an item and location have, on which terms."""

from __future__ import annotations

import polars as pl

from jobs.plan.lanes import considered
from tests.jobs.plan.small import day, night, table

DC_S1 = {"source_id": "DC", "location_id": "S1", "lead_time_days": 1, "order_multiple": 6, "unit_cost": 3}


def pairs(*rows: tuple[str, str], override_source: str | None = None) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["item_id", "location_id"], orient="row")
    return frame.with_columns(
        item_cost=pl.lit(2.0), override_source=pl.lit(override_source, pl.String), overridden=pl.lit(override_source is not None)
    )


def kinds(found: pl.DataFrame) -> list[str]:
    return found["kind"].to_list()


def test_the_item_row_wins_column_by_column() -> None:
    own = table("silver/lanes", [{"source_id": "DC", "location_id": "S1", "item_id": "A", "lead_time_days": 3}])
    lines, found = considered(pairs(("A", "S1"), ("B", "S1")), own, night(lanes=[DC_S1]))
    assert lines.select("item_id", "arrives_on", "order_multiple").rows() == [("A", day(3), 6), ("B", day(1), 6)]
    assert found.is_empty()


def test_of_several_lanes_the_cheapest_is_chosen_then_the_fastest_then_by_id() -> None:
    lanes = [
        DC_S1,
        {"source_id": "V1", "location_id": "S1", "lead_time_days": 4},  # the item's cost, 2, is less than the DC's 3
        {"source_id": "S2", "location_id": "S1", "lead_time_days": 5, "unit_cost": 2},
    ]
    lines, _ = considered(pairs(("A", "S1")), None, night(lanes=lanes))
    assert dict(lines.select("source_id", "chosen").rows()) == {"V1": True, "DC": False, "S2": False}
    assert lines["alternatives"].to_list() == [2, 2, 2]
    lines, _ = considered(pairs(("A", "S1"), override_source="S2"), None, night(lanes=lanes))
    assert lines.filter("chosen")["source_id"].to_list() == ["S2"]


def test_without_the_feed_the_supplier_delivers_every_period() -> None:
    lines, found = considered(pairs(("A", "S1")), None, night(lanes=None, lanes_known=False))
    assert lines.select("source_id", "arrives_on", "next_arrives_on").rows() == [("supplier", day(1), day(2))]
    assert found.is_empty()


def test_no_line_where_no_lane_leads_or_tonight_is_no_order_day() -> None:
    lanes = [{**DC_S1, "order_days": "tue"}]
    lines, found = considered(pairs(("A", "S1"), ("A", "S2")), None, night(lanes=lanes))
    assert lines.is_empty()
    assert found.select("kind", "location_id").rows() == [("no_lane", "S2")]


def test_order_days_that_never_come() -> None:
    closed = [{"region": None, "date": day(k), "event": "closed"} for k in range(200)]
    lines, found = considered(pairs(("A", "S1")), None, night(lanes=[{**DC_S1, "order_days": "mon"}], closed=closed))
    assert lines.is_empty()
    assert kinds(found) == ["no_order_day"]


def test_closed_days_count_in_their_region() -> None:
    closed = [{"region": "north", "date": day(1), "event": "closed"}]
    lanes = [DC_S1, {**DC_S1, "location_id": "S2"}]
    lines, _ = considered(pairs(("A", "S1"), ("A", "S2")), None, night(lanes=lanes, closed=closed))
    assert lines["arrives_on"].to_list() == [day(2), day(1)]


def test_a_locked_order_on_no_order_day_is_an_exception() -> None:
    _, found = considered(pairs(("A", "S1"), override_source="DC"), None, night(lanes=[{**DC_S1, "order_days": "tue"}]))
    assert kinds(found) == ["conflicting_limits"]


def test_a_cycle_of_lanes_is_found_once() -> None:
    ring = [{"source_id": a, "location_id": b, "lead_time_days": 1} for a, b in (("DC", "S1"), ("S1", "S2"), ("S2", "DC"), ("V1", "DC"))]
    _, found = considered(pairs(("A", "S1")), None, night(lanes=ring))
    assert found.select("kind", "message").rows() == [("lane_cycle", "lanes lead in a circle: DC -> S1 -> S2 -> DC")]


def test_a_cycle_needs_one_item() -> None:
    """A goes one way, B the other: no goods come from themselves. C closes the circle with a lane of all items."""
    own = [("S1", "S2", "A"), ("S2", "S1", "B"), ("S1", "DC", "C")]
    rows = table("silver/lanes", [{"source_id": s, "location_id": t, "item_id": i, "lead_time_days": 1} for s, t, i in own])
    _, found = considered(pairs(("A", "S2")), rows, night(lanes=[DC_S1]))
    assert found.select("kind", "item_id", "message").rows() == [("lane_cycle", "C", "lanes lead in a circle: DC -> S1 -> DC")]
