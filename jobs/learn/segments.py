"""Segments whose forecasts are corrected together: all, kind of location, with the department, with the item's volume class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.features.names import columns_of, looked_up
from jobs.learn.levels import shifted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from jobs.features.names import Names

Floats = npt.NDArray[np.float64]

#: The segment that all others lie below.
ALL = "all"
#: Columns that name the segments of a row, from all to the narrowest.
DEPTHS = ("all", "kind", "department", "volume")
#: Items with the first 80% of all units, with the next 15%, the rest.
_CLASSES, _ENDS = np.array(["A", "B", "C"], object), (0.8, 0.95)


@dataclass(frozen=True)
class Parts:
    """items: item_id, department, volume (class);  locations: location_id, kind. Text, '' where not known."""

    items: pl.DataFrame
    locations: pl.DataFrame

    @classmethod
    def of(cls, items: pa.Table, locations: pa.Table, features: pa.Table) -> Parts:
        """Of a night's masters (item_id, department, category; location_id, kind) and features (item_id, step, level)."""
        named = pl.DataFrame(pl.from_arrow(items)).select("item_id", department=pl.coalesce("department", "category", pl.lit("")))
        named = named.unique("item_id", keep="first", maintain_order=True).sort("item_id")
        rows = pl.DataFrame(pl.from_arrow(features)).filter(pl.col("step") == 0)
        classes = volume_classes(rows.group_by("item_id").agg(level=pl.col("level").cast(pl.Float64).sort().sum()))
        last = str(_CLASSES[-1])
        sized = named.join(classes, on="item_id", how="left", maintain_order="left").with_columns(pl.col("volume").fill_null(last))
        places = pl.DataFrame(pl.from_arrow(locations)).select("location_id", pl.col("kind").fill_null(""))
        return cls(sized, places.unique("location_id", keep="first", maintain_order=True).sort("location_id"))

    def named(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of item_id and location_id with the names of their segments (DEPTHS)."""
        joined = rows.join(self.items, on="item_id", how="left", maintain_order="left")
        joined = joined.join(self.locations, on="location_id", how="left", maintain_order="left")
        kind, department, volume = (pl.col(name).fill_null("") for name in DEPTHS[1:])
        return joined.with_columns(
            all=pl.lit(ALL),
            kind=kind,
            department=pl.concat_str(kind, department, separator="/"),
            volume=pl.concat_str(kind, department, volume, separator="/"),
        )

    def leaves(self, series: pl.DataFrame) -> pl.DataFrame:
        """The segments (DEPTHS) that series (item_id, location_id) are in."""
        return self.named(series.select("item_id", "location_id").unique()).select(DEPTHS).unique().sort(DEPTHS)


def volume_classes(levels: pl.DataFrame) -> pl.DataFrame:
    """item_id and volume class, from item_id and level: units expected a period."""
    ordered = levels.sort("item_id")
    return ordered.select("item_id", pl.Series("volume", classes_of(ordered["level"].to_numpy()), pl.String))


def classes_of(units: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    """[items] volume class by the item's share of all units, the largest items first; of equals the one that comes first."""
    order = np.argsort(-units, kind="stable")
    # What was reached before an item decides: the largest is always in the first class.
    before = np.concatenate([[0.0], np.cumsum(units[order])[:-1]]) / max(units.sum(), 1e-9)
    classes = np.empty(len(units), object)
    classes[order] = _CLASSES[np.searchsorted(_ENDS, before[: len(units)], side="right")]
    return classes


@dataclass(frozen=True)
class Shifts:
    """By how much the log-odds of each series' levels are shifted: log_odds [kinds, parts]; kind and part: numbers by name."""

    kind: Mapping[str, int]
    part: Mapping[str, int]
    log_odds: Floats

    @classmethod
    def of(cls, parts: Parts, by_segment: Mapping[str, float]) -> Shifts:
        """Of segments' shifts; a series takes that of its narrowest segment."""
        kinds = sorted(set(parts.locations["kind"]) | {""})
        names = parts.items.select(pl.concat_str("department", "volume", separator="/")).to_series()
        below = sorted(set(names) | {"/"})
        table = np.array([[by_segment.get(f"{kind}/{part}", 0.0) for part in below] for kind in kinds])
        kind_of = dict(zip(parts.locations["location_id"], [kinds.index(kind) for kind in parts.locations["kind"]], strict=True))
        number = {part: n for n, part in enumerate(below)}
        return cls(kind_of, dict(zip(parts.items["item_id"], [number[name] for name in names], strict=True)), table)

    def series(self, items: Names, locations: Names) -> Floats:
        """[n] shift of each row; 0 where its item or location is not known."""
        part = looked_up(items, lambda item: self.part.get(item, -1), np.int64)
        kind = looked_up(locations, lambda place: self.kind.get(place, -1), np.int64)
        return np.where((part >= 0) & (kind >= 0), self.log_odds[kind, part], 0.0)

    def applied(self, forecasts: pa.Table) -> pa.Table:
        """Forecasts (columns of gold/forecasts) with the shifts of their segments."""
        names = columns_of(forecasts, ("item_id", "location_id"))
        return shifted(forecasts, self.series(names["item_id"], names["location_id"]))
