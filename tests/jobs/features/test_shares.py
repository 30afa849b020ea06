"""Items shared out to tasks: together the shares hold every row that the night sees, once, in whole item-locations."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest

from jobs.features.block import Span
from jobs.features.clock import CLOCKS
from jobs.features.shares import Shares
from jobs.features.source import shares, stream
from jobs.lake import Lake
from tests.jobs.features.lakes import fill, history, masters, sale

NIGHT = date(2024, 3, 1)
CLOCK = CLOCKS["day"]
SPAN = Span.around(CLOCK, [CLOCK.index(NIGHT)], 7)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Five items at two stores; of one nobody has said in the items feed; one day lands after the night."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    lake.create_tables()
    late = sale("i0", "S0", NIGHT - timedelta(days=1), 99, known_from=NIGHT + timedelta(days=1))
    unknown = [sale("zz", "S1", NIGHT - timedelta(days=day), day) for day in range(1, 9)]
    fill(lake, **masters(4, 2), demand=[*history(4, 2, NIGHT - timedelta(days=20), 19), late, *unknown])
    fill(lake, prices=[{"item_id": "i1", "location_id": "S0", "date": NIGHT, "unit_price": 2, "known_from": NIGHT}])
    fill(lake, assortment=[{"item_id": "i9", "location_id": "S0", "known_from": NIGHT}])
    return lake


def asked(lake: Lake, count: int) -> Shares:
    """The items in so many shares."""
    items = pa.chunked_array([["i3", "i1", "i0", "i2"]])
    return Shares.of(lake, NIGHT, items, rows=1, slots=count)


def read(items: Shares) -> pa.Table:
    """The stream of all shares, one after the other."""
    query = stream(CLOCK, SPAN, NIGHT)
    return pa.Table.from_batches([batch for share in range(len(items)) for batch in items.rows(share, query)])


@pytest.mark.parametrize("count", [2, 3, 4])
def test_shares_hold_together_what_one_share_holds(lake: Lake, count: int) -> None:
    order = [(name, "ascending") for name in ("item_id", "location_id", "kind", "period")]
    whole, parts = read(asked(lake, 1)), read(asked(lake, count))
    assert whole.num_rows == 4 * 2 * 19 + 8 + 1 + 1
    assert parts.sort_by(order) == whole.sort_by(order)


def test_a_pair_comes_in_one_piece(lake: Lake) -> None:
    pairs = [(row["item_id"], row["location_id"]) for row in read(asked(lake, 3)).to_pylist()]
    assert sum(a != b for a, b in pairwise(pairs)) + 1 == len(set(pairs))


def test_what_lands_later_is_not_seen(lake: Lake) -> None:
    assert 99 not in read(asked(lake, 2))["units"].to_pylist()


def test_there_are_no_more_shares_than_items(lake: Lake) -> None:
    assert len(asked(lake, 50)) == 4
    assert len(Shares.of(lake, NIGHT, pa.chunked_array([pa.array([], pa.string())]), rows=0, slots=4)) == 1


def test_many_rows_ask_for_many_shares(lake: Lake) -> None:
    items = pa.chunked_array([[f"i{number}" for number in range(100)]])
    assert len(Shares.of(lake, NIGHT, items, rows=20_000_000, slots=2)) == 20


def test_shares_stay_at_the_version_that_they_were_made_at(lake: Lake) -> None:
    items = shares(lake, CLOCK, SPAN, NIGHT, 2)
    before = read(items).num_rows
    fill(lake, demand=[sale("i0", "S9", NIGHT - timedelta(days=1), 5)])
    assert read(items).num_rows == before
    assert read(shares(lake, CLOCK, SPAN, NIGHT, 2)).num_rows == before + 1
