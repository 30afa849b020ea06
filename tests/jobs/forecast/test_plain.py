"""Plain forecasts against a naive loop over the past, newest first."""

import numpy as np
import pytest

from jobs.forecast.plain import LABELS, LONG, NAIVE, PLAIN, SEASON, SEASONAL, SHORT, plain_forecasts

NAN = float("nan")


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else NAN


def naive(units: np.ndarray, stock: np.ndarray, steps: int, season: int, short: int, long: int) -> dict[str, list[float]]:
    """The daily methods, one series, by looking back day by day."""
    days = len(units)
    known = [(days - t, units[t]) for t in range(days - 1, -1, -1) if stock[t] >= 1 and not np.isnan(units[t])]
    spare = next(m for m in (_mean([y for k, y in known if k <= long]), _mean([y for _, y in known])) if not np.isnan(m))
    made: dict[str, list[float]] = {name: [] for name in PLAIN}
    for step in range(steps):
        alike = [y for k, y in known if (k + step) % season == 0 and k + step <= 8 * season]
        made[NAIVE].append(known[0][1])
        made[SEASONAL].append(alike[0] if alike else spare)
        made[SHORT].append(_mean([y for y in units[-short:] if not np.isnan(y)]))
        made[LONG].append(spare)
        made[SEASON].append(_mean(alike) if alike else spare)
    return made


def test_days_against_a_naive_loop() -> None:
    random = np.random.default_rng(1)
    units = random.poisson(4, (20, 70)).astype(float)
    units[random.random(units.shape) < 0.1] = NAN
    stock = np.where(random.random(units.shape) < 0.6, 1.0, 0.5)
    made = plain_forecasts(units, stock, np.zeros(20), 14, "day")
    for row in range(20):
        for name, values in naive(units[row], stock[row], 14, 7, 7, 28).items():
            assert made[name][row] == pytest.approx(values), name


def test_weeks_look_at_the_same_week_of_last_year() -> None:
    past = np.full((1, 60), NAN)
    past[0, [60 - 53, 60 - 52, 60 - 51]] = 3, 6, 9  # 53, 52 and 51 weeks before step 0
    past[0, -4:] = 1, 2, 3, 4
    made = plain_forecasts(past, np.ones((1, 60)), np.zeros(1), 2, "week")
    assert made[SEASONAL].tolist() == [[6, 9]]
    assert made[SEASON].tolist() == [[6, 7.5]]  # step 1: 52 and 51 weeks before step 0, and one that is not known
    assert (made[NAIVE][0, 0], made[SHORT][0, 0], made[LONG][0, 0]) == (4, 2.5, 2.5)


def test_a_stock_out_counts_in_the_short_mean_only() -> None:
    past = np.array([[2.0, 2.0, 8.0]])
    made = plain_forecasts(past, np.array([[1.0, 1.0, 0.5]]), np.zeros(1), 1, "day")
    assert (made[SHORT][0, 0], made[LONG][0, 0], made[NAIVE][0, 0]) == (4, 2, 2)


def test_what_is_left_where_little_is_known() -> None:
    past = np.array([[NAN, 3.0], [NAN, NAN]])  # only a stock-out; nothing
    made = plain_forecasts(past, np.array([[0.0, 0.5], [0.0, 0.0]]), np.array([7.0, 7.0]), 1, "day")
    assert made[LONG].tolist() == [[3], [7]]
    assert all(np.isfinite(made[name]).all() for name in PLAIN)


def test_every_method_has_a_name_for_people() -> None:
    assert all(set(labels) == set(PLAIN) for labels in LABELS.values())
