"""Lessons of past origins: windows that are over, what was believed of them by a booster that had not seen their items, what happened.

Out of sample by cross-fitting (Chernozhukov et al. 2018, Econometrics Journal 21): one half of the items is forecast by a booster
trained on the other half, before the held-out periods, with the model's rounds and calibration. A period in stock throughout has its
sales for demand, one short of stock what was recovered; where that is not known either, a draw from what was forecast above what
sold: left out, as such windows would be, the dearest ones would teach nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import xgboost

from jobs.columns import with_columns
from jobs.features.clock import CLOCKS
from jobs.features.compute import compute
from jobs.features.names import KEY, SEPARATOR, hashes, join
from jobs.forecast import boosting, days, here, linear, memory, packing
from jobs.forecast.distribution import NAMES, rank_to_units, ranks_between
from jobs.forecast.model import MEAN, Model, forecast, numbers, quantiles_of, traits
from jobs.forecast.ranks import of_night
from jobs.forecast.train import learned
from jobs.learn.joint_fit import Taught
from jobs.learn.joint_lines import Places, believed, inputs_of, lines_of, windows_of
from jobs.learn.joint_loss import Lessons, Windows
from jobs.plan import demand

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from jobs.config import Config
    from jobs.features.block import Block
    from jobs.features.context import Context
    from jobs.forecast.examples import Layout
    from jobs.plan.night import Night

#: Of past origins, features packed: units (in stock throughout, else NaN), demand (recovered too, else NaN) and floor, what sold.
KNOWN = pa.schema([*packing.ROWS, ("demand", pa.float64()), ("floor", pa.float64())])
_ORDER = [(name, "ascending") for name in ("origin", *KEY, "target_date")]
#: The column of what is taken for demand.
_HAPPENED = "happened"
_LINE = ("item_id", "source_id", "location_id")
#: Arrays of windows whose first axis is the period.
LATE = ("cumulated", "spoilt", "counts")


def known(series: Block, context: Context, origins: tuple[int, ...]) -> Iterator[pa.Table]:
    """The kernel of jobs.features.job: rows of KNOWN, of every period whose sales are known."""
    for origin in origins:
        rows, ahead = compute(series, context, origin), slice(origin - series.span.first, origin - series.span.first + context.horizon)
        columns = {"units": series.in_stock, "demand": series.demand, "floor": series.units}
        rows = rows.append_column("origin", pa.array(np.full(rows.num_rows, origin)))
        for name, values in columns.items():
            rows = rows.append_column(name, pa.array(values[:, ahead].reshape(-1)))
        yield packing.pack(rows.filter(pc.invert(pc.is_nan(rows["floor"]))), KNOWN)


def before(rows: pa.Table, night: Night) -> pa.Table:
    """Of rows of KNOWN those of periods before the night, unpacked and sorted."""
    now = CLOCKS[night.config.grain].index(night.business_date)
    own = rows.filter(pc.less(pc.add(rows["origin"], rows["step"].cast(pa.int64())), now))
    return packing.unpack(own).sort_by(_ORDER)


@dataclass(frozen=True)
class Past:
    """What lessons are made of.

    rows     as ``before`` has them, of all items or of some;  plan: their origins;  first: first period of the history
    tables   masters and prices as the night sees them (joint_lines.lines_of), night: the plan's small tables, closed days of the past too
    prices   item_id, source_id, location_id, price of a scarce unit on the last night
    """

    rows: pa.Table
    plan: Layout
    first: int
    tables: Mapping[str, pa.Table]
    night: Night
    prices: pl.DataFrame


@dataclass(frozen=True)
class Halves:
    """What forecasts lines out of sample.

    models  the half of the items with this number is forecast by a model whose booster has not seen them
    days    origin, step, event and factor: by how much such days differed from what was expected of them
    """

    models: tuple[Model, Model]
    days: pl.DataFrame


def taught(past: Past, model: Model, config: Config) -> Taught | None:
    """The lines to learn from, forecast by boosters of the same rows; None where there are none."""
    return lines(past, halves(past, model, config))


def halves(past: Past, model: Model, config: Config) -> Halves:
    """Models like a model, each of one half of the items and trained before the held-out periods."""
    clock = CLOCKS[config.grain]
    units = past.rows["units" if config.training.learn_from == "in_stock" else "demand"]
    learned_from = with_columns(past.rows, {"units": units}).filter(pc.invert(pc.is_nan(units)))
    seen = here.weighed(learned_from, past.plan, clock, clock.index(past.night.business_date), past.first)
    cells = days.Cells.of_table(seen.table.append_column("weight", pa.array(seen.weight)))
    before = seen.target < past.plan.held_out_from
    labelled = here.labelled(seen, cells)
    mine = half_of(labelled.table)
    first, second = (_booster(labelled, before & (mine != number), config, model, cells) for number in (0, 1))
    factors = {"origin": cells.origin, "step": cells.step, "event": cells.event, "factor": cells.factors()}
    models = Model(first, model.calibration, model.dependence), Model(second, model.calibration, model.dependence)
    return Halves(models, pl.DataFrame(factors))


def lines(past: Past, by: Halves) -> Taught | None:
    """The lines of rows whose windows are over; None where there are none."""
    clock = CLOCKS[past.night.config.grain]
    everything = forecasts(past, by)
    parts = []
    for origin in sorted(set(past.plan.origins)):
        rows = everything.filter(pc.equal(everything["origin"], origin))
        if rows.num_rows:
            day = clock.first_day(origin)
            night = replace(past.night, business_date=day, ranks=of_night(past.night.config, day, by.models[0].dependence))
            parts.append(_of_origin(rows, past, night, origin))
    parts = [part for part in parts if len(part.items)]
    return _together(parts) if parts else None


def forecasts(past: Past, by: Halves) -> pa.Table:
    """The rows with the distributions that the other half's booster gives them, and what happened."""
    half = half_of(past.rows)
    parts = []
    for number, model in enumerate(by.models):
        own = past.rows.filter(pa.array(half == number))
        parts.append(_as_they_were(own, forecast(model, own), model, by.days))
    return _happened(pa.concat_tables(parts).sort_by(_ORDER), past.night)


