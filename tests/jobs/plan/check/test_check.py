"""The independent check: silent on what the plan decides, loud on each of its hand-broken copies."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from jobs.config import Config
from jobs.errors import Blocked
from jobs.forecast.ranks import to_table
from jobs.lake import Lake
from jobs.plan import job
from jobs.plan.check import book as books
from jobs.plan.check import job as check
from jobs.plan.check import orders, pools, resolve, tabled, whole
from jobs.plan.check.rules import broken
from tests.jobs.plan.small import LOCATIONS, D, day, fill, forecast, ranks

Tables = dict[str, pa.Table]


@pytest.fixture(scope="module")
def decided(spark, tmp_path_factory) -> Lake:
    """A night with everything: whole and fractional units, two channels, perishables, shelves to fill, full ones, a lock, terms, limits."""
    lake = Lake(str(tmp_path_factory.mktemp("checked")), spark, "checked")
    lake.create_tables()
    items = [
        {"item_id": "A", "unit_cost": 2, "unit_price": 3, "unit_volume": 0.5},
        {"item_id": "B", "unit_cost": 1, "shelf_life_days": 4},
        {"item_id": "C", "unit_cost": 4, "unit_price": 6},
        {"item_id": "E", "unit_cost": 1.5},
    ]
    pairs = [(i["item_id"], s) for i in items for s in ("S1", "S2")]
    means = {"A": 5.0, "B": 8.0, "C": 0.4, "E": 2.5}
    fill(
        lake,
        locations=LOCATIONS,
        items=items,
        lanes=[
            {"source_id": "DC", "location_id": "S1", "lead_time_days": 1, "order_multiple": 6},
            {"source_id": "DC", "location_id": "S2", "lead_time_days": 2, "order_multiple": 2, "min_order_value": 40},
            {"source_id": "DC", "location_id": "S2", "item_id": "E", "min_order_units": 4, "order_multiple": 1.5},
        ],
        stock=[{"item_id": i, "location_id": s, "as_of": day(-1), "on_hand": 3, "reserved": 0} for i, s in pairs]
        + [{"item_id": "A", "location_id": "DC", "as_of": day(-1), "on_hand": 20, "reserved": 0}],
        assortment=[
            {"item_id": "B", "location_id": "S1", "presentation_min": 4, "max_stock": 25, "holding_cost": 0.05},
            {"item_id": "C", "location_id": "S1", "max_stock": 9},
        ],
        capacities=[
            {"resource": "dc_outbound", "location_id": "DC", "limit": 70, "unit": "units"},
            {"resource": "receiving", "location_id": "S1", "limit": 60, "unit": "units", "date": day(1)},
        ],
        overrides=[{"item_id": "C", "location_id": "S2", "business_date": D, "units": 4, "reason": "promised"}],
        gold__forecasts=[
            *(row for i, s in pairs for row in forecast(i, s, [means[i]] * 8, whole_units=i != "E", p_zero=0.0 if means[i] > 1 else 0.65)),
            *forecast("A", "S2", [1.5] * 8, channel="online"),
        ],
        gold__path_ranks=to_table(ranks(), D, lake.run_id).to_pylist(),
    )
    job.main(spark, lake, Config(), D)
    return lake


def test_what_the_plan_decides_keeps_every_rule(decided: Lake) -> None:
    tables = check._tables(decided, Config(), D)
    assert broken(tables) == []
    assert tables["orders"].num_rows >= 5
    count = tables["orders"].num_rows
    said = f"{count} order lines keep every rule, {count} costed again, 0 pools of scarce stock and 2 whole orders solved again"
    said += " (1 of their lists as published)"
    said += "; lower bound found again but for 0.0000% of cost"
    assert check.main(decided, Config(), D) == said


def edit(name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Tables], Tables]:
    def apply(tables: Tables) -> Tables:
        rows = pl.DataFrame(pl.from_arrow(tables[name]))
        return {**tables, name: change(rows).select(rows.columns).to_arrow().cast(tables[name].schema)}

    return apply


def where(item: str, location: str, **values: Any) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """The row of a pair with other values."""
    mine = (pl.col("item_id") == item) & (pl.col("location_id") == location)
    return lambda rows: rows.with_columns(
        pl.when(mine).then(pl.lit(value).cast(rows.schema[name])).otherwise(name).alias(name) for name, value in values.items()
    )


def more(location: str, times: int) -> Callable[[pl.DataFrame], pl.DataFrame]:
    there = pl.col("location_id") == location
    return lambda rows: rows.with_columns(
        pl.when(there).then(pl.col(n) * times).otherwise(n).cast(rows.schema[n]).alias(n) for n in ("units", "order_value")
    )


TWELVE_AND_MORE: dict[str, Callable[[Tables], Tables]] = {
    "no_lane": edit("orders", where("A", "S1", source_id="V1")),
    "not_a_multiple": edit("orders", where("A", "S1", units="7")),
    "below_min_order_units": edit("orders", where("E", "S2", units="1.5")),
    "above_max_stock": edit("orders", where("B", "S1", units="60")),
    "too_early": edit("orders", where("A", "S2", expected_on=day(1))),
    "no_order_day": edit("lanes", lambda rows: rows.with_columns(order_days=pl.lit("tue,sat"))),
    "ordered_twice": edit("orders", lambda rows: pl.concat([rows, rows.head(1).with_columns(source_id=pl.lit("V1"))])),
    "below_order_minimum": edit("orders", lambda rows: rows.with_columns(order_value=pl.col("order_value") / 10)),
    "above_capacity": edit("orders", more("S1", 3)),
    "above_stock": edit("orders", where("A", "S2", units="40")),
    "reasons_differ": edit("reasons", where("A", "S1", units="0")),
    "stock_ages_differ": edit("reasons", lambda rows: rows.with_columns(batch_units=pl.col("batch_units").list.eval(pl.element() + 1))),
    "lock_not_kept": edit("orders", lambda rows: rows.filter(pl.col("item_id") != "C")),
    "bound_above_cost": edit("certificates", lambda rows: rows.with_columns(lower_bound=pl.col("cost") + 1)),
    "fresh_cost_differs": edit("certificates", lambda rows: rows.with_columns(cost_fresh=pl.col("cost_fresh") * 1.1)),
    "prices_differ": edit("prices", lambda rows: rows.with_columns(price=pl.col("price") * 2)),
    "list_differs": edit("reasons", lambda rows: rows.with_columns(costs=pl.col("costs").list.eval(pl.element() * 1.01))),
    "order_costs_differ": edit("certificates", lambda rows: rows.with_columns(cost=pl.col("cost") * 1.01)),
    "negative_price": edit("prices", lambda rows: rows.with_columns(price=-(pl.col("price") + 1))),
}


@pytest.mark.parametrize("rule", TWELVE_AND_MORE)
def test_a_broken_copy_is_found(decided: Lake, rule: str) -> None:
    found = {finding.rule: finding for finding in broken(TWELVE_AND_MORE[rule](check._tables(decided, Config(), D)))}
    assert rule in found
    assert found[rule].examples


@pytest.mark.parametrize("column", ["expected_cost", "cost_one_less", "cost_one_more"])
def test_a_wrong_cost_is_found(decided: Lake, column: str) -> None:
    tables = check._tables(decided, Config(), D)
    wrong = edit("orders", lambda rows: rows.with_columns((pl.col(column) * 2).cast(rows.schema[column]).alias(column)))(tables)
    placed = wrong["orders"].to_pylist()
    book = books.read(decided, Config(), D, wrong, {order["item_id"] for order in placed})
    _, found = check._recosted(book, wrong, placed)
    assert found
    assert all(column in text for text in found)


def test_broken_orders_are_not_published(decided: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = check._tables(decided, Config(), D)
    monkeypatch.setattr(check, "_tables", lambda *_: TWELVE_AND_MORE["not_a_multiple"](tables))
    with pytest.raises(Blocked, match=r"not_a_multiple: 1, such as .*7.0000 is no multiple of 6"):
        check.main(decided, Config(), D)


@pytest.fixture(scope="module")
def scarce(spark, tmp_path_factory) -> Lake:
    """A night in which two items are scarce at the DC, each solved by itself; packs of 6 and of 4, a full shelf."""
    lake = Lake(str(tmp_path_factory.mktemp("scarce")), spark, "scarce")
    lake.create_tables()
    pairs = [(i, s) for i in "ABC" for s in ("S1", "S2", "W1")]
    fill(
        lake,
        locations=LOCATIONS,
        items=[{"item_id": i, "unit_cost": 2, "unit_price": 3} for i in "ABC"],
        lanes=[
            {"source_id": "DC", "location_id": s, "lead_time_days": 1, "order_multiple": m} for s, m in (("S1", 6), ("S2", 4), ("W1", 1))
        ],
        stock=[{"item_id": i, "location_id": s, "as_of": day(-1), "on_hand": 3, "reserved": 0} for i, s in pairs]
        + [
            {"item_id": i, "location_id": "DC", "as_of": day(-1), "on_hand": n, "reserved": 0} for i, n in (("A", 20), ("B", 25), ("C", 90))
        ],
        assortment=[{"item_id": "A", "location_id": "S1", "max_stock": 9}],
        gold__forecasts=[row for i, s in pairs for row in forecast(i, s, [5.0 + ord(i) % 3] * 8)],
        gold__path_ranks=to_table(ranks(), D, lake.run_id).to_pylist(),
    )
    job.main(spark, lake, Config(), D)
    return lake


def pools_again(lake: Lake, tables: Tables) -> list[str]:
    found = pools.chosen(tables)
    book = books.read(lake, Config(), D, tables, {pool.price["item_id"] for pool in found})
    return pools.solved_again(book, found)[2]


def test_pools_of_scarce_stock_are_solved_again(scarce: Lake) -> None:
    tables = check._tables(scarce, Config(), D)
    prices = {row["item_id"]: row for row in tables["prices"].to_pylist()}
    assert prices["A"]["price"] > 0
    assert prices["C"]["price"] == 0
    assert [pool.price["item_id"] for pool in pools.chosen(tables)][-1] == "C"
    assert check.main(scarce, Config(), D).endswith("3 pools of scarce stock and 0 whole orders solved again")


def prices_with(**change: pl.Expr) -> Callable[[Tables], Tables]:
    return edit("prices", lambda rows: rows.with_columns(value.cast(rows.schema[name]).alias(name) for name, value in change.items()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lower_bound": pl.col("lower_bound") * 1.05 + 1}, "above the optimum"),
        ({"lower_bound": pl.col("lower_bound") - 1}, "proves"),
        ({"price": pl.col("price") * 3}, "another"),
        ({"price": pl.col("price") * 0}, "another"),
        ({"cost": pl.col("lower_bound") - 1, "lower_bound": pl.col("lower_bound") - 1}, "cost .* below the optimum"),
    ],
)
def test_a_wrong_bound_price_or_optimum_of_a_pool_is_found(scarce: Lake, change: dict[str, pl.Expr], said: str) -> None:
    tables = check._tables(scarce, Config(), D)
    assert pools_again(scarce, tables) == []
    found = pools_again(scarce, prices_with(**change)(tables))
    assert any(re.search(said, text) for text in found), found


@pytest.mark.parametrize(
    ("rule", "broken_copy"),
    [
        ("bound_not_added_up", edit("certificates", lambda rows: rows.with_columns(lower_bound=pl.col("lower_bound") * 0.98))),
        ("pool_costs_differ", prices_with(cost=pl.col("cost") * 1.02)),
        ("prices_differ", prices_with(price=pl.col("price") * 1.5)),
    ],
)
def test_pools_that_do_not_add_up_are_found(scarce: Lake, rule: str, broken_copy: Callable[[Tables], Tables]) -> None:
    tables = check._tables(scarce, Config(), D)
    assert broken(tables) == []
    assert rule in {finding.rule for finding in broken(broken_copy(tables))}


def orders_again(lake: Lake, tables: Tables) -> list[str]:
    placed = orders.chosen(tables)
    book = books.read(lake, Config(), D, tables, {reason["item_id"] for order in placed for reason in order.reasons})
    done, _, wrong = orders.solved_again(book, tables, placed)
    assert done == 2
    return wrong


def whole_night() -> pl.Expr:
    return pl.col("source_id") == "*"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (pl.when(~whole_night()).then(pl.col("cost") + 5).otherwise("lower_bound").alias("lower_bound"), "above a plan"),
        (pl.when(~whole_night()).then(pl.col("cost") * 0.8 - 1).otherwise("cost").alias("cost"), "below the optimum"),
        (pl.when(~whole_night()).then(pl.col("cost") + 5).otherwise("cost").alias("cost"), "can be saved"),
    ],
)
def test_a_wrong_bound_or_cost_of_an_order_is_found(decided: Lake, change: pl.Expr, said: str) -> None:
    tables = check._tables(decided, Config(), D)
    assert orders_again(decided, tables) == []
    found = orders_again(decided, edit("certificates", lambda rows: rows.with_columns(change))(tables))
    assert any(said in text for text in found), found


def test_a_solver_that_dies_finds_nothing() -> None:
    """A dead solver is no fault of the plan: nothing is said to have been looked at."""
    assert resolve.in_a_process([{"lines": "rubbish"}], 60.0) == [None]


def bound_again(tables: Tables) -> list[str]:
    found, wrong = whole.found_again(tables)
    assert found is not None
    return wrong


def with_bound(bound: float) -> Callable[[Tables], Tables]:
    """Another lower bound of the night."""
    mine = pl.col("source_id") == "*"
    return edit("certificates", lambda rows: rows.with_columns(pl.when(mine).then(bound).otherwise("lower_bound").alias("lower_bound")))


def test_the_whole_lower_bound_is_found_again(decided: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small night as one problem, and by the published prices alone: what these prove passes, 1% more does not."""
    tables = check._tables(decided, Config(), D)
    found, wrong = whole.found_again(tables)
    assert found is not None
    assert (wrong, found.unverified) == ([], 0.0)
    bound = night_of(tables, "lower_bound")
    assert found.least == pytest.approx(bound, abs=1e-3)
    assert "can be found again" in bound_again(with_bound(1.01 * bound)(tables))[0]
    monkeypatch.setattr(whole, "FEW_LINES", 0)
    by_prices, _ = whole.found_again(tables)
    assert by_prices is not None
    assert by_prices.least <= by_prices.most <= bound + 1e-3
    assert by_prices.most - by_prices.least < 1e-3
    assert by_prices.unverified == pytest.approx((bound - by_prices.least) / night_of(tables, "cost"), abs=1e-3)
    assert bound_again(with_bound(by_prices.least)(tables)) == []
    assert bound_again(with_bound(1.01 * by_prices.most)(tables)) != []
    at_most = with_bound(by_prices.least)(tables)
    assert bound_again(edit("prices", lambda rows: rows.with_columns(bound_price=pl.col("bound_price") + 1))(at_most)) != []


