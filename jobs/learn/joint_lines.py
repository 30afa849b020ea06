"""Lines as mode joint sees them: the window of a pair's next order, its distribution, what it costs, and what the trees are told.

Of each item and place that sells there is one line: tonight's order of its usual lane, else that of the lane's next order day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from jobs.forecast.model import INPUTS as FEATURES
from jobs.forecast.model import to_matrix
from jobs.learn.joint_loss import NODES, SCALES, Windows
from jobs.plan import costs, lanes, network
from jobs.plan.curves import row_quantile
from jobs.plan.night import PAIR, frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import pyarrow as pa

    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats, Ints, Night

#: What the trees are told beside the features of the window's first period.
OF_LINE = ("line_multiple", "line_ratio", "line_lead", "line_cover", "line_life", "line_spread", "line_mean")
INPUTS: tuple[str, ...] = (*FEATURES, *OF_LINE)
#: Goods that keep, as a number of periods.
_KEEPS = 1_000.0
_LEAST_MEAN, _SLOWEST = 1e-3, 1e-3
#: Lines whose paths are held at a time.
_CHUNK = 2_048


@dataclass(frozen=True)
class Lines:
    """Lines [n] of the pairs of a Demand.

    pair         number of the line's pair;  source: name of its source
    lead, cover  periods until its order arrives, and from then to the next one's arrival
    multiple, holding, shortage, waste, life, rate  as in terms.Terms
    """

    pair: Ints
    source: npt.NDArray[np.object_]
    lead: Ints
    cover: Ints
    multiple: Floats
    holding: Floats
    shortage: Floats
    waste: Floats
    life: Floats
    rate: Floats

    def __len__(self) -> int:
        return len(self.pair)

    def take(self, rows: Ints | npt.NDArray[np.bool_]) -> Lines:
        """Some of the lines."""
        return Lines(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})

    @property
    def ratio(self) -> Floats:
        """[n] critical ratio (terms.Terms.critical_ratio)."""
        total = self.shortage + self.holding * self.cover
        return np.divide(self.shortage, total, out=np.zeros(len(self)), where=total > 0)


def lines_of(distributions: Demand, tables: Mapping[str, pa.Table], night: Night) -> Lines:
    """The lines of the pairs that sell (tables: items, lanes, assortment, last_price, price_list), as the plan reads them."""
    tables = {name: rows for name, rows in tables.items() if name != "overrides"}
    items = frame(tables.get("items"), "silver/items").sort("item_id").unique("item_id", keep="first", maintain_order=True)
    selling, _ = network.ordering(distributions.pairs, tables, items, night)
    every, _ = lanes.supplied(selling, tables.get("lanes"), night)
    found = pl.concat([lanes.tonight(every, night).filter("main"), lanes.waiting(every, night)], how="diagonal_relaxed")
    found = found.join(costs.assortment(tables.get("assortment"), night), on=PAIR, how="left")
    found, _ = costs.unit_costs(found.join(items.select("item_id", "shelf_life_days"), on="item_id", how="left"), tables, items, night)
    numbered = found.join(distributions.pairs.with_row_index("pair"), on=PAIR).sort("pair")
    life = (pl.col("shelf_life_days") / night.config.period_days + 0.5).floor().clip(1.0).fill_null(np.inf)
    rows = numbered.with_columns(lead=night.period_of("arrives_on"), end=night.period_of("next_arrives_on"), life=life)
    lead = rows["lead"].to_numpy()
    first, series = rows["first"].to_numpy(), rows["series"].to_numpy()
    rate = distributions.mean_of_pairs(first, series, range(distributions.horizon)) / distributions.horizon
    money = {name: rows[name].cast(pl.Float64).to_numpy() for name in ("holding", "shortage", "waste", "life")}
    multiple = rows["order_multiple"].cast(pl.Float64).fill_null(1.0).to_numpy()
    cover = np.maximum(rows["end"].to_numpy() - lead, 1)
    pair, source = rows["pair"].cast(pl.Int64).to_numpy(), rows["source_id"].to_numpy().astype(object)
    return Lines(pair, source, lead, cover, multiple, rate=rate, **money)


@dataclass(frozen=True)
class Believed:
    """What is believed of the lines' windows: [n] mean and deviation of demand, the next base stock;  what Lessons keeps of it."""

    mean: Floats
    spread: Floats
    next_stock: Floats
    levels: Floats
    turn: Floats
    slopes: Floats
    unit: Floats


