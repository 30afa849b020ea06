"""Orders of the nights to come, and what it costs not to fill them: against naive loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from jobs.plan import demand, draws
from jobs.plan.curves import row_quantile
from jobs.plan.schedule import Delivery, deliveries, lead_times
from jobs.plan.terms import Terms
from tests.jobs.plan.small import D, day, forecast, night, ranks, table
from tests.jobs.plan.test_expected_cost import naive_sell, naive_spoil, terms

PATHS, NIGHTS = 24, 6
DAILY = tuple(Delivery(t, t + 1, t + 2) for t in range(NIGHTS))
MON_WED = (Delivery(0, 2, 3), Delivery(2, 3, 9))
AT_ONCE = tuple(Delivery(t, t, t + 1) for t in range(NIGHTS))


def demand_of(*means: float) -> demand.Demand:
    rows = [row for i, mean in enumerate(means) for row in forecast("A", f"L{i}", [mean] * 10)]
    return demand.read(table("gold/forecasts", rows), night(ranks=ranks(PATHS)))


def naive_draws(t: Terms, units: list[list[float]], i: int, days: tuple[Delivery, ...], path: int) -> list[float]:
    """One line on one path, night by night; ``units`` [path][step]."""

    spoils = np.isfinite(t.life[i])

    def quantile(begin: int, day_: Delivery) -> float:
        cover = int(min(day_.until - day_.arrives, t.life[i]))
        kept = int(t.life[i]) if spoils else cover
        sold, lasting = ([sum(units[p][begin : day_.arrives + periods]) for p in range(PATHS)] for periods in (cover, kept))
        waste, held = t.waste[i] * spoils, t.holding[i] * cover

        def pays(level: float) -> bool:
            enough, spoilt = sum(of <= level for of in sold), sum(of <= level for of in lasting)
            return (t.shortage[i] + held) * enough + waste * spoilt < t.shortage[i] * PATHS - 1e-9

        return next((level for level in sorted(sold) if not pays(level)), max(sold))

    batches = [[units_, float(last)] for last, units_ in enumerate(np.diff(t.expired[i], prepend=0.0))]
    batches.append([t.on_hand[i] - t.expired[i, -1], np.inf])
    under_way, found = {s: t.arrivals[i, s] for s in range(t.arrivals.shape[1])}, []
    for step in range(NIGHTS):
        drawn = 0.0
        for day_ in days:
            if day_.ordered == step:
                until_arrival = np.mean([sum(units[p][step : day_.arrives]) for p in range(PATHS)])
                base = min(quantile(step, day_) + t.presentation[i], t.max_stock[i] + until_arrival)
                stock = sum(units_ for units_, _ in batches)
                short = min(base - stock - sum(under_way.values()), quantile(day_.arrives, day_) + t.presentation[i])
                drawn = max(math.floor(short / t.multiple[i] + 0.5 + 1e-9), 0) * t.multiple[i]
                under_way[day_.arrives] = under_way.get(day_.arrives, 0.0) + drawn
        found.append(drawn)
        batches.append([under_way.pop(step, 0.0), step + t.life[i] - 1])
        naive_sell(batches, units[path][step])
        naive_spoil(batches, step)
    return found


@pytest.mark.parametrize("days", [DAILY, MON_WED, AT_ONCE], ids=["daily", "two days", "at once"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"multiple": 4.0},
        {"presentation": 3.0},
        {"max_stock": 8.0},
        {"on_hand": 0.0, "arrivals": [[0, 7, 0, 2]] * 2, "in_transit": 9.0},
        {"life": [2, 3], "on_hand": 9.0, "batches": [[4.0, 5.0], [9.0, 0.0]], "arrivals": [[7, 3, 0, 0]] * 2, "in_transit": 10.0},
    ],
    ids=["plain", "packs", "presentation", "full shelves", "under way", "spoils"],
)
def test_draws_against_a_naive_loop(days: tuple[Delivery, ...], more: dict) -> None:
    d, t = demand_of(5.0, 2.0), terms(2, **{"multiple": 1.0, "on_hand": 4.0, **more})
    found = draws.drawn(t, d, days, NIGHTS).units
    for i in range(2):
        units = np.stack([d.units(t.first[i : i + 1], step)[0] for step in range(12)], axis=1).tolist()
        for path in range(PATHS):
            assert found[:, i, path].tolist() == naive_draws(t, units, i, days, path)


def test_a_lock_is_drawn_tonight_and_least_quantities_are_kept() -> None:
    found = draws.drawn(terms(2, multiple=1.0, locked=7), demand_of(5.0, 2.0), DAILY, NIGHTS).units
    assert (found[0] == 7).all()
    few = draws.drawn(terms(2, multiple=2.0, min_units=11.0), demand_of(5.0, 2.0), DAILY, NIGHTS).units
    assert set(np.unique(few)) <= {0.0, 12.0, 14.0, 16.0, 18.0, 20.0}


def test_what_is_missing_costs_least_where_a_unit_is_worth_the_same_everywhere() -> None:
    """R of the pieces against the cheapest of all ways to share out what is missing."""
    d, t = demand_of(6.0, 3.0), terms(2, multiple=1.0, on_hand=6.0, shortage=[1.0, 2.0], holding=0.01)
    drawing = draws.drawn(t, d, DAILY, NIGHTS)
    top = np.array([2.0])
    bends = draws.missing(t, drawing, np.repeat(draws.prices(top), 2, axis=0), np.ones(2)).sum(axis=0, keepdims=True)
    hinges = draws.curve(top, bends)[0]
    most = [int(units) for units in drawing.owed]

    def worth(i: int, units: int) -> float:
        """What b units less than S cost a line: shortage less holding, unit by unit."""
        left = drawing.base[i] - np.arange(1, units + 1)
        short = np.array([(drawing.window[i] > level).mean() for level in left])
        return float(np.maximum((t.shortage[i] + t.holding[i]) * short - t.holding[i], 0).sum())

    for missing in range(1, sum(most) + 1):
        shares = [(b, missing - b) for b in range(missing + 1) if b <= most[0] and missing - b <= most[1]]
        least = min(worth(0, a) + worth(1, b) for a, b in shares)
        found = sum(weight * max(missing - bend, 0) for bend, weight in hinges)
        assert found == pytest.approx(least, abs=top[0] / draws.PIECES * missing)
    assert hinges[:, 1].sum() == pytest.approx(top[0])
    assert (np.diff(hinges[:, 0]) >= 0).all()


@pytest.mark.parametrize(
    ("order_days", "lead", "expected"),
    [
        (None, 1, [(0, 1, 2), (1, 2, 3), (2, 3, 4)]),
        ("mon:1,wed:3", None, [(0, 1, 5), (2, 5, 8)]),
        ("thu", 2, [(3, 5, 12)]),  # no order day among the nights looked at: the first one after them
        ("mon,tue", 1, [(0, 1, 3), (1, 3, 8)]),  # Wednesday is closed
    ],
)
def test_orders_of_the_next_nights(order_days: str | None, lead: int | None, expected: list[tuple[int, int, int]]) -> None:
    closed = frozenset({day(2)}) if order_days == "mon,tue" else frozenset()
    found = deliveries(lead_times(order_days, lead, 1), D, closed, 1, 3)
    assert [(one.ordered, one.arrives, one.until) for one in found] == expected


def test_orders_by_week() -> None:
    assert deliveries(lead_times("tue", 9, 1), D, frozenset(), 7, 2) == (Delivery(0, 2, 3), Delivery(1, 3, 4))
    assert deliveries((None,) * 7, D, frozenset(), 7, 2) == ()


def test_levels_of_what_spoils_are_where_a_unit_more_no_longer_pays() -> None:
    """Against every level tried one after the other; without waste it is the critical-ratio quantile."""
    rng = np.random.default_rng(5)
    sold = np.floor(rng.gamma(1.5, 4.0, (40, 64)))
    lasting = sold + np.floor(rng.gamma(1.5, 4.0, (40, 64)))
    shortage, held, waste = np.full(40, 3.0), np.linspace(0.0, 1.0, 40), np.linspace(0.0, 9.0, 40)
    found = draws._level(sold, lasting, shortage, held, waste)
    for i in range(40):
        tried = [
            s for s in np.sort(sold[i]) if (3.0 + held[i]) * (sold[i] <= s).mean() + waste[i] * (lasting[i] <= s).mean() >= 3.0 - 1e-12
        ]
        assert found[i] == tried[0]
    plain = draws._level(sold, lasting, shortage, held, np.zeros(40))
    assert plain == pytest.approx(row_quantile(sold, shortage / (shortage + held)))
    assert (found <= plain).all()
    assert (found < plain).any()
