"""Rows of capacities.parquet as resources with limits: what each takes from which line, and which can't bind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from jobs.errors import UsageError
from jobs.plan.coupled.problem import Floats, Ints, Layer, numbered
from jobs.plan.pools import SCALE
from jobs.plan.ragged import positions

#: Which column of the lines a capacity's location is.
_PLACE = {"dc_stock": "source_id", "dc_outbound": "source_id", "receiving": "location_id", "budget": "location_id"}
RESOURCES = tuple(_PLACE)
_VALUES = {"units": None, "volume": "unit_volume", "value": "unit_value"}


@dataclass(frozen=True)
class Kind:
    """Limits of one resource, unit and set of given keys.

    row, slot  [rows of capacities of this kind] the row, and the number of its limit among ``limit``
    limit      [slots] the lowest of equal rows
    at, use    [lines] the slot that each line takes from (-1: none), and what one multiple takes
    """

    resource: str
    unit: str
    row: Ints
    slot: Ints
    limit: Floats
    at: Ints
    use: Floats


def layers_of(
    lines: pl.DataFrame, capacities: pl.DataFrame, lists: tuple[Ints, Floats], packs: tuple[Ints, Floats]
) -> tuple[tuple[Layer, ...], Floats, Ints, Floats]:
    """Layers, limits, the resource of each row (-1: it can't bind) and the lists cut at what a limit allows one line.

    A row takes in the lines that agree with every key it gives (location, item; the date only for receiving); a null
    limit is unlimited; of equal rows the lowest limit holds.

    lists  offsets and entries of the cost lists
    packs  [lines] a multiple in ten-thousandths of a unit, and in units
    """
    (start, cost), (multiple, units) = lists, packs
    _check(capacities)
    number = np.full(len(capacities), -1)
    layers: list[Layer] = []
    limits: list[Floats] = []
    count, (least, most) = 0, _ends(cost, start)
    for kind in kinds_of(lines, capacities, units):
        at, use = kind.at, kind.use
        limit = _grid(kind.limit, at, multiple, units) if kind.unit == "units" and kind.resource != "budget" else kind.limit
        shorter = cut(cost, start, use, np.append(limit, np.inf)[at])
        if shorter is not cost:
            cost, (least, most) = shorter, _ends(shorter, start)
        _check_least(f"{kind.resource} in {kind.unit}", lines, at, use, limit, least)
        binds = np.bincount(at[at >= 0], (use * most)[at >= 0], len(limit)) > limit
        renumber = np.where(binds, count + np.cumsum(binds) - 1, -1)
        number[kind.row] = renumber[kind.slot]
        if binds.any():
            layers.append(Layer(np.append(renumber, -1)[at], use))
            limits.append(limit[binds])
            count += int(binds.sum())
    return numbered(layers, count), np.concatenate([*limits, [np.inf]]), number, cost


def kinds_of(lines: pl.DataFrame, capacities: pl.DataFrame, units: Floats) -> Iterator[Kind]:
    """The finite limits of capacities, those of one resource, unit and set of given keys together, in sorted order."""
    rows = capacities.with_row_index("row").filter(
        pl.col("limit").is_not_null() & pl.col("limit").is_not_nan() & pl.col("limit").is_finite()
    )
    rows = rows.with_columns(pl.when(pl.col("resource") == "receiving").then("date").alias("date"))
    given = [pl.col(k).is_not_null().alias(f"has_{k}") for k in ("location_id", "item_id", "date")]
    for pattern, members in sorted(rows.with_columns(given).group_by("resource", "unit", "has_location_id", "has_item_id", "has_date")):
        resource, unit, *has = (str(pattern[0]), str(pattern[1]), *pattern[2:])
        keys = [k for k, there in zip(("location_id", "item_id", "date"), has, strict=True) if there]
        each = members.sort("row").with_columns(
            pl.struct(keys).rank("dense").cast(pl.Int64).alias("slot") if keys else pl.lit(1, pl.Int64).alias("slot")
        )
        slot = each["slot"].to_numpy() - 1
        limit = np.full(int(slot.max()) + 1, np.inf)
        np.minimum.at(limit, slot, each["limit"].to_numpy())
        at = np.where(takes_from(lines, resource), _slots(lines, resource, keys, each), -1)
        use = np.where(at >= 0, _use(lines, resource, unit, units), 0.0)
        yield Kind(resource, unit, each["row"].to_numpy(), slot, limit, at, use)


def takes_from(lines: pl.DataFrame, resource: str) -> np.ndarray:
    """[lines] whether lines could take from a resource: what a location keeps (a line to itself) takes from its stock only."""
    if resource == "dc_stock":
        return np.ones(len(lines), bool)
    return np.asarray((lines["source_id"] != lines["location_id"]).to_numpy())


def taken(lines: pl.DataFrame, capacities: pl.DataFrame, multiple: Ints, n: Ints) -> Floats:
    """[rows of capacities] what a plan (n multiples of each line) takes of each limit; 0 of one that is not finite."""
    result = np.zeros(len(capacities))
    for kind in kinds_of(lines, capacities, multiple / SCALE):
        member = kind.at >= 0
        result[kind.row] = np.bincount(kind.at[member], (kind.use * n)[member], len(kind.limit))[kind.slot]
    return result


def _check(capacities: pl.DataFrame) -> None:
    unknown = capacities.filter(~pl.col("resource").is_in(list(_PLACE)) | pl.col("resource").is_null())
    if len(unknown):
        raise UsageError(f"capacities.parquet: unknown resource {unknown['resource'][0]!r}; known are {', '.join(_PLACE)}")
    unit = pl.col("unit")
    wrong = capacities.filter(~unit.is_in(list(_VALUES)) | unit.is_null() | ((pl.col("resource") == "budget") & (unit != "value")))
    if len(wrong):
        raise UsageError(
            f"capacities.parquet: {wrong['resource'][0]} in {wrong['unit'][0]!r}: units, volume or value it must be; a budget is in value"
        )
    negative = capacities.filter((pl.col("limit") < 0) | pl.col("limit").is_nan())
    if len(negative):
        raise UsageError(
            f"capacities.parquet: limit {negative['limit'][0]} of {negative['resource'][0]}: it must be at least 0 (null: unlimited)"
        )


def _check_least(name: str, lines: pl.DataFrame, at: Ints, use: Floats, limit: Floats, least: Floats) -> None:
    """Raise UsageError where even the least that lines allow exceeds a limit."""
    member = at >= 0
    over = np.bincount(at[member], _times(use[member], least[member]), len(limit)) > limit * (1 + 1e-9) + 1e-9
    if over.any():
        row = lines.row(int(np.flatnonzero(over[at] & member)[0]), named=True)
        raise UsageError(f"no plan keeps {name} of line {row['line_id']} ({row['item_id']}, {row['source_id']} to {row['location_id']}): "
                         "the least its lines allow exceeds it")  # fmt: skip


def _times(use: Floats, n: Floats) -> Floats:
    """Use of n multiples, 0 where one takes nothing (n may be inf)."""
    return np.asarray(np.where(use > 0, use, 0.0) * np.where(use > 0, n, 0.0))


def _slots(lines: pl.DataFrame, resource: str, keys: list[str], rows: pl.DataFrame) -> Ints:
    """[lines] the slot each line takes from; -1: none."""
    if not keys:
        return np.zeros(len(lines), np.int64)
    columns = {"location_id": _PLACE[resource], "item_id": "item_id", "date": "expected_on"}
    wanted = rows.select(*keys, "slot").unique()
    mine = lines.select(pl.col(columns[k]).alias(k) for k in keys)
    found = mine.join(wanted, on=keys, how="left", maintain_order="left")["slot"]
    return found.fill_null(0).to_numpy().astype(np.int64) - 1


def _use(lines: pl.DataFrame, resource: str, unit: str, units: Floats) -> Floats:
    """[lines] what one multiple takes: units, volume or value; of a budget the budget_value."""
    name = _VALUES[unit]
    if name is None:
        return units
    worth = lines[name].fill_null(0.0)
    if resource == "budget" and "budget_value" in lines.columns:
        worth = lines.select(pl.coalesce("budget_value", pl.lit(worth))).to_series()
    return np.asarray(units * worth.to_numpy())


def _grid(limit: Floats, at: Ints, multiple: Ints, units: Floats) -> Floats:
    """Unit limits rounded down to what whole packs can take: to the greatest common divisor of their multiples, where they have one."""
    grain = np.zeros(len(limit), np.int64)
    np.gcd.at(grain, at[at >= 0], multiple[at >= 0])
    whole = np.floor(np.minimum(limit, 1e14) * SCALE + 1e-4).astype(np.int64)
    odd = np.bincount(at[at >= 0], (units != multiple / SCALE)[at >= 0], len(limit)) > 0
    return np.where(odd, limit, whole // np.maximum(grain, 1) * np.maximum(grain, 1) / SCALE)


def cut(cost: Floats, start: Ints, use: Floats, limit: Floats) -> Floats:
    """Lists without the entries that alone exceed a limit."""
    most = np.floor(np.minimum(limit / np.where(use > 0, use, 1.0) * (1 + 1e-9) + 1e-9, 1e15))
    most = np.where(use > 0, most, 1e15).astype(np.int64)
    if (most + 1 >= np.diff(start)).all():
        return cost
    owner, place = positions(start)
    return np.where(place > most[owner], np.inf, cost)


def _ends(cost: Floats, start: Ints) -> tuple[Floats, Ints]:
    """[lines] the least allowed entry (inf where there is none) and the largest."""
    if len(start) < 2:
        return np.zeros(0), np.zeros(0, np.int64)
    allowed, place = np.isfinite(cost), positions(start)[1]
    least = np.minimum.reduceat(np.where(allowed, place, np.inf), start[:-1])
    return least, np.maximum.reduceat(np.where(allowed, place, 0), start[:-1])
