"""Recovered demand on literal days and on worlds whose law is known; the Spark job is compared with plain loops in test_demand.py."""

import numpy as np
import pytest

from jobs.ingest.demand.recovery import WINDOW, Cells, Past, hidden, hours_in_stock, jump_moments, recover, trailing

MORNING, EVENING = [9, 10, 11], [17, 18, 19]


def day(**hours):
    """Units by hour: h9=2 is two units from 9:00 to 10:00."""
    return [float(hours.get(f"h{h}", 0)) for h in range(24)]


def past_of(hours, stocked=None):
    """Past from units [n, d, 24]."""
    hours = np.asarray(hours, float)
    series, at = np.nonzero(hours.sum(axis=2) > 0)
    row = np.full(hours.shape[:2], -1)
    row[series, at] = np.arange(len(series))
    return Past(hours[series, at], row, np.ones(hours.shape[:2], bool) if stocked is None else np.asarray(stocked, bool))


def cell(at, hours, fraction=0.5, out=None, series=0):
    hours = np.array([hours], float)
    named = np.full((1, 24), np.nan) if out is None else np.isin(np.arange(24), out)[None].astype(float)
    return Cells(np.array([series]), np.array([at]), hours.sum(axis=1), hours, np.array([fraction]), named)


def test_hidden_demand_is_the_posterior_of_a_gamma_poisson_day():
    # The posterior by brute force: rates on a grid, weighed by prior and likelihood of 3 jumps in 0.4 of the day.
    strength, level, exposure, sold = 2.5, 6.0, 0.4, 3
    rate = np.linspace(1e-4, 60, 400_000)
    weight = rate ** (strength - 1) * np.exp(-rate * strength / level) * rate**sold * np.exp(-rate * exposure)
    mean = (weight * rate).sum() / weight.sum()
    variance = (weight * rate**2).sum() / weight.sum() - mean**2
    got = hidden(np.array([3.0]), np.array([0.4]), np.array([6.0]), np.array([2.5]))
    assert got[0][0] == pytest.approx(0.6 * mean, rel=1e-4)
    assert got[1][0] == pytest.approx(np.sqrt(0.6 * mean + 0.36 * variance), rel=1e-4)


def test_nothing_is_hidden_of_a_day_whose_demand_falls_into_the_hours_in_stock():
    assert [v[0] for v in hidden(np.array([3.0]), np.array([1.0]), np.array([6.0]), np.array([2.0]))] == [0, 0]


@pytest.mark.parametrize(
    ("fraction", "sold", "in_stock"),
    [
        (0.5, day(h9=1), {8: 1, 9: 1, 10: 1, 11: 1, 12: 0, 15: 0, 20: 0}),  # ran out at 12:00, as usual
        (0.5, day(h13=1, h9=1), {9: 1, 11: 1, 12: 0, 13: 1, 14: 0}),  # an hour with a sale was in stock
        (0.5, day(h13=1, h14=1, h9=1), {8: 0, 9: 1, 11: 0, 12: 1, 15: 1, 20: 1}),  # more sold late: stock came at 12:00
        (0.25, day(), {9: 1, 10: 0}),
        (0.8125, day(), {13: 1, 14: 0.5, 15: 0}),  # until half past two
    ],
)
def test_hours_in_stock_are_inferred_from_fraction_and_sales(fraction, sold, in_stock):
    # Sells from 8:00 to 16:00; the stray sale at 3:00 does not make it open then.
    profile = np.array([day(h3=0.01, **{f"h{h}": 0.99 / 8 for h in range(8, 16)})])
    got = hours_in_stock(np.array([fraction]), np.array([sold]), profile)[0]
    assert {h: got[h] for h in in_stock} == pytest.approx(in_stock)


def test_the_evening_is_added_by_the_profile_of_days_in_stock():
    # Half of each day's 8 units sells in the morning. Today the morning sold 4, then the shelf was empty.
    usual = day(h9=4, h18=4)
    found = recover(past_of([[usual] * WINDOW + [day(h9=4)]]), cell(WINDOW, day(h9=4), out=EVENING))
    assert found.exposure[0] == pytest.approx(0.5)
    assert found.demand[0] == pytest.approx(8, rel=0.02)
    # Twice as much sold in the same hours: more than usual was wanted, but the past counts too.
    busy = recover(past_of([[usual] * WINDOW + [day(h9=8)]]), cell(WINDOW, day(h9=8), out=EVENING))
    assert 12 < busy.demand[0] <= 16
    # With hours not told, the fraction says the same: out from 14:00 on (9:00 to 19:00, half of it).
    inferred = recover(past_of([[usual] * WINDOW + [day(h9=4)]]), cell(WINDOW, day(h9=4)))
    assert inferred.demand[0] == pytest.approx(found.demand[0])


