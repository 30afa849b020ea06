"""Several lanes to one item-location: which is taken tonight, at what cost, and what is said of it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from jobs.forecast.ranks import PathRanks
from jobs.plan import choices, coupling, expected_cost, inputs, outputs, together
from jobs.plan.cover import MICRO
from jobs.plan.fresh import PLANS
from jobs.plan.shard import Costed, Decision, cost, decide_as, lines_of, problem_of
from jobs.plan.terms import AT_ARRIVAL, terms_of
from tests.jobs.plan.small import D, Row, day, forecast, night, table, tables

SLOW = {"source_id": "V1", "location_id": "S1", "lead_time_days": 5, "unit_cost": 2.0}
FAST = {"source_id": "V2", "location_id": "S1", "lead_time_days": 1, "unit_cost": 2.5}
PLACES = [{"location_id": n, "kind": k} for n, k in (("S1", "store"), ("V1", "supplier"), ("V2", "supplier"), ("V3", "supplier"))]


def several(lanes: list[Row], **more: Any) -> Any:
    return night(lanes=lanes, locations=table("silver/locations", PLACES), alternatives=True, **more)


def rows(on_hand: float, **more: Any) -> dict[str, Any]:
    stock = [{"item_id": "A", "location_id": "S1", "as_of": day(-1), "on_hand": on_hand, "reserved": 0}]
    items = [{"item_id": "A", "unit_cost": 2, "unit_price": 4}]
    return {"forecasts": forecast("A", "S1", [5.0] * 14), "items": items, "stock": stock, **more}


def planned(lanes: list[Row], on_hand: float, night_: dict[str, Any] | None = None, **more: Any) -> tuple[Costed, Decision, pl.DataFrame]:
    one = several(lanes, **(night_ or {}))
    costed = cost(tables(**rows(on_hand, **more)), one)
    problem = coupling.tables(problem_of(costed), costed.pooled, costed.due, one)
    found = together.decide(problem, 20)
    return costed, decide_as(costed, found.lines, one), found.certificate


def units(decision: Decision) -> dict[str, float]:
    return dict(decision.lines.select("source_id", "units").iter_rows())


def test_the_fast_lane_where_stock_runs_out_before_the_slow_one_can_arrive() -> None:
    _, short, _ = planned([SLOW, FAST], 2)
    assert units(short)["V1"] == 0
    assert units(short)["V2"] > 15
    _, enough, _ = planned([SLOW, FAST], 27)
    assert units(enough)["V2"] == 0
    assert 0 < units(enough)["V1"] < 10
    # A premium above what a lost unit costs (1.2) is never worth it.
    _, dear, _ = planned([SLOW, {**FAST, "unit_cost": 3.3}], 2)
    assert units(dear)["V2"] == 0


def test_where_the_usual_lane_is_taken_the_other_changes_nothing() -> None:
    for on_hand in (24, 27, 40):
        _, alone, _ = planned([SLOW], on_hand)
        _, beside, _ = planned([SLOW, FAST], on_hand)
        assert units(beside)["V1"] == units(alone)["V1"]


def test_lists_of_a_choice_cover_the_same_dates_and_share_the_cost_of_nothing() -> None:
    costed, decision, certificate = planned([SLOW, FAST], 2)
    lines = costed.lines.sort("source_id")
    assert lines["next_arrives_on"].to_list() == [day(6)] * 2
    assert lines["opens_on"].to_list() == [day(1)] * 2
    assert lines["main"].to_list() == [True, False]
    slow, fast = (costed.lists.line(i) for i in range(2))
    assert slow[0] == fast[0]
    problem = coupling.tables(problem_of(costed), costed.pooled, costed.due, several([SLOW, FAST]))
    assert problem.lines["choice_id"].to_list() == [0, 0]
    night_ = certificate.row(0, named=True)
    assert night_["cost"] == pytest.approx(fast.min())
    assert night_["cost_of_nothing"] == pytest.approx(slow[0])
    parts = certificate.filter(pl.col("location_id") != "*")
    assert parts["cost"].sum() == pytest.approx(night_["cost"])
    assert (parts["lower_bound"] <= parts["cost"]).all()
    assert night_["lines"] == parts["lines"].sum() == 1
    ordered = decision.lines.filter(pl.col("units") > 0).row(0, named=True)
    assert ordered["expected_cost"] == pytest.approx(night_["cost"])


def test_the_cost_of_a_fast_order_by_hand() -> None:
    """Path by path: what is lost and held from the first day on, the premium, what is left over at the end."""
    lines = lines_of(tables(**rows(2)), several([SLOW, FAST]))
    terms = terms_of(lines.lines, lines.demand, several([SLOW, FAST]), lines.centres)
    assert terms.opens.tolist() == [1, AT_ARRIVAL]
    assert (terms.cover.tolist(), terms.review.tolist()) == ([1, 5], [1, 1])
    lists = expected_cost.evaluate(terms, lines.demand, 0.999)
    demand = [lines.demand.of_pairs(terms.first[:1], terms.series[:1], step)[0] for step in range(6)]
    paths, holding, shortage = lines.demand.paths, terms.holding[0], terms.shortage[0]
    base = sorted(demand[5])[int(-(-(shortage / (shortage + holding)) * paths // 1)) - 1]
    for i, (n, arrives) in enumerate(((3, 5), (20, 1))):
        total = 0.0
        for path in range(paths):
            stock = max(2 - demand[0][path], 0.0)
            for step in range(1, 6):
                stock += (n if step == arrives else 0) - demand[step][path]
                total += shortage * max(-stock, 0.0) + holding * max(stock, 0.0)
                stock = max(stock, 0.0)
            total += holding * max(stock - base, 0.0) ** 2 / (2 * terms.rate[0])
        assert lists.line(i)[n] == pytest.approx(total / paths)


def test_fresh_paths_count_each_pair_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the night's own paths in the place of fresh ones, the same costs come out."""
    monkeypatch.setattr(PathRanks, "fresh", lambda ranks: ranks)
    for on_hand in (2, 27):
        _, decision, certificate = planned([SLOW, FAST], on_hand)
        mean = decision.fresh.select(pl.col(PLANS).sum() / MICRO / night().ranks.paths).row(0, named=True)
        assert mean["chosen"] == pytest.approx(certificate["cost"][0], rel=1e-6)
        assert mean["nothing"] == pytest.approx(certificate["cost_of_nothing"][0], rel=1e-6)


