"""Parts of a retailer that a verdict is also given for: departments, volume classes, kinds of location."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.learn.segments import classes_of

if TYPE_CHECKING:
    from jobs.lake import Lake

Ints = npt.NDArray[np.int64]

#: Ways of cutting, in the order in which they are shown.
BY = ("department", "volume", "kind")


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
    return np.asarray(classes_of(np.bincount(items, wanted).astype(float))[items])
