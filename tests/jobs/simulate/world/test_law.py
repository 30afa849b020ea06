"""Each effect alone, recovered from the law's means or from draws; and that off means off."""

import numpy as np
import pytest

from jobs.simulate.world import prices
from jobs.simulate.world.config import EFFECTS
from tests.jobs.simulate.world.worlds import FIRST, demand, means, world

DAY = FIRST.toordinal()


def test_with_all_off_mean_demand_is_the_level_on_every_day() -> None:
    plain = world()
    assert means(plain, 400) == pytest.approx(np.repeat(plain.rows.level[: plain.lines, None], 400, axis=1))


def test_trend_is_the_slope_of_the_logarithm() -> None:
    made = world("trend", course={"trend_mean": 0.1, "trend_spread": 0.2})
    slope = np.diff(np.log(means(made, 367)), axis=1).mean(axis=1) * 365.25
    assert slope == pytest.approx(made.law.trend[made.rows.item[: made.lines]])
    assert made.law.trend.std() > 0.05


def test_weekday_factors_are_recovered_from_draws_and_mean_one() -> None:
    shape = (0.0, -0.2, 0.0, 0.1, 0.2, 0.5, -0.4)
    made = world("weekday", course={"weekday": shape, "weekday_category": 0, "weekday_location": 0}, level={"median": 20})
    by_day = demand(made, 364).reshape(made.lines, 52, 7).sum(axis=(0, 1))
    expected = np.exp(shape) / np.exp(shape).mean()
    assert by_day / by_day.mean() == pytest.approx(expected, rel=0.02)
    varied = world("weekday", course={"weekday": shape, "weekday_category": 0.2, "weekday_location": 0.2})
    assert varied.law.weekday.mean(axis=2) == pytest.approx(1)
    assert varied.law.weekday.std(axis=(0, 1)).min() > 0.02


def test_the_year_has_mean_one_and_its_peak_where_the_parameter_says() -> None:
    made = world("year", course={"year": 0.6})
    factors = np.stack([made.law.year_factor(DAY + day) for day in range(1461)])
    assert factors.mean(axis=0) == pytest.approx(1, abs=1e-3)
    top = factors.argmax(axis=0)
    from jobs.simulate.world.weather import day_of_year

    apart = [(day_of_year(DAY + int(day)) - peak + 182) % 365.25 - 182 for day, peak in zip(top, made.law.peak, strict=True)]
    assert np.abs(apart).max() <= 1


def test_events_lift_the_days_about_them_and_closed_days_sell_nothing() -> None:
    events = [{"name": "feast", "month": 3, "day": 10}, {"name": "rest", "month": 4, "day": 10, "closed": True}]
    made = world("events", events=events, course={"event_mean": 0.5, "event_spread": 0.2})
    ratio = means(made, 120) / made.rows.level[: made.lines, None]
    lift = made.law.lifts[0][made.network.items.category[made.rows.item[: made.lines]]]
    assert np.log(ratio[:, 67]) == pytest.approx(lift)
    assert np.log(ratio[:, 66]) == pytest.approx(0.7 * lift)
    assert np.log(ratio[:, 68]) == pytest.approx(-0.3 * lift)
    assert (ratio[:, 98] == 0).all()
    assert (ratio[:, 50] == 1).all()


def test_weather_answers_are_recovered_by_regression() -> None:
    made = world("weather", course={"temperature": 0.5, "rain": 0.3})
    from jobs.simulate.world import weather

    key, line = made.law.weather_key, 3
    region = made.network.places.region[made.rows.location[line]]
    logs = np.log(means(made, 200)[line] / made.rows.level[line])
    warmer = [weather.anomaly(key, DAY + day)[region] / 10 for day in range(200)]
    wet = [weather.rain(key, DAY + day)[region] > 0 for day in range(200)]
    found = np.linalg.lstsq(np.stack([warmer, wet], axis=1).astype(float), logs, rcond=None)[0]
    category = made.network.items.category[made.rows.item[line]]
    assert found == pytest.approx([made.law.warm[category], made.law.wet[made.rows.location[line]]])