def half_of(rows: pa.Table) -> np.ndarray:
    """0 or 1 by each row's item."""
    items = rows["item_id"].combine_chunks().dictionary_encode()
    halves = np.array([blake2b(name.encode(), digest_size=1).digest()[0] % 2 for name in items.dictionary.to_pylist()], np.int64)
    found: np.ndarray = halves[items.indices.to_numpy()]
    return found


def _booster(rows: here.Rows, chosen: np.ndarray, config: Config, model: Model, cells: days.Cells) -> bytes:
    """A booster like the model's of some rows, with what is beside it."""
    rounds = xgboost.Booster(model_file=bytearray(model.booster)).num_boosted_rounds()
    fitted = here.fit(rows, config, boosting.parameters(config, int(chosen.sum())), chosen, None, rounds).booster
    if learned(cells) == MEAN:
        return fitted
    return linear.attached(fitted, linear.fit(linear.sums(rows.inputs[chosen], rows.label[chosen], rows.weight[chosen])))


def _as_they_were(rows: pa.Table, made: pa.Table, model: Model, factors: pl.DataFrame) -> pa.Table:
    """Rows with their distributions, days taken for what they were: swings of a few dozen days that all lines share teach nothing."""
    event = np.nan_to_num(numbers(rows, "event")) > 0
    asked = pl.DataFrame(
        {"origin": numbers(rows, "origin").astype(np.int64), "step": numbers(rows, "step").astype(np.int64), "event": event}
    )
    usual = model.calibration.of_day(traits(rows))
    factor = asked.join(factors, on=["origin", "step", "event"], how="left", maintain_order="left")["factor"].to_numpy()
    swing = np.where(np.isnan(factor), 1.0, factor / usual)
    made = with_columns(made, {name: pa.array(numbers(made, name) * swing) for name in ("mean", *NAMES)})
    for name in rows.column_names:
        if name not in made.column_names:
            made = made.append_column(name, rows[name])
    return made


def _happened(rows: pa.Table, night: Night) -> pa.Table:
    """Rows with what is taken for demand."""
    sold, wanted, p_zero = (numbers(rows, name) for name in ("floor", "demand", "p_zero"))
    quantiles = quantiles_of(rows)
    least, _ = ranks_between(quantiles, p_zero, sold)
    draws = np.zeros(len(sold))
    draws[np.isnan(wanted)] = _draws(rows.filter(pa.array(np.isnan(wanted))), night.config.seed)
    rank = np.where(sold > 0, least, 0.0) * (1 - draws) + draws
    above = np.where(rank < p_zero, 0.0, rank_to_units(quantiles, np.minimum(rank, 0.999)[:, None])[:, 0])
    return rows.append_column(_HAPPENED, pa.array(np.where(np.isnan(wanted), np.maximum(above, sold), wanted)))


