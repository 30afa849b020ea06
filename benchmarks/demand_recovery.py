"""Recovered demand against true demand: hide hours of days in stock and compare what the rest of the day says.

    python benchmarks/demand_recovery.py [--data FILE] [--first 2024-04-25] [--last 2024-06-11] [--stores 898]

FreshRetailNet's days in stock from 06:00 to 22:00 are the truth. Four tables: the evening hidden from a random hour on,
drawn from the hours in which real stock-outs begin (and last until closing); or the hours out of stock of a random real
day; each with the hours told to the recovery, or only the in-stock fraction (it then infers which hours). Past days keep
their real stock-outs. Skips with a reason where the data is missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import nbinom

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jobs.ingest.demand.recovery import WINDOW, Cells, Past, Recovered, recover

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "freshretailnet" / "train.parquet"
OPENING, CLOSING, SEED = 6, 22, 20240328
HIDDEN = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Store:
    """A store's series: units by hour [n, d, 24], out of stock by hour [n, d, 24], days that are to be recovered [n, d].

    days  store_id, product_id, dt of [n, d], row by row
    """

    days: pl.DataFrame
    hours: Floats
    out: Bools
    asked: Bools

    @property
    def short(self) -> Bools:
        """Days not in stock throughout, by the selling hours."""
        return np.asarray(self.out[:, :, OPENING:CLOSING].any(axis=2))

    @property
    def past(self) -> Past:
        """What the recovery may look at; WINDOW empty days before the first, as ingest has them."""
        n, d = np.nonzero(self.hours.sum(axis=2) > 0)
        row = np.full(self.asked.shape, -1)
        row[n, d] = np.arange(len(n))
        before = ((0, 0), (WINDOW, 0))
        return Past(self.hours[n, d], np.pad(row, before, constant_values=-1), np.pad(~self.short, before))


def stores(data: Path, first: date, last: date, most: int) -> Iterator[Store]:
    """The stores one by one."""
    columns = ["store_id", "product_id", "dt", "hours_sale", "hours_stock_status"]
    rows = pl.scan_parquet(data).select(columns).sort("store_id", "product_id", "dt")
    ids = pl.scan_parquet(data).select(pl.col("store_id").unique().sort()).collect()["store_id"].to_list()[:most]
    for at in range(0, len(ids), 50):
        for store in rows.filter(pl.col("store_id").is_in(ids[at : at + 50])).collect().partition_by("store_id", maintain_order=True):
            days = store["dt"].n_unique()
            shape = (store.height // days, days, 24)
            sold = store["hours_sale"].explode().to_numpy().astype(np.float64).reshape(shape)
            out = (store["hours_stock_status"].explode().to_numpy() == 1).reshape(shape)
            asked = store["dt"].is_between(first, last).to_numpy().reshape(shape[:2])
            asked = asked & (np.arange(days) >= WINDOW) & ~out[:, :, OPENING:CLOSING].any(axis=2)
            yield Store(store.select("store_id", "product_id", "dt"), sold, out, asked)


def recovered(data: Path) -> pl.DataFrame:
    """Demand of the days really short of stock, as ingest recovers it: store_id, product_id, dt, demand, demand_std."""
    parts = []
    for store in stores(data, date.min, date.max, 10_000):
        fraction = 1 - store.out[:, :, OPENING:CLOSING].mean(axis=2)
        short = (fraction > 0) & (fraction < 1)
        series, day = np.nonzero(short)
        hours = store.hours[series, day]
        cells = Cells(series, day + WINDOW, hours.sum(axis=1), hours, fraction[series, day], store.out[series, day].astype(np.float64))
        found = recover(store.past, cells)
        days = store.days.filter(pl.Series(short.ravel())).with_columns(demand=found.demand, demand_std=found.std)
        parts.append(days.filter(pl.col("demand").is_not_nan()))
    return pl.concat(parts)


def real_masks(sample: list[Store]) -> tuple[Bools, Bools]:
    """Hours out of stock of real days short of stock; and those in which only an evening is missing."""
    masks = np.concatenate([store.out[store.short & ~store.out[:, :, OPENING:CLOSING].all(axis=2)] for store in sample])
    selling = masks[:, OPENING:CLOSING]
    evening = (np.diff(selling.astype(np.int8), axis=1) >= 0).all(axis=1)
    hour = np.arange(24)
    until_midnight = (masks & (hour >= OPENING)) | (hour >= CLOSING)
    return masks, until_midnight[evening]


def hide(store: Store, masks: Bools, rng: np.random.Generator, told: bool) -> tuple[Recovered, Cells, Floats]:
    """Recover the asked days of a store with hours hidden by random masks; beside it the truth."""
    series, day = np.nonzero(store.asked)
    out = masks[rng.integers(len(masks), size=len(series))].astype(np.float64)
    sold = store.hours[series, day]
    seen = sold * (1 - out)
    fraction = 1 - out[:, OPENING:CLOSING].mean(axis=1)
    cells = Cells(series, day + WINDOW, seen.sum(axis=1), seen, fraction, out if told else np.full_like(out, np.nan))
    return recover(store.past, cells), cells, sold.sum(axis=1)


@dataclass(frozen=True)
class Result:
    """Days recovered, of all stores: each [r]."""

    true: Floats
    sold: Floats
    fraction: Floats
    found: Recovered

    def take(self, rows: Bools) -> Result:
        """Some of the days."""
        found = Recovered(*(getattr(self.found, name)[rows] for name in Recovered.__dataclass_fields__))
        return Result(self.true[rows], self.sold[rows], self.fraction[rows], found)

    def methods(self) -> dict[str, Floats]:
        """What each method says of the days."""
        return {
            "sold (floor)": self.sold,
            "sold / in-stock fraction": self.sold / self.fraction,
            "sold / share of the profile": self.sold / self.found.exposure,
            "mean of like days": self.found.level,
            "larger of sold and like days": np.maximum(self.sold, self.found.level),
            "recovered": self.found.demand,
        }


def measure(masks: Bools, told: bool, data: list[Store]) -> Result:
    """Hide, recover and gather over all stores; days of which nothing can be said are left out and counted."""
    rng = np.random.default_rng(SEED)
    parts = [hide(store, masks, rng, told) for store in data if store.asked.any()]
    found = Recovered(*(np.concatenate([getattr(p[0], name) for p in parts]) for name in Recovered.__dataclass_fields__))
    sold, fraction, true = (np.concatenate(v) for v in ([p[1].sold for p in parts], [p[1].fraction for p in parts], [p[2] for p in parts]))
    whole = Result(true, sold, fraction, found)
    said = ~np.isnan(found.demand)
    print(f"{said.sum():,} days; floor only: {1 - said.mean():.2%}; hidden: {1 - sold[said].sum() / true[said].sum():.1%} of demand")
    return whole.take(said)


def accuracy(true: Floats, said: Floats) -> str:
    """WAPE and bias, as text."""
    return f"{np.abs(said - true).sum() / true.sum():.4f} {(said - true).sum() / true.sum():+.4f}"


def coverage(result: Result) -> str:
    """Share of true demand within one deviation, and within the 80% interval of a negative binomial with mean and deviation."""
    found, hidden = result.found, np.maximum(result.true - result.sold, 0)
    within = np.abs(result.true - found.demand) <= found.std
    mean = np.maximum((found.demand - result.sold) / found.jump, 1e-9)
    variance = np.maximum((found.std / found.jump) ** 2, mean * 1.000001)
    law = nbinom(mean**2 / (variance - mean), mean / variance)
    jumps = hidden / found.jump
    inside = (law.cdf(np.floor(jumps + 1e-6)) >= 0.1) & (law.cdf(np.ceil(jumps - 1e-6) - 1) <= 0.9)
    return f"{within.mean():.3f}  {inside.mean():.3f}"


def report(title: str, result: Result) -> None:
    """Print a table."""
    print(f"\n{title}\n{'':32}WAPE   bias     1 std  80%")
    for name, said in result.methods().items():
        print(f"{name:30}{accuracy(result.true, said)}{'  ' + coverage(result) if name == 'recovered' else ''}")
    missed = 1 - result.found.exposure
    for low, high in pairwise(HIDDEN):
        part = result.take((missed >= low) & (missed < high + (high == 1)))
        if len(part.true):
            name = f"  recovered, {low:.0%}-{high:.0%} hidden"
            print(f"{name:30}{accuracy(part.true, part.found.demand)}  {coverage(part)}  {len(part.true):,} days")


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--first", type=date.fromisoformat, default=date(2024, 4, 25))
    parser.add_argument("--last", type=date.fromisoformat, default=date(2024, 6, 11))
    parser.add_argument("--stores", type=int, default=10_000, help="only the first ones")
    arguments = parser.parse_args()
    if not arguments.data.exists():
        print(f"skipped: {arguments.data} is not on this machine")
        return 0
    data = list(stores(arguments.data, arguments.first, arguments.last, arguments.stores))
    masks, evenings = real_masks(data)
    print(f"{len(data)} stores; {len(evenings) / len(masks):.0%} of the days partly out of stock end so, and only so")
    worst = 0.0
    for name, hours in (("evening hidden", evenings), ("hours of a real day hidden", masks)):
        for told in (True, False):
            result = measure(hours, told, data)
            report(f"{name}, hours {'told' if told else 'inferred'}", result)
            worst = max(worst, abs(result.found.demand.sum() / result.true.sum() - 1) if told else 0)
    return int(worst > 0.02)


if __name__ == "__main__":
    raise SystemExit(main())
