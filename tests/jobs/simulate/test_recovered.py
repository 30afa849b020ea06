"""Demand of days short of stock: redrawn from days that sold as much or more, never less than was sold."""

from __future__ import annotations

import numpy as np

from jobs.simulate.recovered import numbers_of, redraw, variant

UNIT = 10_000
IDS = numbers_of(["a", "b"])


def test_a_short_day_takes_the_demand_of_a_day_of_its_weekday_that_sold_at_least_as_much() -> None:
    units = np.full((1, 57), 2 * UNIT)
    units[0, ::7] = 5 * UNIT
    short = np.zeros((1, 57), bool)
    short[0, 28] = True  # of the weekday that sells 5
    units[0, 28] = 3 * UNIT
    redrawn, lost = redraw(units, short, IDS[:1], 738_000, 1)
    assert redrawn[0, 28] == 5 * UNIT
    assert not lost.any()
    units[0, 28] = 6 * UNIT  # more than any day in stock sold: what sold stands
    redrawn, lost = redraw(units, short, IDS[:1], 738_000, 1)
    assert redrawn[0, 28] == 6 * UNIT
    assert lost.sum() == 1


def test_draws_follow_the_days_in_stock_and_belong_to_series_and_date() -> None:
    rng = np.random.default_rng(0)
    units = rng.integers(0, 10, (300, 57)) * UNIT
    short = np.zeros(units.shape, bool)
    short[:, 28] = True
    units[:, 28] = 4 * UNIT
    ids = numbers_of([f"s{n}" for n in range(300)])
    redrawn, _ = redraw(units, short, ids, 738_000, 1)
    # Of 0..9 given at least 4: the mean is 6.5.
    assert abs(redrawn[:, 28].mean() / UNIT - 6.5) < 0.3
    assert redrawn[:, 28].std() > 1
    earlier = np.pad(units[5:6], ((0, 0), (1, 0)), constant_values=-1), np.pad(short[5:6], ((0, 0), (1, 0)))
    again, _ = redraw(*earlier, ids[5:6], 737_999, 1)
    assert again[0, 29] == redrawn[5, 28]
    other, _ = redraw(units, short, ids, 738_000, 2)
    assert (other[:, 28] != redrawn[:, 28]).any()


def test_variants_differ_only_where_demand_was_redrawn() -> None:
    sold, redrawn = np.array([[UNIT, 2 * UNIT], [UNIT, 0]]), np.array([[UNIT, 5 * UNIT], [UNIT, 0]])
    assert (variant("floor", sold, redrawn, np.array([True, True]), IDS, 0, 1) == sold).all()
    assert (variant("recovered", sold, redrawn, np.array([True, True]), IDS, 0, 1) == redrawn).all()
    more = variant("more", sold, redrawn, np.array([True, True]), IDS, 0, 1)
    assert more[0].tolist() == [UNIT, 6 * UNIT]
    assert more[1].tolist() == [UNIT, 0]
