"""How long a world takes, and how near the preset `retail` is to real sales.

    python benchmarks/world.py [--data FILE] [--lines 5000] [--timed 10000]

Real sales are FreshRetailNet's (50,000 series, 76 days), counted in tenths of its normalised unit, which is the grid that they lie on;
only share of zeros and the means shown depend on no scale. The world's are the last 76 days of a year, both channels of a line together.
Both are looked at on days that were in stock all hours, in series with at least 28 of them: the share of days without sale; the
coefficient of variation, mean over series; the weekday amplitude, largest less smallest mean of sales over the series' mean;
correlation with the day before, mean over series; correlation of two stores of a region (city) that sell the same item, mean over pairs.
The limit is 15% of the real value. The time is that of `nightfill world` with so many lines x 365 days, writing included.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jobs.simulate.world import World, job, parse

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "freshretailnet" / "train.parquet"
DAYS, LEAST = 76, 28
LIMIT, SECONDS, PAIRS = 0.15, 120, 40_000
JUDGED = ("share of zeros", "coefficient of variation", "weekday amplitude", "lag-1 correlation", "cross-store correlation")
Floats = NDArray[np.float64]


def main() -> int:
    """Print both tables; 1 when a limit is missed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--lines", type=int, default=5_000)
    options.add_argument("--timed", type=int, default=10_000, help="lines of the timed world; 0: none")
    args = options.parse_args()
    missed = compare(args.data, args.lines)
    return int(missed | (timed(args.timed) if args.timed else False))


def compare(data: Path, lines: int) -> bool:
    """Print statistics of both side by side; True when one is too far off."""
    made = statistics(*made_up(lines))
    if not data.is_file():  # the world alone is still worth a look
        print(f"no comparison: {data} is missing; the world alone: {made}")
        return False
    real = statistics(*freshretailnet(data))
    print(f"{'':28}{'FreshRetailNet':>15}{'retail':>10}{'off by':>10}")
    off = {name: made[name] / real[name] - 1 for name in real}
    for name, value in real.items():
        limit = "" if name in JUDGED else "   (no limit)"
        print(f"{name:28}{value:15.4f}{made[name]:10.4f}{off[name]:+10.1%}{limit}")
    return any(abs(off[name]) > LIMIT for name in JUDGED)


def timed(lines: int) -> bool:
    """Print what a year of so many lines takes; True when it is too long."""
    places = max(lines // 200, 2)
    size = {"lines": lines, "items": 500, "stores": places - places // 10, "online": places // 10, "dcs": 3, "suppliers": 10, "regions": 3}
    config = parse({"preset": "retail", "size": size, "span": {"first": date(2023, 1, 2), "last": date(2024, 1, 2)}})
    with tempfile.TemporaryDirectory() as folder:
        began, worked = time.perf_counter(), time.process_time()
        print(job.main(config, Path(folder) / "landing", Path(folder) / "truth").replace(folder + "/", ""))
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        written = sum(file.stat().st_size for file in Path(folder).rglob("*.parquet")) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{lines:,} lines x 365 days: {seconds:.0f} s, {worked:.0f} s of processor, {written:.0f} MB of files, peak {peak:.1f} GB")
    return seconds > SECONDS


def freshretailnet(data: Path) -> tuple[Floats, Floats, Floats, Floats, date]:
    """[series, days] units in tenths, NaN where not in stock all day; item, region and location of each; the first day."""
    columns = ("city_id", "store_id", "product_id", "dt", "sale_amount", "stock_hour6_22_cnt")
    rows = pl.scan_parquet(data).select(columns).collect().sort(columns[:4])
    units = 10 * rows["sale_amount"].to_numpy().reshape(-1, DAYS).astype(float)
    in_stock = rows["stock_hour6_22_cnt"].to_numpy().reshape(-1, DAYS) == 0
    city, store, product = (rows[name].to_numpy().reshape(-1, DAYS)[:, 0] for name in columns[:3])
    first = rows["dt"][0]
    return (
        np.where(in_stock, units, np.nan),
        product,
        city,
        store,
        first if isinstance(first, date) else date.fromisoformat(str(first)[:10]),
    )


def made_up(lines: int) -> tuple[Floats, Floats, Floats, Floats, date]:
    """The same of the world, its last days after a year."""
    size = {"lines": lines, "items": lines // 10, "stores": 36, "online": 4, "categories": 16, "regions": 4, "dcs": 4}
    config = parse({"preset": "retail", "size": size, "span": {"first": date(2023, 4, 3), "last": date(2024, 6, 12)}})
    world = World(config)
    state, first = world.start(), config.span.last - timedelta(days=DAYS)
    days = []
    while state.day < config.span.last:
        state, night = world.advance(state, world.usual_orders(state))
        if night.day >= first:
            days.append(np.where(night.in_stock == 1, night.sold.sum(axis=1), np.nan))
    rows = world.rows
    place = rows.location[: world.lines]
    return np.stack(days, axis=1), rows.item[: world.lines], world.network.places.region[place], place, first


def statistics(units: Floats, item: Floats, region: Floats, location: Floats, first: date) -> dict[str, float]:
    """What both are compared by."""
    enough = (~np.isnan(units)).sum(axis=1) >= LEAST
    enough &= np.nanmean(np.where(enough[:, None], units, 0), axis=1) > 0
    units, item, region, location = units[enough], item[enough], region[enough], location[enough]
    mean, deviation = np.nanmean(units, axis=1), np.nanstd(units, axis=1)
    weekday = np.array([(first + timedelta(days=d)).weekday() for d in range(units.shape[1])])
    by_day = np.array([np.nanmean((units / mean[:, None])[:, weekday == d]) for d in range(7)])
    return {
        "share of zeros": float((units == 0).sum() / (~np.isnan(units)).sum()),
        "coefficient of variation": float((deviation / mean).mean()),
        "weekday amplitude": float(np.ptp(by_day) / by_day.mean()),
        "lag-1 correlation": float(np.nanmean(correlation(units[:, :-1], units[:, 1:], 20))),
        "cross-store correlation": pairs(units, item.astype(np.int64) * 1000 + region),
        "median of variation": float(np.median(deviation / mean)),
        "same item, any region": pairs(units, item),
        "items of a location": pairs(units, location),
        "median mean, units a day": float(np.median(mean)),
        "series in stock enough": float(enough.mean()),
    }


def correlation(a: Floats, b: Floats, least: int) -> Floats:
    """[rows] correlation of the rows of two matrices over the columns that both have; NaN with fewer than ``least``."""
    both = ~(np.isnan(a) | np.isnan(b))
    n = both.sum(axis=1)
    a, b = (np.where(both, x, 0.0) for x in (a, b))
    scale = np.maximum(n, 1)[:, None]
    a, b = (np.where(both, x - x.sum(axis=1, keepdims=True) / scale, 0.0) for x in (a, b))
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Floats = (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.where(n >= least, result, np.nan)


def pairs(units: Floats, group: Floats) -> float:
    """Mean correlation of pairs of rows of one group, at most PAIRS drawn at random."""
    generator = np.random.default_rng(0)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sizes = np.diff(starts, append=len(order))
    which = np.repeat(np.flatnonzero(sizes > 1), np.minimum(2 * sizes[sizes > 1], 60))
    one, other = (starts[which] + (generator.random(len(which)) * sizes[which]).astype(int) for _ in range(2))
    chosen = generator.permutation(np.flatnonzero(one != other))[:PAIRS]
    return float(np.nanmean(correlation(units[order[one[chosen]]], units[order[other[chosen]]], LEAST)))


if __name__ == "__main__":
    sys.exit(main())
