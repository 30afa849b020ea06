"""Daily and weekly forecasts of a bakery chain with years of history, beside plain forecasts, and what yearly seasonality adds.

    python benchmarks/bakery.py [--data FILE] [--grain day|week|both] [--closed zero|missing] [--first 2018-05-31 --last 2018-10-18]

Features, training rows, weights, calibration, number of rounds and model are the project's own; only Spark is left out.
Everything is as of each origin; holidays, school holidays and promotions are known ahead, weather is not used. The data
only marks holidays: they are named from their dates, as a retailer's calendar names them, and 24 and 31 December, when
bakeries close early, are events too. Daily: six origins 28 days apart, 14 days each. Weekly: sums of the days of whole
weeks, origins every 4 weeks over the last year, horizons 1-4. A store that has sold has no rows before its first sale.
--closed zero: days without sales count as demand of zero, as in the figures it is compared with; missing: they are left
out. Skips with a reason where the data is missing.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from dateutil.easter import easter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jobs.columns import with_columns
from jobs.config import Config, Training
from jobs.features.block import PRICE_OF_PAIR, SOLD, STREAM, Block, to_block
from jobs.features.clock import CLOCKS, Clock, Grain
from jobs.features.compute import compute, counts
from jobs.features.context import Context, Masters, build
from jobs.features.names import KEY
from jobs.features.pulse import gather
from jobs.forecast import here, memory
from jobs.forecast.examples import layout
from jobs.forecast.metrics import wape
from jobs.forecast.model import Model, forecast, numbers

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "bakery" / "bakery.parquet"
Floats = npt.NDArray[np.float64]

#: Features that know earlier years; the ablation takes them away.
YEARLY = ("item_season", "location_season", "season", "year_ago", "year_lift")
_ROWS = """
    CREATE TABLE days AS
    SELECT 'P' || product AS item_id, 'S' || lpad(store::varchar, 2, '0') AS location_id, 'store' AS channel, date, demand AS units,
        promotion_currentweek > 0 AS promotion, is_holiday > 0 AS holiday, is_schoolholiday > 0 AS school_holiday,
        sum(demand) OVER (PARTITION BY store, date) = 0 AS closed,
        min(date) FILTER (WHERE demand > 0) OVER (PARTITION BY store) AS opened
    FROM read_parquet('{data}') WHERE store <= {stores}"""
#: A store has no rows before it opens; that it will open is not known.
_OPEN = "NOT (opened < DATE '{night}' AND date < opened)"
_SOLD = {
    "day": "SELECT * EXCLUDE (date), date AS period FROM days WHERE {open} AND {opened}",
    "week": """
        SELECT item_id, location_id, channel, date_trunc('week', date)::date AS period, sum(units) AS units, bool_or(promotion) AS promotion
        FROM days WHERE {opened} GROUP BY ALL HAVING count(*) = 7 AND NOT bool_and(closed)""",
}
_STREAM = """
    SELECT item_id, location_id, channel, {sold}::int AS kind, period, units::double AS units, 1.0::double AS in_stock_fraction,
        NULL::double AS recovered, NULL::double AS price, promotion FROM sold
    UNION ALL
    SELECT item_id, location_id, NULL, {price}::int, date, NULL, NULL, NULL, NULL, true FROM days WHERE promotion
    ORDER BY item_id, location_id, kind, period"""
_SUMS = """
    SELECT 'item' AS level, item_id AS id, period, sum(units)::double AS units, count(*)::double AS count, 0.0::double AS fractional
    FROM sold GROUP BY ALL
    UNION ALL SELECT 'promoted item', item_id, period, sum(units)::double, count(*)::double, 0.0 FROM sold WHERE promotion GROUP BY ALL
    UNION ALL SELECT 'location', location_id, period, sum(units)::double, count(*)::double, 0.0 FROM sold GROUP BY ALL
    ORDER BY level, id, period"""
_CALENDAR = """
    SELECT DISTINCT location_id AS region, named.date, event FROM days CROSS JOIN named
    UNION ALL SELECT DISTINCT location_id, date, 'school holiday' FROM days WHERE school_holiday ORDER BY region, date, event"""
_HOLIDAYS = "SELECT DISTINCT date FROM days WHERE holiday OR (month(date) = 12 AND day(date) IN (24, 31)) ORDER BY date"
#: Holidays that move with Easter, by their distance from it in days.
_MOVABLE = (-2, 0, 1, 39, 49, 50, 60)


def name_of(day: date) -> str:
    """Name of a holiday: its distance from Easter, or its month and day."""
    distance = (day - easter(day.year)).days
    return f"easter {distance:+d}" if distance in _MOVABLE else f"{day:%m-%d}"


def named(holidays: list[date]) -> pa.Table:
    """Holidays with their names; and those of the next year that earlier years had, for the days just after the data."""
    names = [name_of(day) for day in holidays]
    later = [holidays[-1] + timedelta(days=k) for k in range(1, 365)]
    later = [day for day in later if names.count(name_of(day)) > 1]
    return pa.table({"date": holidays + later, "event": names + [name_of(day) for day in later]})


@dataclass(frozen=True)
class Bakery:
    """The chain at one grain, ready to compute features at any of some origins."""

    clock: Clock
    first: int
    block: Block
    context: Context
    made: dict[int, pa.Table] = field(default_factory=dict)

    @classmethod
    def load(cls, data: Path, grain: Grain, nights: list[int], horizon: int, closed: str = "zero", stores: int = 10**6) -> Bakery:
        """The data as known on the first night; each store is a region of its own. ``nights``: origins that will be forecast."""
        con, clock = duckdb.connect(), CLOCKS[grain]
        con.execute(_ROWS.format(data=data, stores=stores))
        con.register("named", named([day for (day,) in con.sql(_HOLIDAYS).fetchall()]))
        opened = _OPEN.format(night=clock.first_day(min(nights)))
        con.execute("CREATE TABLE sold AS " + _SOLD[grain].format(open="NOT closed" if closed == "missing" else "true", opened=opened))
        stream = con.sql(_STREAM.format(sold=SOLD, price=PRICE_OF_PAIR)).to_arrow_table().cast(STREAM)
        items, places = (sorted(set(stream[name].to_pylist())) for name in KEY[:2])
        signals = [(n, pa.string()) for n in ("location_id", "region", "name")] + [("date", pa.date32()), ("value", pa.float64())]
        masters = Masters(
            items=pa.table({"item_id": items, "category": ["bakery"] * len(items), "department": ["bakery"] * len(items)}),
            locations=pa.table({"location_id": places, "region": places}),
            calendar=con.sql(_CALENDAR).to_arrow_table(),
            signals=pa.schema([*signals, ("known_from", pa.date32()), ("known_to", pa.date32())]).empty_table(),
            sums=con.sql(_SUMS).to_arrow_table(),
            prices=STREAM.empty_table().select(["item_id", "channel", "period", "price", "promotion"]),
        )
        first = clock.index(con.sql("SELECT min(period) FROM sold").fetchall()[0][0])
        # Training looks at most this far back; rows after a night are never used for it.
        earliest = max(first, min(nights) - 5 * int(memory.half_life(clock, min(nights) - first)))
        context = build(masters, clock, tuple(range(earliest, max(nights) + 1)), horizon, max(nights))
        return cls(clock, first, to_block(stream, clock, context.span, context.prices), context)

    def rows(self, origin: int) -> pa.Table:
        """Features at an origin with what was sold, as jobs.features.job computes examples."""
        if origin not in self.made:
            context = replace(self.context, pulse=gather(counts(self.block, self.context, origin)))
            table, column = compute(self.block, context, origin), origin - self.block.span.first
            units = self.block.in_stock[:, column : column + self.context.horizon].reshape(-1)
            table = table.append_column("origin", pa.array(np.full(len(units), origin))).append_column("units", pa.array(units))
            self.made[origin] = table.filter(pa.array(~np.isnan(units)))
        return self.made[origin]


def without_years(rows: pa.Table) -> pa.Table:
    """The rows as they are where nothing is known of earlier years."""
    expected = np.maximum(numbers(rows, "expected") / np.nan_to_num(numbers(rows, "season"), nan=1.0), 0.02)
    unknown = pa.array(np.full(rows.num_rows, np.nan))
    return with_columns(rows, {**dict.fromkeys(YEARLY, unknown), "expected": pa.array(expected)})


def train(bakery: Bakery, night: int, config: Config, *, years: bool = True) -> Model:
    """The model of a night, as jobs.forecast.train makes it, with native XGBoost."""
    clock, horizon, history = bakery.clock, bakery.context.horizon, night - bakery.first
    origins = memory.origins(clock, history, config.training, len(bakery.block) * horizon)
    plan = layout(clock, night, bakery.first, origins, horizon)
    if plan is None:
        raise ValueError("too little history")
    rows = pa.concat_tables([bakery.rows(origin) for origin in sorted(plan.origins)])
    rows = rows if years else without_years(rows)
    model = here.fitted(plan, here.weighed(rows, plan, clock, night, bakery.first), config, bakery.context.region)
    if model is None:
        raise ValueError("too few rows")
    return model


def methods(bakery: Bakery, night: int, config: Config, ablation: bool = True) -> dict[str, Floats]:
    """Forecasts of a night's rows by method, and ``actual``."""
    rows = bakery.rows(night)
    made = forecast(train(bakery, night, config), rows)
    found = {"actual": numbers(rows, "units"), "model": numbers(made, "mean"), "model q50": numbers(made, "q50")}
    if ablation:
        plain = without_years(rows)
        found["without yearly features"] = numbers(forecast(train(bakery, night, config, years=False), plain), "mean")
    return found | _plain(bakery, night)


