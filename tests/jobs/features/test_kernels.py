"""Kernel means against naive loops."""

from datetime import date, timedelta

import numpy as np
import pytest

from jobs.features import kernels
from jobs.features.block import Span, to_block
from jobs.features.past import Past
from tests.jobs.features.blocks import CLOCK, context, known, past, sold, stream

D = date(2024, 5, 29)
ORIGIN = CLOCK.index(D)
DAY = timedelta(days=1)
KINDS = CLOCK.weekday(np.arange(ORIGIN - CLOCK.recent, ORIGIN))[None, :]


def _made(rows: list[dict], price: float = 1.6) -> dict[str, np.ndarray]:
    block = to_block(stream(rows), CLOCK, Span.around(CLOCK, [ORIGIN], 9), context(rows, [D]).prices)
    seen = Past.of(block, CLOCK, ORIGIN, KINDS, np.ones(KINDS.shape), np.array([4.0]))
    return kernels.like_means(seen, seen.like(np.array([2]), np.array([price]), np.array([0.0])), CLOCK, np.array([4.0]))


def _weight(row: dict, kernel: kernels.Kernel) -> float:
    recency = 0.5 ** ((D - row["period"]).days / (kernel.half_life * CLOCK.half_life))
    return recency * np.exp(-np.log(2.0 / 1.6) / kernel.price) * (1.0 if row["period"].weekday() == 2 else kernel.other_kind)


@pytest.mark.parametrize("name", kernels.OF_DEMAND)
def test_mean_of_known_demand_against_a_naive_loop(name: str) -> None:
    rows = past("a", "S1", D, 40)
    total = weight = 0.5  # half a period at the level
    demand = known(rows)
    for row in rows:
        if (units := demand.get(("a", "S1", row["period"]))) is not None:
            w = _weight(row, kernels.OF_DEMAND[name])
            total, weight = total + w * units / 4, weight + w
    assert _made(rows)[name][0] == pytest.approx(total / weight)


@pytest.mark.parametrize("name", kernels.ALL_PERIODS)
def test_mean_of_all_periods_is_for_the_time_in_stock(name: str) -> None:
    rows = past("a", "S1", D, 40)
    total = time = 0.3
    for row in rows:
        w = _weight(row, kernels.OF_DEMAND[kernels.ALL_PERIODS[name]])
        total, time = total + w * row["units"] / 4, time + w * row["in_stock_fraction"]
    assert _made(rows)[name][0] == pytest.approx(total / time)


def test_days_at_the_targets_price_count_most() -> None:
    rows = [sold("a", "S1", D - DAY * k, 8.0 if k % 2 else 2.0, price=1.0 if k % 2 else 2.0) for k in range(1, 50)]
    assert _made(rows, price=1.0)["kernel_price"][0] > 1.9
    assert _made(rows, price=2.0)["kernel_price"][0] < 0.6


def test_a_price_of_zero_and_no_history_are_finite() -> None:
    for rows in ([sold("a", "S1", D - DAY, 3.0, price=0.0)], [sold("a", "S1", D - 200 * DAY, 3.0)]):
        for price in (0.0, 2.0, np.nan):
            assert all(np.isfinite(column).all() for column in _made(rows, price).values())
