"""Parts of a retailer that a verdict is also given for: departments, volume classes, kinds of location."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

if TYPE_CHECKING:
    from jobs.lake import Lake

Ints = npt.NDArray[np.int64]

#: Ways of cutting, in the order in which they are shown.
BY = ("department", "volume", "kind")
#: Items with the first 80% of all units, with the next 15%, the rest.
_CLASSES = {"A": 0.8, "B": 0.95, "C": 1.0}


def of(pairs: pl.DataFrame, lake: Lake, items: Ints, wanted: Ints) -> dict[str, np.ndarray]:
    """Way of cutting -> [pairs] name of each pair's part; '' where it is not known.

    pairs   item_id, location_id;  items  [pairs] number of each pair's item
    wanted  [nights, pairs] of the nights that count: it is the same for all ways of deciding
    """
    return {
        "department": _named(pairs, lake, "items", "item_id", "department"),
        "volume": volume_classes(items, wanted.sum(axis=0)),
        "kind": _named(pairs, lake, "locations", "location_id", "kind"),
    }


def _named(pairs: pl.DataFrame, lake: Lake, table: str, key: str, column: str) -> np.ndarray:
    """What the newest row of each pair's item or location says."""
    rows = pl.DataFrame(pl.from_arrow(lake.arrow(f"silver/{table}", [key, column, "known_from"])))
    newest = rows.sort("known_from").unique(key, keep="last").select(key, column)
    named = pairs.join(newest, on=key, how="left", maintain_order="left")
    return named[column].fill_null("").to_numpy().astype(object)


def volume_classes(items: Ints, wanted: Ints) -> np.ndarray:
    """[pairs] class of each pair's item, all its locations together: by its share of all units, the largest items first."""
    total = np.bincount(items, wanted)
    order = np.argsort(-total, kind="stable")
    # What was reached before an item decides: the largest is always in the first class.
    before = np.concatenate([[0.0], np.cumsum(total[order])[:-1]]) / max(total.sum(), 1)
    names = np.array(list(_CLASSES), object)
    classes = np.empty(len(total), object)
    classes[order] = names[np.minimum(np.searchsorted(list(_CLASSES.values()), before, side="right"), len(names) - 1)]
    return np.asarray(classes[items])