def _plain(bakery: Bakery, night: int) -> dict[str, Floats]:
    """Seasonal naive, and means of like periods, for the rows of a night; 1-4 and 52 weeks back at grain week."""
    end, horizon = night - bakery.block.span.first, bakery.context.horizon
    demand, length = bakery.block.in_stock, bakery.clock.like
    known = ~np.isnan(demand[:, end : end + horizon].reshape(-1))
    found: dict[str, list[Floats]] = {}
    for step in range(horizon):
        last = end + step - length * (1 + step // length)
        if bakery.clock.grain == "day":
            back = np.stack([demand[:, last - length * k] for k in range(8)], axis=1)
            found.setdefault("seasonal naive", []).append(_first(back))
            found.setdefault("same weekday of 8 weeks", []).append(_mean(back))
        else:
            mean, year = _mean(demand[:, end - 13 : end]), demand[:, end + step - 52]
            naive = np.where(np.isnan(year), mean, year)
            found.setdefault("seasonal naive 52", []).append(naive)
            found.setdefault("13-week mean", []).append(mean)
            for tenth in range(1, 10):
                found.setdefault(f"blend {tenth / 10:.1f}", []).append(tenth / 10 * naive + (1 - tenth / 10) * mean)
    return {name: np.nan_to_num(np.stack(columns, axis=1).reshape(-1)[known]) for name, columns in found.items()}


def _mean(values: Floats) -> Floats:
    known = ~np.isnan(values)
    return np.where(known, values, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _first(values: Floats) -> Floats:
    known = ~np.isnan(values)
    return np.take_along_axis(values, known.argmax(axis=1)[:, None], axis=1)[:, 0]


def table(results: dict[date, dict[str, Floats]]) -> str:
    """WAPE by method: over all origins, and at each; of the blends only the best."""
    names = [name for name in next(iter(results.values())) if name != "actual"]
    pooled = {name: np.concatenate([found[name] for found in results.values()]) for name in ("actual", *names)}
    score = {name: wape(pooled["actual"], pooled[name]) for name in names}
    blends = [name for name in names if name.startswith("blend")]
    shown = [name for name in names if name not in blends] + sorted(blends, key=score.__getitem__)[:1]
    lines = [f"{'WAPE':24}  all     " + " ".join(f"{day:%y%m%d}" for day in results)]
    for name in shown:
        each = " ".join(f"{wape(found['actual'], found[name]):.4f}" for found in results.values())
        lines.append(f"{name:24}  {score[name]:.4f}  {each}")
    bias = pooled["model"].sum() / pooled["actual"].sum() - 1
    return "\n".join([*lines, f"rows {len(pooled['actual']):,}, bias of the model {bias:+.4f}"])


def origins_of(grain: Grain, first: date, last: date) -> list[int]:
    """Every 28 days, or every 4 weeks, from the last one backwards for weeks."""
    clock = CLOCKS[grain]
    if grain == "day":
        return list(range(clock.index(first), clock.index(last) + 1, 28))
    return list(range(clock.index(last), clock.index(first) - 1, -4))[::-1]


def run(data: Path, grain: Grain, nights: list[int], closed: str, config: Config, ablation: bool = True) -> str:
    """The table of one grain."""
    began = time.monotonic()
    results = {}
    for night in nights:
        bakery = Bakery.load(data, grain, [night], 14 if grain == "day" else 4, closed)
        found = results[bakery.clock.first_day(night)] = methods(bakery, night, config, ablation)
        print(f"{bakery.clock.first_day(night)} model {wape(found['actual'], found['model']):.4f}", file=sys.stderr, flush=True)
    return f"{table(results)}, {(time.monotonic() - began) / len(nights):.0f} s an origin"


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--grain", choices=("day", "week", "both"), default="both")
    parser.add_argument("--closed", choices=("zero", "missing"), default="zero")
    parser.add_argument("--first", type=date.fromisoformat)
    parser.add_argument("--last", type=date.fromisoformat)
    parser.add_argument("--no-ablation", action="store_true")
    arguments = parser.parse_args()
    if not arguments.data.exists():
        print(f"skipped: {arguments.data} is not on this machine")
        return 0
    grains: tuple[Grain, ...] = ("day", "week") if arguments.grain == "both" else (arguments.grain,)
    for grain in grains:
        last = arguments.last or (date(2018, 10, 18) if grain == "day" else date(2018, 10, 1))
        first = arguments.first or (date(2018, 5, 31) if grain == "day" else last - timedelta(weeks=48))
        config = Config(grain=grain, training=Training())
        print(f"\ngrain {grain}, closed days {arguments.closed}")
        print(run(arguments.data, grain, origins_of(grain, first, last), arguments.closed, config, not arguments.no_ablation), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
