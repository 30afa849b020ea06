"""Distribution centres order: echelon stock, shortage, what is kept, chains of centres, none at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from jobs.forecast.ranks import PathRanks
from jobs.plan import coupling, cover, demand, lanes, outputs, together
from jobs.plan.shard import Decision, cost, covers, decide, decide_alone, decide_as, lines_of, problem_of
from tests.jobs.plan.small import LOCATIONS, USUAL, D, day, forecast, night, table, tables

MEANS = {"S1": 5.0, "S2": 8.0}
TO_STORES = [{"source_id": "DC", "location_id": s, "lead_time_days": 1, "order_multiple": 1} for s in MEANS]
TO_DC = {"source_id": "V1", "location_id": "DC", "lead_time_days": 2, "order_multiple": 1}
#: Costs at which every path is served.
DEAR = [{"item_id": "A", "location_id": s, "holding_cost": 1e-3, "shortage_cost": 1000} for s in (*MEANS, "DC", "HUB")]
PLACES = [*LOCATIONS, {"location_id": "HUB", "kind": "dc"}]


def inputs(on_hand: dict[str, float], **rows: Any) -> dict[str, Any]:
    stock = [{"item_id": "A", "location_id": s, "as_of": day(-1), "on_hand": units, "reserved": 0} for s, units in on_hand.items()]
    forecasts = [row for s, mean in MEANS.items() for row in forecast("A", s, [mean] * 14)]
    return {"forecasts": forecasts, "items": [{"item_id": "A", "unit_cost": 2, "unit_price": 3}], "stock": stock, **rows}


def plan(on_hand: dict[str, float], lanes_: list[dict] | None = None, **rows: Any) -> Decision:
    one = night(lanes=lanes_ or [*TO_STORES, TO_DC], locations=table("silver/locations", PLACES))
    return decide(tables(**inputs(on_hand, **rows)), one)


def units(decision: Decision) -> dict[str, float]:
    return dict(decision.lines.filter("chosen").select("location_id", "units").iter_rows())


def customers(nights: int) -> np.ndarray:
    """[stores, periods, paths] units that customers want."""
    one = night()
    d = demand.read(table("gold/forecasts", inputs({})["forecasts"]), one)
    return np.stack([d.units(np.arange(2), step) for step in range(nights)], axis=1)


def test_where_nobody_is_short_a_centre_orders_for_customers_against_echelon_stock() -> None:
    """Demand of customers and the stores' base stocks (two days, on the highest path) against all stock of the DC and below it.

    Tonight's DC order comes on day 2 and serves the orders of night 3, which cover customers until day 5.
    """
    wanted = customers(5)
    base = wanted[:, 3:5].sum(axis=1).max(axis=1)
    need = (wanted[:, :3].sum(axis=1) + base[:, None]).sum(axis=0).max()
    for on_hand in ({"S1": 15, "S2": 24, "DC": 58}, {"S1": 16, "S2": 26, "DC": 55}):
        found = plan(on_hand, assortment=DEAR)
        assert units(found)["DC"] == need - sum(on_hand.values())
        assert units(found)["DC"] > 0
        stores = {s: on_hand[s] + units(found)[s] for s in MEANS}
        assert stores == {s: wanted[i, :2].sum(axis=0).max() for i, s in enumerate(MEANS)}
        assert found.pools["price"].to_list() == [0, 0]


def test_so_does_a_chain_of_centres() -> None:
    """HUB -> DC -> stores: the hub's order counts the stock of all levels, wherever it lies."""
    chain = [*TO_STORES, {**TO_DC, "source_id": "HUB"}, {**TO_DC, "location_id": "HUB", "lead_time_days": 1}]
    orders = [units(plan({"S1": 15, "S2": 24, "DC": dc, "HUB": hub}, chain, assortment=DEAR)) for dc, hub in ((70, 30), (64, 36))]
    assert orders[0]["HUB"] == orders[1]["HUB"] > 0
    assert orders[1]["DC"] - orders[0]["DC"] == 6
    more = units(plan({"S1": 17, "S2": 24, "DC": 70, "HUB": 30}, chain, assortment=DEAR))
    assert orders[0]["HUB"] - more["HUB"] == 2


