"""Shares of common factors, from held-out ranks: what went into the draws comes out again."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from jobs.forecast import baseline, dependence
from jobs.forecast.dependence import Forecasts, _Moments, _squares, fit, scores
from jobs.forecast.distribution import LEVELS, rank_to_units, ranks_between
from jobs.forecast.ranks import FACTORS, USUAL, Dependence, PathRanks

SHARE = {"all": 0.05, "region": 0.0, "item": 0.15, "item_region": 0.15, "location": 0.1, "pair": 0.1, "series": 0.45}
LASTING = {"all": 0.5, "region": 0.0, "item": 0.6, "item_region": 0.6, "location": 0.3, "pair": 0.5, "series": 0.1}
ORIGINS, STEPS = 24, 5


def keys(items: int, stores: int) -> dict[str, np.ndarray]:
    rows = [(f"I{i}", f"S{s}", c, f"R{s % 3}") for i, s, c in product(range(items), range(stores), ("store", "online"))]
    return {
        name: np.array(column, object)
        for name, column in zip(("item_id", "location_id", "channel", "region"), zip(*rows, strict=True), strict=True)
    }


def held_out(mean: float, p_zero: float, whole: bool) -> tuple:
    """Rows of many origins whose dependence is known: every origin is a path."""
    names = keys(12, 12)
    ranks = PathRanks(ORIGINS, 9, Dependence(SHARE, LASTING)).of(names, STEPS)
    n = len(names["item_id"])
    quantiles = baseline.positive_gamma(np.full(1, mean), np.full(1, mean * 1.5), np.full(1, p_zero))
    flat = ranks.reshape(-1)
    rows = np.repeat(quantiles, len(flat), axis=0)
    units = np.where(flat < p_zero, 0.0, rank_to_units(rows, flat[:, None])[:, 0])
    units = np.where((flat >= p_zero) & whole, np.maximum(np.round(units), 1.0), units)
    series, step, origin = (a.reshape(-1) for a in np.meshgrid(np.arange(n), np.arange(STEPS), 10 * np.arange(ORIGINS), indexing="ij"))
    forecasts = Forecasts(np.full(len(flat), mean), np.full(len(flat), p_zero), rows, np.full(len(flat), whole))
    return {name: values[series] for name, values in names.items()}, origin, step, units, forecasts


@pytest.mark.parametrize(("mean", "p_zero", "whole"), [(20.0, 0.0, False), (3.0, 0.05, True), (1.0, 0.5, False)])
def test_what_went_in_comes_out(mean: float, p_zero: float, whole: bool) -> None:
    found = fit(*held_out(mean, p_zero, whole))
    assert sum(found.share.values()) == pytest.approx(1, abs=1e-5)
    for factor in FACTORS:
        assert found.share[factor] == pytest.approx(SHARE[factor], abs=0.06), factor
    for factor in ("item", "item_region", "pair"):
        assert found.lasting[factor] == pytest.approx(LASTING[factor], abs=0.25), factor


def test_independent_demand_has_no_common_factor() -> None:
    names, origin, step, _, forecasts = held_out(20.0, 0.0, whole=False)
    rng = np.random.default_rng(3)
    ranks = rng.uniform(size=(len(origin), 1))
    found = fit(names, origin, step, rank_to_units(forecasts.quantiles, ranks)[:, 0], forecasts)
    assert found.share["series"] > 0.95
    assert found.lasting["series"] < 0.03


def test_a_few_items_that_moved_much_do_not_make_the_others_sums_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three items of sixty sell far more than forecast in all stores; the others' series have nothing in common."""
    names = keys(60, 6)
    n, rng = len(names["item_id"]), np.random.default_rng(5)
    series, step, origin = (a.reshape(-1) for a in np.meshgrid(np.arange(n), np.arange(STEPS), 10 * np.arange(8), indexing="ij"))
    moved = np.isin(names["item_id"][series], ["I0", "I1", "I2"])
    ranks = np.where(moved, 0.97, rng.uniform(size=len(series)))
    rows = np.repeat(baseline.positive_gamma(np.full(1, 20.0), np.full(1, 30.0), np.zeros(1)), len(series), axis=0)
    forecasts = Forecasts(np.full(len(series), 20.0), np.zeros(len(series)), rows, np.zeros(len(series), bool))
    told = {name: values[series] for name, values in names.items()}, origin, step, rank_to_units(rows, ranks[:, None])[:, 0], forecasts
    found = fit(*told)
    monkeypatch.setattr(dependence, "_LEAST_SUMS", len(series))
    by_moments = fit(*told)
    assert by_moments.share["item"] + by_moments.share["item_region"] > 0.12
    assert found.share["item"] + found.share["item_region"] < 0.05