def night_of(tables: Tables, column: str) -> float:
    rows = tables["certificates"].to_pylist()
    return next(row[column] for row in rows if row["source_id"] == "*")


def test_a_list_that_is_not_the_one_decided_on_is_found(decided: Lake) -> None:
    tables = check._tables(decided, Config(), D)
    dearer = edit("reasons", lambda rows: rows.with_columns(costs=pl.col("costs").list.eval(pl.element() + 0.5)))
    placed = orders.chosen(dearer(tables))
    book = books.read(decided, Config(), D, tables, {reason["item_id"] for order in placed for reason in order.reasons})
    assert "in the list decided on" in orders.solved_again(book, tables, placed)[2][0]


@pytest.fixture(scope="module")
def chosen(spark, tmp_path_factory) -> Lake:
    """Two lanes to each store, a cheap slow one and a dear fast one; S1 is about to run out of A, S2 is not; B is sold soon or wasted."""
    lake = Lake(str(tmp_path_factory.mktemp("chosen")), spark, "chosen")
    lake.create_tables()
    fill(
        lake,
        locations=[*LOCATIONS, {"location_id": "V2", "kind": "supplier"}],
        items=[{"item_id": "A", "unit_cost": 2, "unit_price": 4}, {"item_id": "B", "unit_cost": 2, "unit_price": 4, "shelf_life_days": 6}],
        lanes=[
            *({"source_id": "V1", "location_id": s, "lead_time_days": 5, "unit_cost": 2} for s in ("S1", "S2")),
            *({"source_id": "V2", "location_id": s, "lead_time_days": 1, "unit_cost": 2.5} for s in ("S1", "S2")),
        ],
        stock=[
            {"item_id": i, "location_id": s, "as_of": day(-1), "on_hand": n, "reserved": 0}
            for i, s, n in (("A", "S1", 2), ("A", "S2", 27), ("B", "S1", 3), ("B", "S2", 26))
        ],
        gold__forecasts=[row for i in "AB" for s in ("S1", "S2") for row in forecast(i, s, [5.0] * 8)],
        gold__path_ranks=to_table(ranks(), D, lake.run_id).to_pylist(),
    )
    job.main(spark, lake, Config(), D)
    return lake


def test_lanes_to_choose_from_are_checked(chosen: Lake) -> None:
    tables = check._tables(chosen, Config(), D)
    placed = {(row["item_id"], row["location_id"]): row["source_id"] for row in tables["orders"].to_pylist()}
    assert placed == {("A", "S1"): "V2", ("A", "S2"): "V1", ("B", "S1"): "V2", ("B", "S2"): "V1"}
    said = check.main(chosen, Config(), D)
    assert said.startswith("4 order lines keep every rule, 4 costed again")
    assert said.endswith("lower bound found again but for 0.0000% of cost")
    lines = tabled.lines(tables)
    assert lines is not None
    least, most, _ = whole._between(lines)
    assert least <= night_of(tables, "lower_bound") + 1e-3 <= most + 2e-3
    assert least == pytest.approx(most, rel=1e-3)


def test_a_premium_that_was_not_paid_is_found(chosen: Lake) -> None:
    tables = edit("reasons", lambda rows: rows.with_columns(premium=pl.lit(0.0)))(check._tables(chosen, Config(), D))
    placed = tables["orders"].to_pylist()
    book = books.read(chosen, Config(), D, tables, {order["item_id"] for order in placed})
    assert check._recosted(book, tables, placed)[1]