def test_a_short_centre_shows_a_price_and_shares_out() -> None:
    scarce = plan({"S1": 3, "S2": 3, "DC": 16})
    plenty = plan({"S1": 3, "S2": 3, "DC": 160})
    price = dict(scarce.pools.select("source_id", "price").iter_rows())
    assert price["DC"] > 0 == price["V1"]
    assert dict(plenty.pools.select("source_id", "price").iter_rows()) == {"DC": 0, "V1": 0}
    assert 0 < units(scarce)["S1"] < units(plenty)["S1"]
    assert 0 < units(scarce)["S2"] < units(plenty)["S2"]
    assert units(scarce)["DC"] > units(plenty)["DC"]
    pool = scarce.pools.filter(pl.col("source_id") == "DC").row(0, named=True)
    assert pool["used"] + pool["kept"] <= pool["limit"]
    assert pool["used"] == (units(scarce)["S1"] + units(scarce)["S2"]) * 10_000
    reasons = {row["location_id"]: row for row in outputs.reasons(scarce.lines, D, 0).to_pylist()}
    assert reasons["S1"]["binding"] == "dc_stock"
    assert reasons["DC"]["stock_at_arrival"] < 0 < reasons["DC"]["demand_until_arrival"]


def test_unmet_draws_are_drawn_again() -> None:
    """Each unit less in the DC, though it is short before its order comes, is one more in it; as far as stores can wait for units."""
    order = {dc: units(plan({"S1": 3, "S2": 3, "DC": dc}))["DC"] for dc in (52, 50, 48, 0)}
    assert order[50] - order[52] == order[48] - order[50] == 2
    short = plan({"S1": 3, "S2": 3, "DC": 50}).lines.filter(pl.col("location_id") == "DC").row(0, named=True)
    assert short["demand_until_arrival"] > 50 > 50 + short["stock_at_arrival"]
    # What the stores' shelves can't take any more is lost, not owed.
    assert order[0] - order[48] < 20


def monday_and_tuesday(dc: float, *more: dict) -> Decision:
    """S1 orders on Mondays, S2 on Tuesdays; it is Monday."""
    weekly = [{**lane, "order_days": days} for lane, days in zip(TO_STORES, ("mon", "tue"), strict=True)]
    return plan({"S1": 3, "S2": 0, "DC": dc}, [*weekly, *more])


def test_tonights_stores_do_not_take_what_tomorrows_need() -> None:
    alone = monday_and_tuesday(60)
    assert units(alone) == units(monday_and_tuesday(600)) == {"S1": 58}
    late = monday_and_tuesday(60, {**TO_DC, "lead_time_days": 3})
    kept = late.pools.filter(pl.col("source_id") == "DC").row(0, named=True)
    assert units(late)["S1"] < units(alone)["S1"]
    assert kept["kept"] > 20 * 10_000
    assert kept["price"] > 0
    daily = plan({"S1": 3, "S2": 3, "DC": 30})  # what these get tonight and don't sell they draw less tomorrow
    assert units(daily)["S1"] + units(daily)["S2"] == 23
    assert daily.pools["kept"].to_list() == [0, 0]
    soon = monday_and_tuesday(60, {**TO_DC, "lead_time_days": 0})
    assert units(soon)["S1"] == units(alone)["S1"]  # its own order is there before Tuesday's stores order
    assert soon.pools.filter(pl.col("source_id") == "DC")["kept"].to_list() == [0]


def test_a_centre_that_waits_for_its_order_day_keeps_too() -> None:
    waits = monday_and_tuesday(60, {**TO_DC, "order_days": "wed"})
    assert "DC" not in units(waits)
    assert waits.pools["kept"].to_list()[0] > 0


def test_own_channels_of_a_centre_count_too() -> None:
    on_hand = {"S1": 15, "S2": 24, "DC": 45}
    rows = inputs(on_hand, assortment=DEAR)
    own = forecast("A", "DC", [4.0] * 14, spread=0.0, channel="online")
    found = plan(on_hand, assortment=DEAR, forecasts=[*rows["forecasts"], *own])
    assert units(found)["DC"] - units(plan(on_hand, assortment=DEAR))["DC"] == 12  # three days at four
    alone = plan({"DC": 2}, forecasts=own, assortment=DEAR)
    assert units(alone) == {"DC": 4}  # what its customers want before the order comes is lost


