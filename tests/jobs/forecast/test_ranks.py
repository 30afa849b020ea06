"""Ranks of paths: stratified, dependent as asked, the same every time."""

from datetime import date

import numpy as np
import pytest
from scipy.special import ndtri

from jobs.forecast.ranks import path_ranks, to_table

D = date(2024, 5, 29)


def test_every_step_has_one_path_in_every_stratum() -> None:
    ranks = path_ranks(128, 5, 0.4, 1, D)
    assert np.array_equal(np.sort(ranks, axis=0), np.repeat(((np.arange(128) + 0.5) / 128)[:, None], 5, axis=1))


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_normal_scores_of_successive_steps_correlate(rho: float) -> None:
    scores = ndtri(path_ranks(4000, 3, rho, 1, D))
    assert np.corrcoef(scores[:, 0], scores[:, 1])[0, 1] == pytest.approx(rho, abs=0.05)
    assert np.corrcoef(scores[:, 0], scores[:, 2])[0, 1] == pytest.approx(rho**2, abs=0.05)


def test_pure_in_seed_and_date() -> None:
    assert (path_ranks(16, 3, 0.4, 1, D) == path_ranks(16, 3, 0.4, 1, D)).all()
    assert (path_ranks(16, 3, 0.4, 1, D) != path_ranks(16, 3, 0.4, 2, D)).any()
    assert (path_ranks(16, 3, 0.4, 1, D) != path_ranks(16, 3, 0.4, 1, date(2024, 5, 30))).any()


def test_rows_name_path_and_step() -> None:
    ranks = path_ranks(8, 2, 0.4, 1, D)
    row = to_table(ranks, D, "r1").to_pylist()[5]
    assert row == {"business_date": D, "run_id": "r1", "path": 2, "step": 1, "rank": ranks[2, 1]}