def _draws(rows: pa.Table, seed: int) -> np.ndarray:
    """[n] numbers in [0, 1) of the rows' names and the seed, whatever rows are beside them."""
    columns = pa.table({name: rows[name].cast(pa.string()) for name in (*KEY, "origin", "target_date")})
    names = join(columns, columns.column_names).to_pylist()
    found: np.ndarray = (hashes(f"{seed}{SEPARATOR}{name}" for name in names) >> np.uint64(11)) * 2.0**-53
    return found


def _of_origin(rows: pa.Table, past: Past, night: Night, origin: int) -> Taught:
    """The lines of an origin whose windows are over (rows sorted)."""
    distributions = demand.read(rows, night)
    lines, places = lines_of(distributions, past.tables, night), Places.of(rows, distributions, night)
    periods = int(np.minimum(lines.cover, distributions.horizon).max(initial=1))
    demanded = places.sums(lines, distributions, numbers(rows, _HAPPENED), periods)
    first = places.first_of(lines, distributions, numbers(rows, "expected"))
    over = ~np.isnan(demanded).any(axis=0) & (first >= 0) & (lines.lead + lines.cover <= distributions.horizon)
    lines, demanded, first = lines.take(over), demanded[:, over], first[over]
    found = believed(lines, distributions)
    items, places_ = (distributions.pairs[name].to_numpy()[lines.pair].astype(object) for name in ("item_id", "location_id"))
    asked = pl.DataFrame({"item_id": items, "source_id": lines.source, "location_id": places_}, schema=dict.fromkeys(_LINE, pl.String))
    price = asked.join(past.prices, on=_LINE, how="left", maintain_order="left")["price"].fill_null(0.0).to_numpy()
    windows = windows_of(lines, np.cumsum(demanded, axis=0)[:, :, None], found.next_stock)
    clock = CLOCKS[night.config.grain]
    now, age = clock.index(past.night.business_date), clock.index(past.night.business_date) - clock.index(night.business_date)
    weight = np.full(len(lines), 0.5 ** (age / memory.half_life(clock, now - past.first)))
    lessons = Lessons(
        windows, found.mean, found.spread, found.levels, found.turn, found.slopes, found.unit, 0 * weight, lines.multiple, price, weight
    )
    inputs = inputs_of(lines, found, rows.take(pa.array(first)))
    held_out = np.full(len(lines), origin >= past.plan.held_out_from)
    return Taught(lessons, inputs, items, places_, np.full(len(lines), origin), held_out)


def _together(parts: list[Taught]) -> Taught:
    """Lines of several origins as those of one, windows of the same number of periods."""
    periods = max(len(part.lessons.windows.cumulated) for part in parts)
    joined: dict[str, Any] = {}
    for each in fields(Windows):
        arrays = [getattr(part.lessons.windows, each.name) for part in parts]
        late = each.name in LATE
        joined[each.name] = np.concatenate([_longer(a, periods, each.name) for a in arrays] if late else arrays, axis=int(late))
    own = {f.name: np.concatenate([getattr(part.lessons, f.name) for part in parts]) for f in fields(Lessons) if f.name != "windows"}
    names = ("inputs", "items", "places", "origins", "held_out")
    return Taught(Lessons(Windows(**joined), **own), *(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _longer(values: np.ndarray, periods: int, name: str) -> np.ndarray:
    """An array of windows with periods after their end: nothing more is demanded or spoils, and they don't count."""
    more = np.repeat(values[-1:], periods - len(values), axis=0)
    return np.concatenate([values, np.zeros_like(more) if name == "counts" else more])


def scarcity(lake: Any, business_date: date) -> pl.DataFrame:
    """What a unit of what is scarce cost a line on the last published night (Past.prices)."""
    runs = lake.published_runs(business_date)
    if not runs:
        return pl.DataFrame(schema={**dict.fromkeys(_LINE, pl.String), "price": pl.Float64})
    day = max(runs)
    where = [("business_date", "=", day), ("run_id", "=", runs[day])]
    rows = pl.DataFrame(pl.from_arrow(lake.arrow("gold/order_reasons", [*_LINE, "scarcity_price"], where)))
    priced = rows.select(*_LINE, price=pl.col("scarcity_price").cast(pl.Float64).fill_null(0.0)).filter(pl.col("price") > 0)
    return priced.unique(_LINE, keep="first", maintain_order=True)
