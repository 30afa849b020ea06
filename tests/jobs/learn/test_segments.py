"""Segments of a small retailer, and the shifts that its series get."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from jobs.learn.segments import Parts, Shifts, volume_classes


def parts() -> Parts:
    items = pa.table({"item_id": ["1", "2", "3"], "department": ["dairy", None, None], "category": ["milk", "bread", None]})
    places = pa.table({"location_id": ["S", "T", "W"], "kind": ["store", "store", "online"]})
    levels = {"item_id": ["1", "1", "2", "1"], "location_id": ["S", "T", "S", "W"], "step": [0, 0, 0, 1], "level": [4.0, 4.0, 2.0, 99.0]}
    return Parts.of(items, places, pa.table(levels))


def test_a_series_lies_in_four_segments() -> None:
    rows = parts().named(pl.DataFrame({"item_id": ["1", "2", "3", "9"], "location_id": ["S", "W", "T", "S"]}))
    assert rows["volume"].to_list() == ["store/dairy/A", "online/bread/B", "store//C", "store//"]
    assert rows["department"].to_list()[:2] == ["store/dairy", "online/bread"]
    assert set(rows["all"]) == {"all"}
    leaves = parts().leaves(pl.DataFrame({"item_id": ["1", "1"], "location_id": ["S", "T"]}))
    assert leaves.rows() == [("all", "store", "store/dairy", "store/dairy/A")]


def test_the_largest_item_is_always_in_the_first_class() -> None:
    classes = dict(volume_classes(pl.DataFrame({"item_id": ["a", "b", "c", "d"], "level": [90.0, 6.0, 3.0, 1.0]})).iter_rows())
    assert classes == {"a": "A", "b": "B", "c": "C", "d": "C"}


def test_series_take_the_shift_of_their_narrowest_segment() -> None:
    shifts = Shifts.of(parts(), {"store": 0.9, "store/dairy/A": 0.3, "online/bread/B": -0.2})
    names = np.array(["1", "2", "1", "9"], object), np.array(["T", "W", "W", "S"], object)
    assert shifts.series(*names).tolist() == [0.3, -0.2, 0.0, 0.0]
