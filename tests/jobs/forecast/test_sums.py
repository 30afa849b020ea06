"""Sums over paths against a naive loop, and that they tell dependence from independence."""

from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest

from jobs.forecast import sums as module
from jobs.forecast.distribution import LEVELS, NAMES, draw
from jobs.forecast.metrics import coverage
from jobs.forecast.model import numbers
from jobs.forecast.sums import IN_STOCK, ITEMS, STORES, sums
from tests.jobs.forecast.judged import judged

PATHS = 64


def quantiles(rows: pa.Table) -> np.ndarray:
    return np.column_stack([numbers(rows, name) for name in NAMES])


def drawn(rows: pa.Table) -> np.ndarray:
    """Paths that depend on the row alone: its mean, its step and its store."""
    store = np.array([int(name[1:]) for name in rows["location_id"].to_pylist()])
    base = numbers(rows, "mean") + 0.3 * numbers(rows, "step") + 0.01 * store
    return base[:, None] * (1 + np.arange(PATHS) / PATHS)


def naive(rows: pa.Table) -> dict[str, dict[object, tuple[float, np.ndarray]]]:
    """Kind -> group -> (demand, paths), row by row."""
    found: dict[str, dict[object, list[tuple[float, np.ndarray]]]] = defaultdict(lambda: defaultdict(list))
    for row, paths in zip(rows.to_pylist(), drawn(rows), strict=True):
        series = row["item_id"], row["location_id"]
        for span in (3, 7, 14):
            if row["step"] < span:
                found[f"{span} periods"][series].append((row["units"], paths))
        if row["step"] < 7:
            found[IN_STOCK][series].append((row["units"], paths))
        found[STORES][row["item_id"], row["step"]].append((row["units"], paths))
        found[ITEMS][row["location_id"], row["step"]].append((row["units"], paths))
    least = {IN_STOCK: 2, STORES: 2, ITEMS: 2, "3 periods": 3, "7 periods": 7, "14 periods": 14}
    return {
        kind: {group: (sum(u for u, _ in parts), sum(p for _, p in parts)) for group, parts in groups.items() if len(parts) >= least[kind]}
        for kind, groups in found.items()
    }


@pytest.mark.parametrize("chunk", [1, 20, 20_000])
def test_sums_against_a_naive_loop(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock-outs leave gaps: a series counts only where it has all its first periods."""
    monkeypatch.setattr(module, "_ROWS", chunk)
    rows = judged(3, 3, 7, out=0.15)
    rows = rows.filter(rows["in_stock"])
    expected, found = naive(rows), sums(rows, drawn)
    assert set(found) == {kind for kind, groups in expected.items() if groups} == {"3 periods", "7 periods", IN_STOCK, STORES, ITEMS}
    for kind, (actual, mean, quantile) in found.items():
        want = sorted((demand, paths.mean(), np.quantile(paths, 0.9, method="hazen")) for demand, paths in expected[kind].values())
        got = sorted(zip(actual, mean, quantile[:, NAMES.index("q90")], strict=True))
        assert np.array(got) == pytest.approx(np.array(want)), kind


def test_independent_demand_is_covered_by_independent_paths_only() -> None:
    rows = judged(20, 20, 3)

    def independent(part: pa.Table) -> np.ndarray:
        seed = [int(name[1:]) for column in ("item_id", "location_id") for name in part[column].to_pylist()[:1]]
        ranks = np.random.default_rng(seed).random((part.num_rows, 400))
        return draw(quantiles(part), numbers(part, "p_zero"), numbers(part, "mean"), ranks)

    def common(part: pa.Table) -> np.ndarray:
        ranks = (np.arange(400) + 0.5) / 400
        return draw(quantiles(part), numbers(part, "p_zero"), numbers(part, "mean"), ranks)

    for kind in (STORES, ITEMS):
        actual, _, quantile = sums(rows, independent)[kind]
        assert 0.65 < coverage(actual, quantile) < 0.95
        actual, _, quantile = sums(rows, common)[kind]
        assert coverage(actual, quantile) == 1


def test_quantiles_of_a_sum_of_one_are_those_of_its_paths() -> None:
    """Three equal paths' sum: ranks (k - 1/2) / n between the draws, so the middle level is the middle draw."""
    rows = judged(1, 1, 3)
    actual, mean, quantile = sums(rows, lambda part: np.tile(np.arange(5.0), (part.num_rows, 1)))["3 periods"]
    assert (len(actual), mean[0]) == (1, 6)
    assert quantile[0, NAMES.index("q50")] == 6
    assert quantile[0, NAMES.index("q70")] == pytest.approx(3 * 3)
    assert len(quantile[0]) == len(LEVELS)