def test_elasticity_is_recovered_by_regression_on_drawn_demand() -> None:
    made = world("price", pricing={"changes": 0.8, "change_spread": 0.3, "elasticity": 2, "elasticity_spread": 0.3}, level={"median": 40})
    days, items = 400, made.network.items
    ratio = np.stack([prices.of(made.config, items, DAY + day).ratio for day in range(days)], axis=1)
    units = demand(made, days)
    for line in range(0, made.lines, 15):
        item = made.rows.item[line]
        # A Poisson regression by a few Newton steps: log mean = a + b log(price ratio).
        x, beta = np.stack([np.ones(days), np.log(ratio[item])], axis=1), np.array([np.log(units[line].mean()), 0.0])
        for _ in range(8):
            fitted = np.exp(x @ beta)
            beta += np.linalg.solve(x.T @ (fitted[:, None] * x), x.T @ (units[line] - fitted))
        error = np.sqrt(np.linalg.inv(x.T @ (np.exp(x @ beta)[:, None] * x))[1, 1])
        assert -beta[1] == pytest.approx(made.law.elasticity[item], abs=4 * error)
        assert error < 0.3


def test_promotions_lift_and_dip_afterwards() -> None:
    settings = {"promotions": 0.3, "uplift": 0.5, "dip": 0.3, "dip_days": 5, "elasticity": 0}
    made = world("promotion", "dip", pricing=settings)
    item = 4
    line = int(np.flatnonzero(made.rows.item[: made.lines] == item)[0])
    ratio = means(made, 300)[line] / made.rows.level[line]
    days = [prices.of(made.config, made.network.items, DAY + day) for day in range(300)]
    promoted = np.array([day.promoted[item] for day in days])
    since = np.array([day.since[item] for day in days])
    assert promoted.mean() == pytest.approx(0.3 * 7 / 28, abs=0.06)
    assert ratio[promoted] == pytest.approx(np.exp(made.law.uplift[item]))
    assert made.law.uplift[item] > 0
    dip = made.law.dip[item]
    for k in range(5):
        assert ratio[~promoted & (since == k)] == pytest.approx(1 - dip * (1 - k / 5))
    assert (ratio[~promoted & (since >= 5)] == 1).all()


def test_a_promotion_takes_from_the_others_of_its_category() -> None:
    made = world("promotion", "cannibalisation", pricing={"promotions": 0.3, "cannibalisation": 0.4, "uplift": 0, "elasticity": 0})
    category = made.network.items.category
    for day in range(DAY, DAY + 60):
        today = prices.of(made.config, made.network.items, day)
        factor = made.law.cannibalisation_factor(today)
        for item in np.flatnonzero(~today.promoted):
            others = np.flatnonzero((category == category[item]) & (np.arange(len(category)) != item))
            assert factor[item] == pytest.approx(1 - 0.4 * (today.promoted[others].mean() if len(others) else 0))


def test_items_begin_and_end() -> None:
    made = world("life", course={"new": 0.4, "ending": 0.4})
    items, lines = made.network.items, made.lines
    new, ending = np.flatnonzero(items.active_from > 0), np.flatnonzero(items.active_to < 3_000_000)
    assert len(new)
    assert len(ending)
    ratio = means(made, 730) / made.rows.level[:lines, None]
    for item in np.concatenate([new, ending]):
        line = int(np.flatnonzero(made.rows.item[:lines] == item)[0])
        sold = (np.arange(DAY, DAY + 730) >= items.active_from[item]) & (np.arange(DAY, DAY + 730) <= items.active_to[item])
        assert ((ratio[line] > 0) == sold).all()
    line = int(np.flatnonzero(made.rows.item[:lines] == new[0])[0])
    start = items.active_from[new[0]] - DAY
    assert ratio[line, start] == pytest.approx(0.3)
    assert (np.diff(ratio[line, start : start + 30]) > 0).all()


def test_the_second_channel_takes_its_share_of_draws() -> None:
    made = world("second_channel", channels={"stores": 1, "share": [0.1, 0.5]}, level={"median": 20})
    units = made.foresight(made.start(), 300).sum(axis=2)
    assert (made.network.share > 0).all()
    assert units[:, 1] / units.sum(axis=1) == pytest.approx(made.network.share, abs=0.04)
    assert (world().foresight(world().start(), 20)[:, 1] == 0).all()


@pytest.mark.parametrize("effect", ["trend", "weekday", "year", "events", "weather", "price", "promotion", "life"])
def test_each_effect_of_the_mean_can_be_switched_off(effect: str) -> None:
    events = [{"name": "feast", "month": 3, "day": 10}]
    settings = {"events": events, "course": {"new": 0.5, "trend_spread": 0.2}, "pricing": {"changes": 0.6, "promotions": 0.5}}
    level = world().rows.level[:60, None]
    assert np.abs(means(world(effect, **settings), 200) / level - 1).max() > 0.01
    without = means(world(*(set(EFFECTS) - {effect}), **settings), 80)
    assert not np.allclose(without, means(world(*EFFECTS, **settings), 80))
