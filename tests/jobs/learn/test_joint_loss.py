"""The loss of mode joint: what a window costs, by hand; where a multiple more stops paying; gradients against differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from jobs.learn.joint_loss import NODES, SCALES, Lessons, Windows

LINES, PERIODS = 40, 3


def windows(rng: np.random.Generator, paths: int = 1, lines: int = LINES) -> Windows:
    """Lines that keep, that spoil in the window and that spoil after it; some of two periods."""
    demand = rng.gamma(2.0, 4.0, (PERIODS, lines, paths))
    two = np.arange(lines) % 2 == 0
    demand[2, two] = 0.0
    cumulated = demand.cumsum(axis=0)
    life = np.array([np.inf, 2.0, 9.0])[np.arange(lines) % 3]
    cover = np.where(two, 2, 3)
    later = np.where(np.isfinite(life), np.maximum(life - cover, 0) * 5.0, 0.0)[:, None]
    sellable = np.where(life[:, None] == 2.0, cumulated[1], cumulated[2]) + later
    sellable = np.where(np.isfinite(life)[:, None], sellable, np.inf)
    periods = np.arange(PERIODS)[:, None]
    holding, shortage, waste = rng.uniform(0.05, 0.3, lines), rng.uniform(1, 4, lines), rng.uniform(1, 3, lines)
    spoilt = life - 1 <= np.minimum(periods, cover - 1)
    return Windows(holding, shortage, waste, holding / 10, np.full(lines, 12.0), cumulated, periods < cover, spoilt, sellable)


def lessons(rng: np.random.Generator, multiple: float) -> Lessons:
    """Lines with levels that rise with the scale."""
    ends = 10 + np.exp(SCALES)[None, :] * rng.uniform(2, 8, (LINES, 1))
    own, ones = windows(rng), np.ones(LINES)
    slopes = np.sort(rng.uniform(-3, 1, (LINES, len(NODES))), axis=1)
    expected = (slopes, 4 * ones, 0.5 * ones)
    return Lessons(own, rng.uniform(8, 16, LINES), 5 * ones, ends, ones, *expected, multiple * ones, 0.1 * ones, rng.uniform(0.5, 1, LINES))


def by_hand(one: Windows, line: int, level: float) -> float:
    """What a level costs, its stock rolled from period to period."""
    stock, cost, sold = level, 0.0, 0.0
    demand = np.diff(one.cumulated[:, line, 0], prepend=0.0)
    for t in range(int(one.counts[:, line].sum())):
        over = stock < demand[t]
        cost += one.shortage[line] * max(demand[t] - stock, 0.0)
        sold += stock if over else demand[t]
        stock = max(stock - demand[t], 0.0)
        if one.spoilt[t, line] and stock > 0:
            # All that is left of the order is thrown away; what later sales of it lose counts as lost.
            stock = 0.0
        cost += one.holding[line] * stock
    cost += one.waste[line] * max(level - one.sellable[line, 0], 0.0)
    return float(cost + one.pace[line] * max(stock - one.next_stock[line], 0.0) ** 2)


@pytest.mark.parametrize("level", [3.0, 14.0, 45.0])
def test_a_window_costs_what_its_periods_cost_one_after_the_other(level: float) -> None:
    one = windows(np.random.default_rng(1))
    costs = one.cost(np.full((LINES, 1), level))[:, 0]
    assert costs == pytest.approx([by_hand(one, line, level) for line in range(LINES)])


def test_a_multiple_more_stops_paying_at_the_level() -> None:
    """Of all levels that differ by whole multiples the one in [L, L + P) costs least."""
    many, multiple = windows(np.random.default_rng(2), paths=64), np.full(LINES, 7.0)
    level = many.indifferent(multiple)
    stocks = np.random.default_rng(3).uniform(0, 7, LINES)
    reachable = stocks[:, None] + 7.0 * np.arange(20)
    cost = np.stack([many.cost(each[:, None]).mean(axis=1) for each in reachable.T], axis=1)
    best = reachable[np.arange(LINES), cost.argmin(axis=1)]
    orders = best > stocks  # what is there already can't be sent back
    assert orders.sum() > 20
    assert (best[orders] >= level[orders] - 0.01).all()
    assert (best[orders] <= level[orders] + 7.01).all()


@pytest.mark.parametrize("multiple", [0.01, 6.0])
@pytest.mark.parametrize("move", [(0.0, 0.1), (-0.3, -0.7), (0.4, 0.9)])
def test_gradients_are_those_of_differences(multiple: float, move: tuple[float, float]) -> None:
    taught, moves, step = lessons(np.random.default_rng(4), multiple), np.tile(move, (LINES, 1)), 1e-4
    slopes, turns = taught.gradients(moves)
    assert (turns > 0).all()
    for which in (0, 1):
        ends = [moves + side * step * (np.arange(2) == which) for side in (1, -1)]
        up, down = (taught.loss(each, stocks=4_000) for each in ends)
        # A bend within the step makes a difference of at most its kink.
        apart = np.abs((up - down) / (2 * step) * taught.weight - slopes[:, which])
        assert np.median(apart) < 1e-3
        assert (apart < 0.05 * np.abs(slopes[:, which]).max()).mean() > 0.9


def test_a_scarce_unit_costs_its_price() -> None:
    taught, still = lessons(np.random.default_rng(5), 1.0), np.zeros((LINES, 2))
    dearer = replace(taught, price=taught.price + 2.0)
    more = dearer.gradients(still)[0] - taught.gradients(still)[0]
    assert more[:, 0] == pytest.approx(2.0 * taught.mean * taught.weight)