@pytest.mark.parametrize(
    ("lanes_", "stock", "kinds"),
    [
        (TO_STORES, True, []),  # no lane to the DC
        ([*TO_STORES, TO_DC], False, []),  # no stock record: unlimited
        ([*TO_STORES, {**TO_DC, "source_id": "HUB"}, {**TO_DC, "source_id": "DC", "location_id": "HUB"}], True, ["lane_cycle"]),
        ([*TO_STORES, {**TO_DC, "source_id": "DC"}], True, ["lane_cycle"]),
    ],
    ids=["no lane", "unlimited", "circle", "itself"],
)
def test_a_centre_that_does_not_order_leaves_all_as_it_was(lanes_: list[dict], stock: bool, kinds: list[str]) -> None:
    on_hand = {"S1": 3, "S2": 3, **({"DC": 16, "HUB": 9} if stock else {})}
    found, plain = plan(on_hand, lanes_), plan(on_hand, TO_STORES)
    assert found.lines.equals(plain.lines)
    assert found.pools.drop("process").equals(plain.pools.drop("process"))
    assert found.exceptions["kind"].to_list() == kinds
    assert found.pools["kept"].sum() == 0


def test_a_lane_of_a_centre_that_never_brings_anything_is_named() -> None:
    on_hand = {"S1": 3, "S2": 3, "DC": 16}
    never = {**TO_DC, "order_days": "mon"}
    closed = [{"region": None, "date": day(n), "event": "closed"} for n in range(400)]
    one = night(lanes=[*TO_STORES, never], closed=closed)
    found = decide(tables(**inputs(on_hand)), one)
    assert set(found.exceptions["kind"]) == {"no_order_day"}
    assert len(found.lines) == 0


def test_limits_of_the_centre_itself_hold() -> None:
    on_hand = {"S1": 3, "S2": 3, "DC": 16}
    packs = plan(on_hand, [*TO_STORES, {**TO_DC, "order_multiple": 12}])
    assert units(packs)["DC"] % 12 == 0 < units(packs)["DC"]
    full = plan(on_hand, assortment=[{"item_id": "A", "location_id": "DC", "max_stock": 1}])
    row = full.lines.filter(pl.col("location_id") == "DC").row(0, named=True)
    assert row["on_hand"] + row["units"] - row["demand_until_arrival"] <= 1
    assert "max_stock" in row["binding"]
    lock = [{"item_id": "A", "location_id": "DC", "business_date": D, "units": 7, "reason": "r"}]
    assert units(plan(on_hand, overrides=lock))["DC"] == 7


def test_what_is_under_way_to_a_centre_counts() -> None:
    """An order that an earlier night published is on its way until it is due, and in the stock from then on."""
    on_hand = {"S1": 15, "S2": 24, "DC": 40}
    order = {"item_id": "A", "location_id": "DC", "order_id": "P", "source_id": "V1", "business_date": day(-1), "units": 12}
    plain = units(plan(on_hand))["DC"]
    assert plain - units(plan(on_hand, published=[{**order, "expected_on": day(1)}]))["DC"] == 12
    stale = inputs(on_hand)["stock"]
    stale[2] = {**stale[2], "as_of": day(-3)}
    came = plan(on_hand, stock=stale, published=[{**order, "business_date": day(-3), "expected_on": day(-1)}])
    assert came.lines.filter(pl.col("location_id") == "DC")["on_hand"].to_list() == [52]


def test_random_lead_times_of_a_centre() -> None:
    on_hand = {"S1": 3, "S2": 3, "DC": 16}
    sure, unsure = (units(plan(on_hand, [*TO_STORES, {**TO_DC, "lead_time_std": std}]))["DC"] for std in (0.0, 1.0))
    assert unsure > sure


def test_rows_and_items_beside_it_do_not_matter() -> None:
    rows = inputs({"S1": 3, "S2": 3, "DC": 16})
    one = night(lanes=[*TO_STORES, TO_DC])
    alone = decide(tables(**rows), one)
    others = {name: [{**row, "item_id": item} for item in ("0", "A", "Z") for row in reversed(some)] for name, some in rows.items()}
    beside = decide(tables(**others), night(lanes=[TO_DC, *TO_STORES[::-1]]))
    assert (
        beside.lines.filter(pl.col("item_id") == "A")
        .drop("first")
        .equals(alone.lines.drop("first").with_columns(centre=pl.when(pl.col("location_id") == "DC").then(1).cast(pl.Int64)))
    )
    assert beside.pools.filter(pl.col("item_id") == "A").drop("process").equals(alone.pools.drop("process"))


