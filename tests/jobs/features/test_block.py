"""Streams cut anywhere give the same blocks; which series a pair has."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from jobs.features.block import Span, to_block, whole_pairs
from jobs.features.job import featured, run_blocks, sampled
from tests.jobs.features.blocks import CLOCK, context, listed, past, sold, stream

D = date(2024, 5, 29)
ORIGIN = CLOCK.index(D)
DAY = timedelta(days=1)


def _block(rows: list[dict]):
    span = Span.around(CLOCK, [ORIGIN], 3)
    return to_block(stream(rows), CLOCK, span, context(rows, [D]).prices)


@pytest.mark.parametrize("size", [1, 7, 30, 31, 1000])
def test_batches_may_split_a_series(size: int) -> None:
    rows = [r for i in range(5) for r in past(f"i{i}", "S1", D, 30)]
    shared = context(rows, [D])
    whole = pa.concat_tables(run_blocks(stream(rows).to_batches(), shared, (ORIGIN,), featured))
    split = pa.concat_tables(run_blocks(stream(rows).to_batches(max_chunksize=size), shared, (ORIGIN,), featured))
    assert split.equals(whole)


def test_each_origin_has_a_share_of_the_pairs_of_its_own() -> None:
    keys = {"item_id": [f"i{i // 2}" for i in range(4_000)], "location_id": ["S1"] * 4_000, "channel": ["store", "online"] * 2_000}
    names = {name: np.array(values, object) for name, values in keys.items()}
    first, second = (sampled(names, origin, 0.2) for origin in (ORIGIN, ORIGIN - 5))
    assert first.mean() == pytest.approx(0.2, abs=0.03)
    assert (first & second).mean() == pytest.approx(0.04, abs=0.02), "one says nothing of the other"
    assert (first[::2] == first[1::2]).all(), "all channels of a pair together"


def test_a_share_is_the_same_however_the_stream_is_cut() -> None:
    rows = [r for i in range(40) for r in past(f"i{i}", "S1", D, 30)]
    shared = context(rows, [D])
    whole = pa.concat_tables(run_blocks(stream(rows).to_batches(), shared, (ORIGIN,), featured, 0.5))
    split = pa.concat_tables(run_blocks(stream(rows).to_batches(max_chunksize=31), shared, (ORIGIN,), featured, 0.5))
    assert split.equals(whole)
    every = pa.concat_tables(run_blocks(stream(rows).to_batches(), shared, (ORIGIN,), featured))
    chosen = set(whole["item_id"].to_pylist())
    assert 8 < len(chosen) < 32
    assert whole.equals(every.filter(pa.array([item in chosen for item in every["item_id"].to_pylist()])))


@pytest.mark.parametrize(("rows", "pairs"), [(1, 4096), (40, 4096), (200_000, 1), (200_000, 2)])
def test_blocks_of_any_size_hold_whole_pairs_in_order(rows: int, pairs: int) -> None:
    table = stream([r for i in range(5) for r in past(f"i{i}", "S1", D, 30)])
    cut = list(whole_pairs(table.to_batches(max_chunksize=17), rows, pairs))
    assert pa.concat_tables(cut).combine_chunks().equals(table.combine_chunks())
    for piece in cut:
        assert len(piece) % 30 == 0
    assert len(cut) > 1


def test_units_lie_at_their_period_and_stockouts_are_masked() -> None:
    """Of a period short of stock what was recovered is its demand; without that, or a past, it has none, least of all its sales."""
    floor, recovered = sold("a", "S1", D - 2 * DAY, 2.0, stock=0.04), sold("a", "S1", D - 3 * DAY, 1.0, stock=0.5, recovered=2.5)
    block = _block([sold("a", "S1", D - DAY, 3.0), floor, recovered])
    end = ORIGIN - block.span.first
    assert block.units[0, end - 3 : end].tolist() == [1, 2, 3]
    assert np.array_equal(block.in_stock[0, end - 3 : end], [np.nan, np.nan, 3], equal_nan=True)
    assert np.array_equal(block.demand[0, end - 3 : end], [2.5, np.nan, 3], equal_nan=True)
    assert np.isnan(block.units[0, : end - 3]).all()


def test_a_listed_pair_that_is_sold_in_another_channel_has_no_second_series() -> None:
    block = _block([sold("a", "S1", D - DAY, 3.0, channel="app"), listed("a", "S1"), listed("b", "S1")])
    assert list(zip(block.keys["item_id"], block.keys["channel"], strict=True)) == [("a", "app"), ("b", "store")]


def test_a_pair_off_the_assortment_is_not_forecast() -> None:
    block = _block([sold("a", "S1", D - DAY, 3.0), listed("a", "S1", active=False), sold("b", "S1", D - DAY, 1.0)])
    assert block.keys["item_id"].tolist() == ["b"]


def test_two_rows_of_the_assortment_one_active() -> None:
    block = _block([sold("a", "S1", D - DAY, 3.0), listed("a", "S1", active=False), listed("a", "S1")])
    assert len(block) == 1


def test_a_series_is_active_while_it_has_rows_in_the_recent_past() -> None:
    old = D - DAY * (CLOCK.recent + 1)
    block = _block([sold("a", "S1", old, 3.0), sold("b", "S1", old + DAY, 0.0)])
    assert block.active(ORIGIN, CLOCK).tolist() == [False, True]