def test_what_is_said_of_it() -> None:
    _, short, _ = planned([SLOW, FAST], 2)
    reasons = {row["source_id"]: row for row in outputs.reasons(short.lines, D, 0).to_pylist()}
    assert "0.5 a unit dearer than the cheapest lane, which arrives on 2024-05-11" in reasons["V2"]["reason"]
    assert reasons["V2"]["premium"] == 0.5
    assert "another_lane" not in reasons["V2"]["binding"]
    assert reasons["V1"]["binding"] == "another_lane"
    assert reasons["V1"]["reason"].startswith("Nothing from here, another lane is better tonight")
    assert reasons["V1"]["costs"][0] == reasons["V2"]["costs"][0]


def test_a_lane_that_is_no_choice() -> None:
    late = {**FAST, "source_id": "V3", "lead_time_days": 6}  # not before the usual lane's next order
    costed, _, _ = planned([SLOW, late], 2)
    assert costed.lines["offered"].to_list() == [True, False]
    locked = {"overrides": [{"item_id": "A", "location_id": "S1", "business_date": D, "units": 4, "reason": "r"}]}
    costed, decision, _ = planned([SLOW, FAST], 2, **locked)
    assert costed.lines["offered"].to_list() == [True, False]
    assert units(decision) == {"V1": 4, "V2": 0}
    named = {"overrides": [{**locked["overrides"][0], "source_id": "V2"}]}
    assert units(planned([SLOW, FAST], 2, **named)[1]) == {"V1": 0, "V2": 4}


def test_on_a_day_on_which_only_the_dear_lane_orders() -> None:
    weekly = {**SLOW, "order_days": "thu"}
    costed, decision, _ = planned([weekly, FAST], 2)
    assert costed.lines.select("source_id", "main").rows() == [("V2", True)]
    assert costed.lines["premium"].to_list() == [0.5]
    assert 0 < units(decision)["V2"] <= 2 * 5  # until tomorrow's order arrives
    _, full, _ = planned([weekly, FAST], 40)
    assert units(full)["V2"] == 0


def test_a_scarce_cheap_source_leaves_the_dear_one() -> None:
    capacity = {"resource": "dc_outbound", "location_id": "V1", "limit": 0.0, "unit": "units"}
    usual = {**SLOW, "lead_time_days": 1}
    beside = {**FAST, "unit_cost": 2.2}
    _, free, _ = planned([usual, beside], 2)
    assert units(free)["V1"] > 0 == units(free)["V2"]
    _, scarce, _ = planned([usual, beside], 2, {"capacities": table("silver/capacities", [capacity])})
    assert units(scarce)["V2"] > 0 == units(scarce)["V1"]


def test_which_lanes_are_alternatives() -> None:
    def has(*lanes: Row) -> bool:
        return inputs._has_alternatives(table("silver/lanes", list(lanes)))

    assert has(SLOW, FAST)
    assert not has(SLOW, {**FAST, "location_id": "S2"})
    assert not has(SLOW, {**SLOW, "item_id": "A"})
    assert has(SLOW, {**FAST, "item_id": "A"})
    assert has({**SLOW, "item_id": "A"}, {**FAST, "item_id": "A"})
    assert not has({**SLOW, "item_id": "A"}, {**FAST, "item_id": "B"})


def test_without_alternatives_lines_stay_as_they_are() -> None:
    one = night()
    lines = pl.DataFrame({"item_id": ["A"], "location_id": ["S1"], "chosen": [True], "arrives_on": [day(1)], "next_arrives_on": [day(2)]})
    assert choices.offered(lines, one).select("offered", "main", "opens_on", "next_arrives_on").row(0) == (True, True, day(1), day(2))
