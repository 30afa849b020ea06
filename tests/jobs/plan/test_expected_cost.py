"""Expected cost against a naive loop over paths and periods, and against the newsvendor's closed forms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from jobs.plan import demand
from jobs.plan.check import later
from jobs.plan.check.recost import Line
from jobs.plan.expected_cost import evaluate
from jobs.plan.random_leads import random_leads
from jobs.plan.terms import AT_ARRIVAL, Terms
from tests.jobs.plan.small import forecast, night, ranks, table

PATHS = 64


def series(lines: int = 2, steps: int = 10, **more) -> demand.Demand:
    rows = [row for i in range(lines) for row in forecast(f"I{i}", "S1", [4.0 + 3 * i] * steps, **more)]
    return demand.read(table("gold/forecasts", rows), night(ranks=ranks(PATHS)))


def terms(lines: int = 2, **more) -> Terms:
    full = {
        "lead": 1, "cover": 2, "first": range(lines), "series": 1, "on_hand": 6.0, "in_transit": 0.0, "multiple": 3.0, "min_units": 0.0,
        "max_stock": np.inf, "presentation": 0.0, "holding": 0.05, "shortage": 1.0, "waste": 2.0, "life": np.inf, "rate": 4.0, "locked": -1,
        "lead_std": 0.0, "owed": 0.0, "opens": AT_ARRIVAL, "stretch": 0, "newest": False,
        **more,
    }  # fmt: skip
    whole = {"lead", "cover", "first", "series", "locked", "opens", "stretch"}
    arrivals = np.asarray(full.pop("arrivals", np.zeros((lines, 4))), float)
    expired = np.asarray(full.pop("batches", np.zeros((lines, 1))), float).cumsum(axis=1)
    typed = {n: np.asarray(v, np.int64 if n in whole else bool if n == "newest" else float) for n, v in full.items()}
    return Terms(
        **{n: np.broadcast_to(v, (lines,)).copy() for n, v in typed.items()},
        arrivals=arrivals,
        expired=expired,
        waits=np.zeros((lines, 0, 2)),
    )


def naive(t: Terms, d: demand.Demand, i: int, n: int) -> tuple[float, float, float]:
    """Cost, lost sales and runs out, path by path and period by period."""
    cost = lost_sales = out = 0.0
    window = [sum(d.units(t.first[i : i + 1], s)[0][p] for s in range(t.lead[i], t.lead[i] + t.cover[i])) for p in range(PATHS)]
    ratio = t.shortage[i] / (t.shortage[i] + t.holding[i] * t.cover[i])
    base = sorted(window)[int(np.ceil(ratio * PATHS - 1e-9)) - 1] + t.presentation[i]
    for p in range(PATHS):
        batches, ran_out = naive_batches(t, i), False
        for s in range(t.lead[i] + t.cover[i]):
            naive_come(t, i, n, s, batches, younger=True)
            lost = naive_sell(batches, d.units(t.first[i : i + 1], s)[0][p])
            naive_spoil(batches, s)
            stock = sum(units for units, _ in batches)
            if s >= t.lead[i]:
                cost += t.holding[i] * stock + t.shortage[i] * (lost + max(t.presentation[i] - stock, 0))
                lost_sales += lost
                ran_out |= lost > 0
        cost += t.holding[i] * max(stock - base, 0) ** 2 / (2 * t.rate[i])
        cost += t.waste[i] * naive_wasted(t, d, i, n, p)
        out += ran_out
    return cost / PATHS + naive_beyond(t, d, i, n), lost_sales / PATHS, out / PATHS


Batches = list[list[float]]


def naive_batches(t: Terms, i: int) -> Batches:
    """Stock as [units, last step of sale]; what is left keeps."""
    steps = np.diff(t.expired[i], prepend=0.0)
    return [*([units, float(s)] for s, units in enumerate(steps) if units > 0), [t.on_hand[i] - steps.sum(), np.inf]]


def naive_come(t: Terms, i: int, n: int, s: int, batches: Batches, *, younger: bool) -> None:
    """What arrives in a step: what was under way, then the order. What comes after the order (``younger``) does not spoil."""
    if s <= t.lead[i] or younger:
        batches.append([t.arrivals[i, s], s + t.life[i] - 1 if s <= t.lead[i] else np.inf])
    if s == t.lead[i]:
        batches.append([n * t.multiple[i], s + t.life[i] - 1])


def naive_sell(batches: Batches, units: float) -> float:
    """What may be sold the shortest first; returns what is lost."""
    for batch in sorted(batches, key=lambda batch: batch[1]):
        sold = min(batch[0], units)
        batch[0], units = batch[0] - sold, units - sold
    return units


def naive_spoil(batches: Batches, s: int) -> float:
    """What may not be sold after a step."""
    spoilt = [batch for batch in batches if batch[1] <= s]
    for batch in spoilt:
        batches.remove(batch)
    return sum(units for units, _ in spoilt)


def naive_wasted(t: Terms, d: demand.Demand, i: int, n: int, p: int) -> float:
    """Units of what was there, and of the order, that no demand of 14 periods (or the window) and then the mean rate takes in time."""
    if not np.isfinite(t.life[i]):
        return 0.0
    batches, wasted, sure = naive_batches(t, i), 0.0, min(int(t.life[i]), max(int(t.cover[i]), 14))
    for s in range(t.lead[i] + sure):
        naive_come(t, i, n, s, batches, younger=False)
        naive_sell(batches, d.units(t.first[i : i + 1], s)[0][p])
        spoilt = naive_spoil(batches, s)
        wasted += spoilt if s >= t.lead[i] else 0.0
    if sure < t.life[i]:
        sells = t.rate[i] * (t.life[i] - sure)
        *older, order = batches
        wasted += max(order[0] - max(sells - sum(units for units, _ in older), 0.0), 0.0)
    return wasted


def naive_beyond(t: Terms, d: demand.Demand, i: int, n: int) -> float:
    """What is lost in the window does to later ones: the checker's plain loops."""
    arrivals = dict(enumerate(t.arrivals[i].tolist()))
    costs = {name: float(getattr(t, name)[i]) for name in ("holding", "shortage", "waste", "presentation", "life")}
    dates = {"lead": int(t.lead[i]), "cover": int(t.cover[i]), "opens": int(t.opens[i]), "review": int(t.review[i])}
    line = Line("", "", "", {}, float(t.on_hand[i]), arrivals, **dates, **costs, premium=0.0)
    periods = line.lead + line.cover * (1 + later.count(line))
    return later.cost(line, [d.units(t.first[i : i + 1], s)[0].tolist() for s in range(periods)], n * t.multiple[i])


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"lead": 0, "cover": 1},
        {"lead": 3, "cover": 4, "arrivals": np.ones((2, 7)) * [[2.0], [0.5]]},
        {"presentation": 5.0},
        {"life": [3.0, np.inf], "on_hand": 20.0, "batches": [[12.0, 8.0], [0.0, 0.0]]},
        {
            "life": [2.0, 4.0],
            "on_hand": 16.0,
            "batches": [[8.0, 5.0, 3.0], [2.0, 0.0, 14.0]],
            "cover": 5,
            "arrivals": np.ones((2, 6)) * 1.5,
        },
        {
            "life": [2.0, 6.0],
            "batches": [[6.0, 0.0], [2.0, 4.0]],
            "presentation": 3.0,
            "lead": 2,
            "cover": 7,
            "arrivals": np.ones((2, 9)) * [[0.5], [2.0]],
            "multiple": 1.0,
        },
        {"life": [30.0, 3.0], "on_hand": 90.0, "batches": [[30.0, *[0.0] * 20, 60.0], [50.0, 40.0, *[0.0] * 20]], "cover": 3, "rate": 0.5},
        {"multiple": [1.0, 0.7], "rate": 0.1, "on_hand": 0.0},
        {"arrivals": [[0, 0, 9.0, 0], [4.0, 4.0, 0, 30.0]], "holding": 0.4},
        {"lead": 1, "cover": 1, "holding": 0.3, "on_hand": 1.0, "multiple": 1.0},
        {"lead": 4, "cover": 1, "holding": 0.2, "arrivals": np.ones((2, 5)) * [[4.0], [6.0]]},
        {"lead": 4, "cover": 2, "holding": [0.2, 0.02], "arrivals": np.ones((2, 6)) * 4.0},
        {"lead": 1, "cover": 3, "holding": 0.2, "multiple": 1.0, "on_hand": 2.0},
    ],
)
def test_as_the_naive_loop(more: dict) -> None:
    t, d = terms(**more), series()
    lists = evaluate(t, d, 0.999)
    for i in range(2):
        start, end = lists.start[i : i + 2]
        expected = np.array([naive(t, d, i, n) for n in range(end - start)])
        np.testing.assert_allclose(lists.cost[start:end], expected[:, 0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(lists.lost[start:end], expected[:, 1], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(lists.p_out[start:end], expected[:, 2], atol=1e-12)


def test_random_lead_times_are_averaged() -> None:
    """The mean of the naive loop over the drawn pairs; a sure line beside it is as it is alone."""
    t, d = terms(lead=[2, 1], cover=3, lead_std=[1.0, 0.0], arrivals=np.ones((2, 9))), series(steps=12)
    lists = evaluate(t, d, 0.95)
    lead, following = random_leads(t)
    for n in (0, 1, len(lists.line(0)) - 1):
        drawn = [
            naive(dataclasses.replace(t, lead=np.full(2, a), cover=np.full(2, b - a)), d, 0, n)[0]
            for a, b in zip(lead[0], following[0], strict=True)
        ]
        assert lists.line(0)[n] == pytest.approx(np.mean(drawn))
    alone = evaluate(t.take(np.array([1])), d, 0.95)
    assert lists.line(1).tolist() == alone.line(0).tolist()
    assert lists.wanted[1] == alone.wanted[0]


def test_random_leads_scatter_as_said_and_never_overtake() -> None:
    lead, following = random_leads(terms(lines=1, lead=10, cover=9, lead_std=2.0))
    assert lead.mean() == pytest.approx(10, abs=0.2)
    assert lead.std() == pytest.approx(2.0, abs=0.3)
    assert following.mean() == pytest.approx(19, abs=0.2)
    assert (following > lead).all()
    assert (random_leads(terms(lines=1, lead=0, cover=1, lead_std=3.0))[0] >= 0).all()


def test_an_unsure_next_arrival_asks_for_more() -> None:
    unsure, sure = (evaluate(terms(lead=3, cover=2, lead_std=std, multiple=1.0), series(steps=16), 0.999) for std in (1.5, 0.0))
    assert (unsure.wanted > sure.wanted).all()


def test_one_window_is_the_newsvendor() -> None:
    """Cheapest quantity = critical-ratio quantile of demand (Zipkin, Foundations of Inventory Management, 6.2)."""
    t, d = terms(1, lead=0, cover=1, on_hand=0.0, multiple=1.0, holding=0.25, shortage=1.0), series(1)
    lists = evaluate(t, d, 0.999)
    units = np.sort(d.units(np.array([0]), 0)[0])
    quantile = units[int(np.ceil(0.8 * PATHS)) - 1]
    assert np.argmin(lists.line(0)) == quantile
    assert lists.wanted[0] == pytest.approx(quantile, abs=1e-3)


def test_a_list_covers_the_reach_and_no_less() -> None:
    t, d = terms(1, multiple=5.0), series(1)
    lists = evaluate(t, d, 0.999)
    assert lists.p_out[lists.start[1] - 2] == 0
    assert lists.p_out[lists.start[1] - 3] > 0


def test_slow_movers_are_not_overstocked() -> None:
    """What is left over sells slowly: a slower rate never makes the order larger, and here makes it smaller."""
    d = series(1, spread=1.0, whole_units=False)
    fast, slow = (evaluate(terms(1, rate=r, multiple=0.25, shortage=0.4), d, 0.999).wanted[0] for r in (100.0, 0.002))
    assert slow <= fast


def test_lines_do_not_depend_on_each_other() -> None:
    """Alone or with others (other chunks, other padding): the same bits."""
    d = series(3)
    t = terms(3, lead=[1, 1, 0], multiple=[3.0, 0.05, 1.0])
    together = evaluate(t, d, 0.999)
    for i in range(3):
        alone = evaluate(t.take(np.array([i])), d, 0.999)
        assert (alone.cost == together.line(i)).all()
        assert alone.wanted[0] == together.wanted[i]


def test_channels_of_a_location_share_its_stock() -> None:
    rows = [*forecast("A", "S1", [4.0] * 5), *forecast("A", "S1", [2.0] * 5, channel="online")]
    d = demand.read(table("gold/forecasts", rows), night(ranks=ranks(PATHS)))
    both = d.of_pairs(np.array([0]), np.array([2]), 1)
    assert (both == d.units(np.array([0]), 1) + d.units(np.array([1]), 1)).all()


def test_beyond_the_horizon_the_last_week_repeats() -> None:
    d = dataclasses.replace(series(1, 10), mean=np.arange(10.0)[None])
    assert [d.column(s) for s in (0, 9, 10, 16, 17)] == [0, 9, 3, 9, 3]
    assert series(1, 3).column(3) == 0


def naive_of_a_centre(t: Terms, d: demand.Demand, i: int, n: int) -> float:
    """Cost of a line whose unmet demand waits, path by path and period by period."""
    last = t.lead[i] + t.cover[i]
    sure = min(int(t.life[i]), max(int(t.cover[i]), 14)) if np.isfinite(t.life[i]) else 0
    units = [[d.units(t.first[i : i + 1], s)[0][p] for s in range(max(last, t.lead[i] + sure))] for p in range(PATHS)]
    ratio = t.shortage[i] / (t.shortage[i] + t.holding[i] * t.cover[i])
    base = sorted(sum(of[t.lead[i] : last]) for of in units)[max(int(np.ceil(ratio * PATHS - 1e-9)) - 1, 0)]
    cost = 0.0
    for of in units:
        batches, owed = naive_batches(t, i), 0.0
        for s in range(last):
            naive_come(t, i, n, s, batches, younger=True)
            owed = min(naive_sell(batches, owed + of[s]), t.owed[i])
            naive_spoil(batches, s)
            stock = sum(units for units, _ in batches)
            if s >= t.lead[i]:
                cost += t.holding[i] * stock + sum(weight * max(owed - bend, 0) for bend, weight in t.waits[i])
        cost += t.holding[i] * max(stock - base, 0) ** 2 / (2 * t.rate[i])
        batches, owed = naive_batches(t, i), 0.0
        for s in range(t.lead[i] + sure):
            naive_come(t, i, n, s, batches, younger=False)
            owed = naive_sell(batches, owed + of[s])
            owed = min(owed, t.owed[i]) if s < t.lead[i] else owed
            spoilt = naive_spoil(batches, s)
            cost += t.waste[i] * spoilt if s >= t.lead[i] else 0.0
    return cost / PATHS


def test_what_a_centre_is_short_of_waits() -> None:
    """Against a naive loop, beside a line that loses its sales, for stock that owes at arrival and stock that doesn't."""
    waits = np.array([[[0.0, 0.3], [4.0, 0.7]], [[0.0, 0.0], [0.0, 0.0]]])
    for on_hand, owed, life in (
        (2.0, 9.0, np.inf),
        (2.0, 3.0, np.inf),
        (40.0, 9.0, np.inf),
        (2.0, 99.0, np.inf),
        (9.0, 9.0, 2),
        (1.0, 99.0, 2),
    ):
        more = {"life": [life, np.inf], "batches": [[on_hand if life < np.inf else 0.0], [0.0]]}
        t = dataclasses.replace(terms(2, on_hand=on_hand, cover=3, **more), owed=np.array([owed, 0.0]), waits=waits)
        d = series()
        lists = evaluate(t, d, 1.0)
        assert lists.line(0) == pytest.approx([naive_of_a_centre(t, d, 0, n) for n in range(len(lists.line(0)))])
        assert lists.line(1) == pytest.approx(evaluate(terms(2, on_hand=on_hand, cover=3), d, 1.0).line(1))
        best = int(lists.line(0).argmin()) * 3
        assert best == 0 or best - 3 < lists.wanted[0] < best + 3