def test_nothing_is_said_without_a_past_in_stock_or_hours_that_sell():
    usual = day(h9=4, h18=4)
    never = past_of([[usual] * (WINDOW + 1)], [[False] * (WINDOW + 1)])
    assert np.isnan(recover(never, cell(WINDOW, day(h9=4), out=EVENING)).demand[0])
    # In stock at 3:00 only, when nothing ever sells.
    assert np.isnan(recover(past_of([[usual] * (WINDOW + 1)]), cell(WINDOW, day(), out=[h for h in range(24) if h != 3])).demand[0])


def test_days_before_the_window_and_after_the_day_change_nothing():
    rng = np.random.default_rng(5)
    hours = rng.poisson(0.3, (3, 50, 24)).astype(float)
    at = 40
    first = recover(past_of(hours), cell(at, hours[1, at], out=EVENING, series=1))
    changed = hours.copy()
    changed[:, : at - WINDOW] = 9
    changed[:, at + 1 :] = 7
    again = recover(past_of(changed), cell(at, hours[1, at], out=EVENING, series=1))
    alone = recover(past_of(hours[:, at - WINDOW : at + 1]), cell(WINDOW, hours[1, at], out=EVENING, series=1))
    for name in ("demand", "std", "exposure", "level"):
        assert getattr(first, name)[0] == getattr(again, name)[0] == getattr(alone, name)[0], name


def test_a_series_that_sold_nothing_changes_no_bit_of_another():
    hours = np.random.default_rng(6).gamma(0.2, 1.0, (7, WINDOW + 1, 24))
    silent = np.insert(hours, 3, 0.0, axis=0)
    one = recover(past_of(hours), cell(WINDOW, hours[5, -1], out=EVENING, series=5))
    two = recover(past_of(silent), cell(WINDOW, hours[5, -1], out=EVENING, series=6))
    assert (one.demand[0], one.std[0]) == (two.demand[0], two.std[0])


def test_jump_of_compound_poisson_days():
    # Sales of 0.5 units each at 9, 12 and 18 o'clock, in unequal shares: the estimate finds the half unit.
    profile = np.array(day(h9=0.5, h12=0.2, h18=0.3))
    days = 0.5 * np.random.default_rng(7).poisson(6 * profile, (20_000, 24))
    total = days.sum(axis=1)
    moments = (days**2).sum(), (days * total[:, None]).sum(axis=0), (total**2).sum(), total.sum()
    assert np.divide(*jump_moments(profile, *moments)) == pytest.approx(0.5, rel=0.03)


@pytest.mark.parametrize("level", [1.0, 12.0])
def test_mean_and_deviation_are_right_in_a_world_of_that_law(level):
    # Forty series whose daily rate is Gamma (a = 6) about the level; evenings hidden on the last day of each.
    rng = np.random.default_rng(8)
    profile = np.array(day(h9=0.2, h11=0.3, h17=0.25, h19=0.25))
    error = []
    for _ in range(40):
        rate = level * rng.gamma(6, 1 / 6, (40, WINDOW + 1))
        hours = rng.poisson(rate[:, :, None] * profile).astype(float)
        true = hours[:, -1].sum(axis=1)
        out = np.isin(np.arange(24), EVENING).astype(float)
        seen = hours[:, -1] * (1 - out)
        cells = Cells(np.arange(40), np.full(40, WINDOW), seen.sum(axis=1), seen, np.full(40, 0.5), np.tile(out, (40, 1)))
        found = recover(past_of(hours), cells)
        said = ~np.isnan(found.demand)
        assert said.mean() > 0.9
        error.append(np.stack([found.demand - true, found.std])[:, said])
    difference, std = np.concatenate(error, axis=1)
    assert abs(difference.mean()) < 0.03 * level
    assert np.mean((difference / std) ** 2) == pytest.approx(1, abs=0.15)


def test_trailing_is_the_sum_of_the_days_before():
    values = np.arange(60.0)
    assert [trailing(values)[at] for at in (0, 1, 40)] == [0, 0, values[40 - WINDOW : 40].sum()]
    assert trailing(values[:1]).tolist() == [0]