def test_an_order_cost_makes_the_order_of_a_centre_last() -> None:
    """Draws reach as far as the longest cover; the order covers what its cover asks for, and is placed though it costs something."""
    rows = tables(**inputs({"S1": 15, "S2": 24, "DC": 16}))
    one = night(lanes=[*TO_STORES, {**TO_DC, "order_cost": 2}])
    placed = lines_of(rows, one)
    assert placed.demand.drawn is not None
    assert placed.demand.drawn.shape[1] >= 2 + 28
    chosen = cover.choose(covers(rows, one), lanes.order_terms(one))
    long = replace(one, covers=chosen)
    costed = cost(rows, long)
    found = together.decide(coupling.tables(problem_of(costed), costed.pooled, costed.due, long), 20)
    ordered = dict(decide_as(costed, found.lines, long).lines.select("location_id", "units").iter_rows())
    periods = chosen["periods"].item()
    assert periods > 3
    # What customers want until the last night that it serves, and the stores' stock for two days then: between mean and highest path.
    wanted = customers(periods + 4)
    need = wanted[:, : periods + 2].sum(axis=(0, 1)) + wanted[:, periods + 2 :].sum(axis=1).max(axis=1).sum() - 55
    assert need.mean() < ordered["DC"] <= need.max()
    assert units(plan({"S1": 15, "S2": 24, "DC": 16}))["DC"] < ordered["DC"]


def test_what_is_kept_never_costs_more_the_more_there_is() -> None:
    one = night(lanes=[TO_STORES[0], {**TO_STORES[1], "order_days": "tue"}, TO_DC])
    costed = cost(tables(**inputs({"S1": 3, "S2": 3, "DC": 16})), one)
    assert len(costed.kept) == 1
    assert len(costed.kept.cost) > 10
    assert (np.diff(costed.kept.cost) <= 1e-12).all()
    assert (np.diff(costed.kept.cost, 2) >= -1e-9).all()


class Again(PathRanks):
    """Ranks whose fresh ones are the same."""

    def fresh(self) -> PathRanks:
        return self


def test_on_the_same_paths_centres_cost_the_same_again() -> None:
    """Orders of centres and what they keep, by the list and path by path: alone, and as the night as a whole decides."""
    weekly = [{**lane, "order_days": days} for lane, days in zip(TO_STORES, ("mon", "tue"), strict=True)]
    one = night(lanes=[*weekly, {**TO_DC, "lead_time_days": 3}], ranks=Again(64, 7, USUAL))
    costed = cost(tables(**inputs({"S1": 3, "S2": 0, "DC": 60})), one)
    alone = decide_alone(costed, one)
    assert alone.pools["kept"].sum() > 0
    assert alone.pools["kept_cost"].sum() > 0
    for source, money in alone.pools.select("source_id", "cost").iter_rows():
        assert mean(alone, "chosen", source) == pytest.approx(money)
    whole = together.decide(coupling.tables(problem_of(costed), costed.pooled, costed.due, one), 20)
    found = whole.certificate.filter(pl.col("location_id") == "*")
    decided = decide_as(costed, whole.lines, one)
    for source, money in found.filter(pl.col("source_id") != "*").select("source_id", "cost").iter_rows():
        assert mean(decided, "chosen", source) == pytest.approx(money)
    row = found.row(0, named=True)
    assert mean(decided, "chosen") == pytest.approx(row["cost"])
    # Ordering nothing leaves all 60 units for the store that orders tomorrow.
    assert row["cost"] < mean(decided, "nothing") < row["cost_of_nothing"]
    assert row["cost"] < mean(decided, "base_stock")
    kept = whole.certificate.filter(pl.col("location_id") == "DC", pl.col("source_id") == "DC").row(0, named=True)
    assert (kept["lines"], kept["orders"]) == (0, 0)
    assert kept["cost"] == kept["kept_cost"] == pytest.approx(row["kept_cost"])


def test_fresh_paths_ask_centres_for_something_else() -> None:
    found = plan({"S1": 3, "S2": 3, "DC": 16})
    for source, money in found.pools.select("source_id", "cost").iter_rows():
        assert mean(found, "chosen", source) != pytest.approx(money, rel=1e-6)
        assert mean(found, "chosen", source) == pytest.approx(money, rel=0.3)


def mean(decision: Decision, plan_: str, source: str | None = None) -> float:
    """Cost of a plan on the fresh paths."""
    rows = decision.fresh if source is None else decision.fresh.filter(pl.col("source_id") == source)
    return float(rows.group_by("path").agg(pl.col(plan_).sum())[plan_].mean()) / cover.MICRO  # type: ignore[arg-type]