def believed(lines: Lines, distributions: Demand, *, levels: bool = True) -> Believed:
    """From the distributions' paths, as the plan draws them; lines with the same dates together. ``levels``: whether they are asked for."""
    found, moved, turn = np.zeros((3, len(lines))), np.zeros((len(lines), len(SCALES))), np.zeros(len(lines))
    slopes, unit = np.zeros((len(lines), len(NODES))), np.ones(len(lines))
    dates = np.column_stack([lines.lead, lines.cover])
    for each in np.unique(dates, axis=0):
        group = np.flatnonzero((dates == each).all(axis=1))
        for rows in np.array_split(group, -(-len(group) // _CHUNK)):
            own = lines.take(rows)
            drawn = _drawn(own, distributions)
            whole = drawn.sum(axis=0)
            found[:, rows] = whole.mean(axis=1), whole.std(axis=1), row_quantile(whole, own.ratio)
            if levels:
                moved[rows] = _levels(own, drawn, found[2, rows])
                windows = windows_of(own, np.cumsum(drawn, axis=0), found[2, rows])
                level = moved[rows, len(SCALES) // 2]
                turn[rows] = windows.turn(level, own.multiple)
                unit[rows] = np.maximum(np.sqrt(whole.var(axis=1) + own.multiple**2 / 12), _LEAST_MEAN)
                slopes[rows] = np.column_stack([windows.slope(level + node * unit[rows], own.multiple) for node in NODES])
    return Believed(found[0], found[1], found[2], moved, turn, slopes, unit)


def _drawn(lines: Lines, distributions: Demand) -> Floats:
    """[cover, n, paths] demand in the windows of lines with the same dates."""
    first, count = (distributions.pairs[name].to_numpy()[lines.pair] for name in ("first", "series"))
    begin = int(lines.lead[0])
    return np.stack([distributions.of_pairs(first, count, begin + step) for step in range(int(lines.cover[0]))])


def _levels(lines: Lines, drawn: Floats, next_stock: Floats) -> Floats:
    """[n, SCALES] the level at which a multiple more begins not to pay, the scale of each period's demand moved."""
    mean = drawn.mean(axis=2, keepdims=True)
    found = []
    for scale in np.exp(SCALES):
        paths = np.maximum(mean + scale * (drawn - mean), 0.0)
        found.append(windows_of(lines, np.cumsum(paths, axis=0), next_stock).indifferent(lines.multiple))
    return np.column_stack(found)


def windows_of(lines: Lines, cumulated: Floats, next_stock: Floats) -> Windows:
    """The lines' windows with demand [periods, n, paths] cumulated from the arrival on; periods after a line's cover don't count."""
    periods = np.arange(len(cumulated))[:, None]
    last = np.minimum(lines.life, lines.cover).astype(np.int64) - 1
    within = np.take_along_axis(cumulated, last[None, :, None], axis=0)[0]
    spoils = np.isfinite(lines.life)
    after = lines.rate * np.where(spoils, np.maximum(lines.life - lines.cover, 0.0), 0.0)
    sellable = np.where(spoils[:, None], within + after[:, None], np.inf)
    pace = lines.holding / (2 * np.maximum(lines.rate, _SLOWEST))
    spoilt = lines.life - 1 <= np.minimum(periods, lines.cover - 1)
    return Windows(lines.holding, lines.shortage, lines.waste, pace, next_stock, cumulated, periods < lines.cover, spoilt, sellable)


def inputs_of(lines: Lines, found: Believed, features: pa.Table) -> npt.NDArray[np.float32]:
    """[n, INPUTS] what the trees are told of lines, given the features [n] of the first period of their windows."""
    mean = np.maximum(found.mean, _LEAST_MEAN)
    of_line = (
        np.log(lines.multiple / mean),
        lines.ratio,
        lines.lead,
        lines.cover,
        np.minimum(lines.life, _KEEPS),
        found.spread / mean,
        np.log(mean),
    )
    return np.column_stack([to_matrix(features), *of_line]).astype(np.float32)


@dataclass(frozen=True)
class Places:
    """Where rows sorted by series and date stand.

    pair   [rows] number of each row's pair in a Demand of these rows
    place  [series, horizon] the row of each series' period; -1: there is none
    """

    pair: Ints
    place: Ints

    @classmethod
    def of(cls, rows: pa.Table, distributions: Demand, night: Night) -> Places:
        """Of the rows that the distributions were read from."""
        data = pl.DataFrame(pl.from_arrow(rows.select([*PAIR, "channel", "target_date"])))
        days = (pl.col("target_date") - pl.lit(night.business_date)).dt.total_days() // night.config.period_days
        of_series, of_pair = (pl.struct(names).rle_id().cast(pl.Int64) for names in ([*PAIR, "channel"], PAIR))
        series, pair, step = (data.select(column).to_series().to_numpy() for column in (of_series, of_pair, days))
        place = np.full((len(distributions.whole), distributions.horizon), -1, np.int64)
        place[series, step] = np.arange(len(data))
        return cls(pair, place)

    def first_of(self, lines: Lines, distributions: Demand, expected: Floats) -> Ints:
        """[n] the row of the first period of each line's window, of the channel of which most is expected."""
        first, count = (distributions.pairs[name].to_numpy()[lines.pair] for name in ("first", "series"))
        step = np.minimum(lines.lead, distributions.horizon - 1)
        best, most = np.full(len(lines), -1), np.full(len(lines), -np.inf)
        for channel in range(int(count.max(initial=0))):
            row = np.where(count > channel, self.place[np.minimum(first + channel, len(self.place) - 1), step], -1)
            more = (row >= 0) & (np.nan_to_num(expected)[row] > most)
            best, most = np.where(more, row, best), np.where(more, np.nan_to_num(expected)[row], most)
        return best

    def sums(self, lines: Lines, distributions: Demand, values: Floats, periods: int) -> Floats:
        """[periods, n] the rows' values in the lines' windows over all channels; NaN where a row is missing, 0 after a window's end."""
        first, count = (distributions.pairs[name].to_numpy()[lines.pair] for name in ("first", "series"))
        total, known = np.zeros((periods, len(lines))), np.append(values, np.nan)
        # What lies beyond the horizon is as missing as a period without a row: the last of ``known``.
        wide = np.column_stack([self.place, np.full(len(self.place), -1)])
        for t in range(periods):
            step, inside = lines.lead + t, t < lines.cover
            for channel in range(int(count.max(initial=0))):
                mine = np.flatnonzero(inside & (count > channel))
                total[t, mine] += known[wide[first[mine] + channel, np.minimum(step[mine], distributions.horizon)]]
        return total
