"""Ranks of paths: stratified, dependent as published, the same for whoever draws them."""

from __future__ import annotations

import hashlib
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import ndtri

import schemas
from jobs.config import Config
from jobs.forecast.ranks import FACTORS, Dependence, PathRanks, fenced, from_table, of_night, seed_of, to_table
from schemas.gold.path_ranks import FACTORS as DECLARED

D = date(2024, 5, 29)
SHARE = {"all": 0.1, "region": 0.1, "item": 0.1, "item_region": 0.1, "location": 0.15, "pair": 0.15, "series": 0.3}
LASTING = dict.fromkeys(SHARE, 0.5)


def names(*keys: tuple[str, str, str, str]) -> dict[str, np.ndarray]:
    columns = ("item_id", "location_id", "channel", "region")
    return {name: np.array(values, object) for name, values in zip(columns, zip(*keys, strict=True), strict=True)}


#: Series that have in common: (0, 1) the pair, (0, 2) the item and the region, (0, 3) the location, (0, 4) nothing.
FIVE = names(
    ("A", "S1", "store", "north"),
    ("A", "S1", "online", "north"),
    ("A", "S2", "store", "north"),
    ("B", "S1", "store", "north"),
    ("B", "S3", "store", "south"),
)


def scores(paths: int = 20_000, share: dict[str, float] = SHARE, lasting: dict[str, float] = LASTING) -> np.ndarray:
    return ndtri(PathRanks(paths, 1, Dependence(share, lasting)).of(FIVE, 3))


def test_every_series_and_step_has_one_path_in_every_stratum() -> None:
    ranks = PathRanks(128, 5, Dependence(SHARE, LASTING)).of(FIVE, 4)
    assert ranks.shape == (5, 4, 128)
    assert (np.sort(ranks, axis=2) == (np.arange(128) + 0.5) / 128).all()


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        (1, ("all", "region", "item", "item_region", "location", "pair")),
        (2, ("all", "region", "item", "item_region")),
        (3, ("all", "region", "location")),
        (4, ("all",)),
    ],
)
def test_series_correlate_by_the_factors_that_they_share(other: int, shared: tuple[str, ...]) -> None:
    z = scores()
    expected = sum(SHARE[factor] for factor in shared)
    assert np.corrcoef(z[0, 0], z[other, 0])[0, 1] == pytest.approx(expected, abs=0.025)
    # In other periods only by what lasts.
    assert np.corrcoef(z[0, 0], z[other, 2])[0, 1] == pytest.approx(expected / 2, abs=0.025)


def test_a_series_correlates_with_its_own_later_periods_by_what_lasts() -> None:
    z = scores(lasting=SHARE)
    assert np.corrcoef(z[0, 0], z[0, 2])[0, 1] == pytest.approx(sum(s * s for s in SHARE.values()), abs=0.025)


def test_a_series_has_its_ranks_whoever_is_drawn_with_it() -> None:
    ranks = PathRanks(64, 3, Dependence(SHARE, LASTING))
    alone = {name: values[[3]] for name, values in FIVE.items()}
    assert (ranks.of(FIVE, 5)[3] == PathRanks(64, 3, Dependence(SHARE, LASTING)).of(alone, 5)[0]).all()


def test_another_night_or_seed_draws_other_ranks() -> None:
    seeds = {seed_of(1, D), seed_of(2, D), seed_of(1, date(2024, 5, 30))}
    assert len(seeds) == 3
    assert min(seeds) >= 0
    first, second = (PathRanks(64, seed, Dependence(SHARE, LASTING)).of(FIVE, 2) for seed in sorted(seeds)[:2])
    assert (first != second).any()


def test_published_rows_are_enough_to_draw_the_ranks_again() -> None:
    """By naive code of its own, from the published rows and the formula in the module's docstring."""
    ranks = PathRanks(16, seed_of(7, D), Dependence(SHARE, LASTING))
    table = to_table(ranks, D, "r1")
    rows = pa.Table.from_pylist(table.to_pylist(), schemas.TABLES["gold/path_ranks"].schema)
    assert (from_table(rows).of(FIVE, 2) == ranks.of(FIVE, 2)).all()
    key = {
        "all": "",
        "region": "north",
        "item": "A",
        "item_region": "A\x1fnorth",
        "location": "S2",
        "pair": "A\x1fS2",
        "series": "A\x1fS2\x1fstore",
    }
    z = np.zeros((2, 16))
    for row in rows.to_pylist():
        name = f"{row['factor']}\x1f{key[row['factor']]}"
        number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
        raw = np.random.Philox(key=np.array([row["seed"], number], dtype=np.uint64)).random_raw(3 * 16)
        draws = [float(ndtri(((int(r) >> 11) + 0.5) / 2**53)) for r in raw]
        for step in range(2):
            lasts, passes = draws[row["path"]], draws[(step + 1) * 16 + row["path"]]
            z[step, row["path"]] += row["share"] ** 0.5 * (row["lasting"] ** 0.5 * lasts + (1 - row["lasting"]) ** 0.5 * passes)
    for step in range(2):
        again = [(sum(other < mine for other in z[step]) + 0.5) / 16 for mine in z[step]]
        assert ranks.of(FIVE, 2)[2, step] == pytest.approx(again)


def test_the_contract_names_the_same_factors() -> None:
    assert tuple(FACTORS) == DECLARED


def test_rows_of_series_and_periods_have_the_ranks_of_their_series() -> None:
    ranks = PathRanks(32, 3, Dependence(SHARE, LASTING))
    rows = {name: values[[2, 0, 4, 2]] for name, values in FIVE.items()}
    step = np.array([1, 0, 2, 0])
    found = np.empty((4, 32))
    for some, rank in ranks.of_rows(rows, step, series=2):
        found[some] = rank
    assert (found == ranks.of(FIVE, 3)[[2, 0, 4, 2], step]).all()


def test_channels_of_a_fenced_location_rise_and_fall_together_and_nothing_else_changes() -> None:
    apart = fenced(Dependence(SHARE, {**LASTING, "pair": 0.2, "series": 0.8}))
    assert sum(apart.share.values()) == pytest.approx(1.0)
    assert apart.lasting["pair"] == pytest.approx((0.15 * 0.2 + 0.3 * 0.8) / 0.45)
    ranks = PathRanks(512, 1, apart).of(FIVE, 2)
    assert (ranks[0] == ranks[1]).all()
    assert np.corrcoef(ranks[0, 0], ranks[2, 0])[0, 1] == pytest.approx(0.4, abs=0.1)
    # Of channels with a stock each, together as large as the quantile of the sum, none is short before the other.
    of_channels = ndtri(ranks[:2, 0]) * np.array([[2.0], [0.5]])
    assert np.quantile(of_channels.sum(axis=0), 0.9) == pytest.approx(np.quantile(of_channels, 0.9, axis=1).sum())


def test_a_setting_fences_channels() -> None:
    settings = Config.model_validate({"planning": {"channels": "fenced"}})
    dependence = Dependence(SHARE, LASTING)
    assert of_night(settings, D, dependence).dependence == fenced(dependence)
    assert of_night(Config(), D, dependence) == PathRanks(128, seed_of(Config().seed, D), dependence)
