"""Keyed draws: quantiles against scipy, uniformity, and that a draw depends on its key alone."""

import numpy as np
import pytest
from scipy import stats

from jobs.simulate.world import draws


@pytest.mark.parametrize(("mean", "size"), [(0.3, np.inf), (6.0, np.inf), (90.0, np.inf), (0.4, 0.3), (7.0, 2.0), (250.0, 30.0)])
def test_counts_are_the_quantiles_of_the_distribution(mean: float, size: float) -> None:
    u = np.concatenate([np.linspace(0.001, 0.999, 199), [1e-12, 1 - 1e-12]])
    expected = stats.poisson.ppf(u, mean) if np.isinf(size) else stats.nbinom.ppf(u, size, size / (size + mean))
    found = draws.count(u, np.full(len(u), mean), np.full(len(u), size))
    # The last two digits of u may fall on the other side of a step of the distribution function.
    assert (np.abs(found - expected) <= (np.abs(u - 0.5) > 0.4999)).all()


def test_means_too_large_for_a_search_are_normal() -> None:
    u = np.random.default_rng(1).random(4000)
    found = draws.count(u, np.full(4000, 1000.0), np.full(4000, np.inf))
    assert found.mean() == pytest.approx(1000, abs=2)
    assert found.std() == pytest.approx(np.sqrt(1000), rel=0.05)


@pytest.mark.parametrize(("total", "share"), [(1, 0.3), (17, 0.05), (400, 0.4), (5000, 0.4)])
def test_a_split_is_the_quantile_of_a_binomial(total: int, share: float) -> None:
    u = np.linspace(0.001, 0.999, 199)
    found = draws.split(u, np.full(len(u), total), np.full(len(u), share))
    assert (np.abs(found - stats.binom.ppf(u, total, share)) <= (total > 1000)).all()


def test_nothing_to_split_or_no_share_leaves_nothing() -> None:
    assert draws.split(np.array([0.9, 0.9]), np.array([0, 8]), np.array([0.5, 0.0])).tolist() == [0, 0]


def test_draws_of_a_key_do_not_depend_on_the_other_rows() -> None:
    all_keys = draws.keys(3, "x", np.arange(50), np.arange(50) % 7)
    some = draws.keys(3, "x", np.array([49, 4]), np.array([0, 4]))
    assert draws.uniform(some, 12).tolist() == draws.uniform(all_keys, 12)[[49, 4]].tolist()
    assert (draws.uniform(all_keys, 12) != draws.uniform(all_keys, 13)).all()
    assert (draws.uniform(all_keys, 12, "a") != draws.uniform(all_keys, 12, "b")).all()
    assert (all_keys != draws.keys(4, "x", np.arange(50), np.arange(50) % 7)).all()


def test_uniform_numbers_are_uniform_over_keys_and_over_days() -> None:
    key = draws.keys(1, "u", np.arange(4000))
    assert stats.kstest(draws.uniform(key, 738000), "uniform").pvalue > 0.001
    by_day = np.array([draws.uniform(key[:1], day)[0] for day in range(738000, 740000)])
    assert stats.kstest(by_day, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(by_day[:-1], by_day[1:])[0, 1]) < 0.08
