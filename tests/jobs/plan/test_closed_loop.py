"""Nights of the plan's own code, one after the other, on published problems: near the optimum; and optima as published."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.closed_loop import ZHENG_FEDERGRUEN, ZIPKIN, against, instances
from benchmarks.night_loop import Loop
from benchmarks.optima import poisson, with_pipeline, with_reviews


def test_optima_are_those_of_the_papers() -> None:
    some = [each for each in instances("lost_sales") if each.point.lead <= 2 and each.point.shortage in (4.0, 9.0)]
    assert len(some) == 8
    for each in some:
        assert each.optimum().cost == pytest.approx(each.published, abs=0.006)
    assert with_reviews(poisson(10), (1,), 0, 9.0, 64.0).cost == pytest.approx(ZHENG_FEDERGRUEN[10], abs=6e-4)
    assert len(ZIPKIN) * 4 == len(instances("lost_sales"))


def test_optimal_orders_cost_what_they_should() -> None:
    """Rolled on demand of the law: lost sales after a lead, and order days with gaps of three and four."""
    rng = np.random.default_rng(3)
    for optimum in (with_pipeline(poisson(5), 2, 4.0), with_reviews(poisson(5), (3, 4), 1, 9.0)):
        rolled = optimum.on(rng.poisson(5, (728, 100)).astype(float), 10.0)[28:]
        assert rolled.mean() == pytest.approx(optimum.cost, rel=0.01)


def test_nights_come_near_the_optimum() -> None:
    """Lost sales with a lead of four periods, some 5% above it when windows beyond were not looked at."""
    one = next(each for each in instances("lost_sales") if (each.point.lead, each.point.shortage) == (4, 4.0))
    loop, optimum = Loop([one.point], 40, 1), one.optimum()
    ours, error = loop.averages(against(loop, loop.run(10, 40), [optimum], 10))
    assert error[0] < 0.02 * optimum.cost
    assert -0.03 <= ours[0] / optimum.cost - 1 <= 0.04