def test_one_store_one_region_one_channel_is_enough() -> None:
    names, origin, step, units, forecasts = held_out(20.0, 0.0, whole=False)
    mine = (names["location_id"] == "S0") & (names["channel"] == "store")
    few = Forecasts(forecasts.mean[mine], forecasts.p_zero[mine], forecasts.quantiles[mine], forecasts.whole[mine])
    found = fit({n: v[mine] for n, v in names.items()}, origin[mine], step[mine], units[mine], few)
    assert all(0 <= value <= 1 for value in (*found.share.values(), *found.lasting.values()))
    assert sum(found.share.values()) == pytest.approx(1, abs=1e-5)


def test_few_rows_have_the_usual_dependence() -> None:
    names, origin, step, units, forecasts = held_out(20.0, 0.0, whole=False)
    some = slice(0, 50)
    few = Forecasts(forecasts.mean[some], forecasts.p_zero[some], forecasts.quantiles[some], forecasts.whole[some])
    assert fit({n: v[some] for n, v in names.items()}, origin[some], step[some], units[some], few) is USUAL


def test_products_against_a_naive_loop() -> None:
    rng = np.random.default_rng(1)
    names = {n: v[:30] for n, v in keys(3, 5).items()}
    score, origin, step = rng.normal(size=30), rng.integers(0, 2, 30), rng.integers(0, 3, 30)
    moments = _Moments(score, np.ones(30), origin, step, names)
    for factor, columns in FACTORS.items():
        pairs = [
            (i, j) for i in range(30) for j in range(30) if all(names[c][i] == names[c][j] for c in columns) and origin[i] == origin[j]
        ]
        same = [(i, j) for i, j in pairs if step[i] == step[j]]
        later = [(i, j) for i, j in pairs if step[i] != step[j]]
        for found, wanted in ((moments.of(factor, later=False), same), (moments.of(factor, later=True), later)):
            assert found[0] == pytest.approx(sum(score[i] * score[j] for i, j in wanted))
            assert found[1] == pytest.approx(len(wanted))
    assert _squares(np.array([1.0, 2.0, 3.0]), np.array([0, 0, 1]), np.array([0, 0, 0])) == 18


def test_rank_is_the_inverse_of_the_quantile_function() -> None:
    quantiles = baseline.positive_gamma(np.array([5.0]), np.array([9.0]), np.array([0.0]))
    ranks = np.array([0.003, 0.2, 0.41, 0.97, 0.996])
    rows = np.repeat(quantiles, len(ranks), axis=0)
    units = rank_to_units(rows, ranks[:, None])[:, 0]
    low, high = ranks_between(rows, np.zeros(len(ranks)), units)
    assert low == pytest.approx(ranks)
    assert high == pytest.approx(ranks)


def test_zero_stands_for_all_ranks_up_to_p_zero() -> None:
    quantiles = np.where(LEVELS <= 0.4, 0.0, 2.0)[None]
    low, high = ranks_between(np.repeat(quantiles, 2, axis=0), np.array([0.4, 0.4]), np.array([0.0, 2.0]), whole=True)
    assert (low[0], high[0]) == (0.0, 0.4)
    assert low[1] >= 0.4
    assert high[1] > 0.99
    flat = scores(np.array([0.0, 2.0]), Forecasts(np.ones(2), np.full(2, 0.4), np.repeat(quantiles, 2, axis=0), np.zeros(2, bool)))
    # The mean of the normal law below its 40% quantile, and above its median, from where all quantiles are 2.
    assert flat == pytest.approx([-0.966, 0.798], abs=0.01)
