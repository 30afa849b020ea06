"""Distribution centres of a shard's items: what they are asked for, what being short costs, what they keep for later nights.

A centre's stock of a night serves the orders of that night before the next arrival, so what is drawn on night t + 1 counts as its
demand of period t, and tonight's orders, served from what is on hand, as demand of period 0. Centres are worked off from those
that serve only places that sell upwards, since what a centre orders is demand of the one that supplies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from jobs.features.horizon import LONGEST
from jobs.plan import draws, lanes
from jobs.plan.curves import row_quantile
from jobs.plan.night import PAIR
from jobs.plan.pools import SCALE
from jobs.plan.schedule import Delivery
from jobs.plan.terms import AHEAD, arrivals_of, terms_of
from jobs.workers import mapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats, Ints, Night

#: Lines whose draws are computed together: their paths fit into memory whatever the horizon.
_CHUNK = 256


@dataclass(frozen=True)
class Centres:
    """Centres that order; every array has one entry a centre, and a last one for lines that are no centre's (number -1).

    pairs     item_id, location_id, centre (its number)
    drawn     [centres, steps, paths] units asked for;  later  [centres, paths] of these, what its customers and lines that don't order
              tonight ask for until the next arrival beyond what is under way; both without the last entry
    owed      most that the lines it serves can wait for
    rate      expected units sold a period by all below it
    shortage  what a unit lost costs customers' mean seller below it, currency
    waits     [.., bends, 2] what it costs to owe units for a period, as in Terms;  missed  what it costs not to have ``later`` units
    until     periods until its next arrival
    """

    pairs: pl.DataFrame
    drawn: Floats
    later: Floats
    owed: Floats
    rate: Floats
    shortage: Floats
    waits: Floats
    missed: Floats
    until: Ints

    def __len__(self) -> int:
        return len(self.pairs)


def none(paths: int = 0) -> Centres:
    """No centre orders."""
    pairs = pl.DataFrame(schema={"item_id": pl.String, "location_id": pl.String, "centre": pl.Int64})
    zero, hinges = np.zeros(1), np.zeros((1, 0, 2))
    return Centres(pairs, np.zeros((0, 1, paths)), np.zeros((0, paths)), zero, zero, zero, hinges, hinges, np.zeros(1, np.int64))


def numbered(lines: pl.DataFrame, centres: Centres, demand: Demand) -> pl.DataFrame:
    """Lines with `centre` (null: none), and for those of centres the series and the shortage that stand for what they are asked for."""
    costs = centres.pairs.with_columns(mean=pl.Series(centres.shortage[:-1]))
    joined = lines.join(costs, on=PAIR, how="left", maintain_order="left")
    asked = pl.col("centre").is_not_null()
    return joined.with_columns(
        first=pl.when(asked).then(pl.col("centre") + len(demand.mean)).otherwise("first"),
        series=pl.when(asked).then(1).otherwise("series"),
        shortage=pl.coalesce("mean", "shortage"),
    ).drop("mean")


@dataclass(frozen=True)
class Asking:
    """What it follows from what centres are asked for.

    lines   a line each pair, of tonight or of its next order day, by item, source, location: first, series and what terms_of takes
    levels  item_id, location_id, level of the centres (network.by_level), by item and location
    """

    lines: pl.DataFrame
    levels: pl.DataFrame


def asked(asking: Asking, demand: Demand, night: Night) -> Centres:
    """What centres are asked for on the paths of the demand."""
    lines, levels = asking.lines, asking.levels
    if levels.is_empty():
        return none(demand.paths)
    pairs = levels.with_columns(centre=pl.int_range(pl.len(), dtype=pl.Int64))
    own = pairs.join(lines, on=PAIR, how="left", maintain_order="left").with_columns(periods=night.period_of("arrives_on"))
    sums = _Sums(pairs.select(*PAIR, "centre"), own, demand, _nights(own, night))
    served = lines.join(pairs.rename({"location_id": "source_id", "centre": "of"}), on=["item_id", "source_id"], maintain_order="left")
    for level in range(1 + max(levels["level"].to_list())):
        sums.add(served.filter(pl.col("level") == level), night)
    return sums.centres()


def _nights(own: pl.DataFrame, night: Night) -> int:
    """Nights to look ahead: until the last order that a centre could place tonight is used up, or spoilt, on each level after the other.

    More nights change nothing, so it doesn't matter which items are together in a shard.
    """
    length, longest = night.config.period_days, LONGEST[night.config.grain]
    terms = own.join(lanes.order_terms(night).select(*lanes.LANE, has_terms=pl.lit(value=True)), on=lanes.LANE, how="left")
    late = (2 * pl.col("lead_time_std").cast(pl.Float64).fill_null(0.0) / length).ceil().cast(pl.Int64)
    lasting = pl.when(pl.col("has_terms").is_null()).then(0).otherwise(pl.col("periods") + longest)
    keeps = pl.when(pl.col("shelf_life_days").is_not_null()).then(pl.col("periods") + AHEAD).otherwise(0)
    ends = terms.select("level", end=pl.max_horizontal(night.period_of("next_arrives_on"), lasting, keeps) + late)
    by_level = ends.group_by("level").agg(pl.col("end").max())["end"]
    # A week that spans a closed day or has another order day than tonight's looks further.
    return int(by_level.sum()) + (len(by_level) - 1) * longest + 1


class _Sums:
    """Centres while the lines that they serve are added, level by level; ``own``: their lines in the order of ``pairs``."""

    def __init__(self, pairs: pl.DataFrame, own: pl.DataFrame, demand: Demand, nights: int) -> None:
        count = len(pairs)
        first, series = (own[name].to_numpy().astype(np.int64) for name in ("first", "series"))
        self.pairs, self.demand, self.until = pairs, demand, own["periods"].to_numpy()
        self.coming = arrivals_of(own, nights)
        demand.foresee(nights)
        self.sold = np.stack([demand.of_pairs(first, series, step) for step in range(nights)], axis=1)
        # Draws are whole ten-thousandths: their sums are exact in whatever order.
        self.units, self.later = np.zeros(self.sold.shape, np.int64), np.zeros(self.sold.shape, np.int64)
        self.rate = demand.mean_of_pairs(first, series, range(demand.horizon)) / demand.horizon
        # Of its own channels a centre loses a sale each period in which it is short; customers wait for a period at most.
        shortage = np.where(series > 0, own["shortage"].to_numpy(), 0.0)
        ratio = np.divide(shortage, shortage + own["holding"].to_numpy(), out=np.zeros(count), where=shortage > 0)
        self.owed, self.money, self.serves = row_quantile(self.sold[:, 0], ratio), shortage * self.rate, np.zeros(count, bool)
        self.top = {"waits": shortage.copy(), "missed": shortage.copy()}
        self.short = {name: np.zeros((count, draws.PIECES + 1)) for name in self.top}

    def add(self, served: pl.DataFrame, night: Night) -> None:
        """Lines of a level, ``of``: the centre each draws on. Those that are centres themselves are already summed."""
        nights = self.sold.shape[1] + 1
        known = self.centres()
        demand = self.demand.with_drawn(known.drawn)
        lines = numbered(served, known, demand)
        of, scheduled = lines["of"].to_numpy(), lanes.schedules_of(lines, night, nights)
        terms = terms_of(lines, demand, night, known, nights)
        per = {"waits": _first(scheduled, "until") - _first(scheduled, "arrives"), "missed": np.ones(len(of))}
        # Nothing is kept for lines that order tonight: what they get and don't sell they draw less on the nights after.
        keeps = _first(scheduled, "ordered") > 0
        times = {"waits": np.ones(len(of)), "missed": np.maximum(self.until[of] / per["waits"], 1.0) * keeps}
        for name, periods in per.items():
            np.maximum.at(self.top[name], of, terms.shortage / periods * (times[name] > 0))
        owed, short = np.zeros(len(of)), {name: np.zeros((len(of), draws.PIECES + 1)) for name in per}
        lock = Lock()

        def draw(alike: tuple[Ints, tuple[Delivery, ...]]) -> None:
            rows, days = alike
            own = terms.take(rows)
            drawing = draws.drawn(own, demand, days, nights)
            owed[rows] = drawing.owed
            for name in per:
                prices = draws.prices(self.top[name])[of[rows]]
                short[name][rows] = draws.missing(own, drawing, prices, per[name][rows]) * times[name][rows, None]
            with lock:
                self._draw(of[rows], drawing.units, keeps[rows])

        mapped(draw, list(_alike(scheduled)))
        for sums, values in (
            (self.owed, owed), (self.rate, terms.rate), (self.money, terms.rate * terms.shortage),
            *((self.short[name], short[name]) for name in per),
        ):  # fmt: skip
            np.add.at(sums, of, values)
        self.serves[of] = True

    def _draw(self, of: Ints, units: Floats, keeps: np.ndarray) -> None:
        """Add draws [nights, lines, paths]: those of tonight and of the next night are demand of period 0."""
        exact = np.floor(units * SCALE + 0.5).astype(np.int64).transpose(1, 0, 2)
        exact[:, 1] += exact[:, 0]
        np.add.at(self.units, of, exact[:, 1:])
        np.add.at(self.later, of[keeps], exact[keeps, 1:])

    def centres(self) -> Centres:
        """As far as lines are added."""
        drawn = self.sold + self.units / SCALE
        shortage = np.divide(self.money, self.rate, out=self.top["missed"].copy(), where=self.rate > 0)
        waits, missed = (draws.curve(self.top[name], self.short[name]) for name in ("waits", "missed"))
        values = (self.owed * self.serves, self.rate, shortage, waits * self.serves[:, None, None], missed, self.until)
        owed, rate, shortage, waits, missed, until = (_with_none(each) for each in values)
        return Centres(self.pairs, drawn, self._later(), owed, rate, shortage, waits, missed, until)

    def _later(self) -> Floats:
        """[centres, paths] the most by which what is asked for exceeds what has come, at a close before the next arrival."""
        beyond = np.cumsum(self.sold + self.later / SCALE, axis=1) - np.cumsum(self.coming, axis=1)[:, :, None]
        before = np.arange(beyond.shape[1]) < self.until[:, None]
        most: Floats = np.where(before[:, :, None], beyond, 0.0).max(axis=1, initial=0.0)
        return most


def _alike(scheduled: pl.DataFrame) -> Iterator[tuple[Ints, tuple[Delivery, ...]]]:
    """Rows with the same `deliveries`, some at a time."""
    for days, rows in scheduled.with_row_index("row").group_by("deliveries", maintain_order=True).agg("row").iter_rows():
        for some in np.array_split(np.array(rows, np.int64), -(-len(rows) // _CHUNK)):
            yield some, tuple(Delivery(**day) for day in days)


def _first(scheduled: pl.DataFrame, of: str) -> Floats:
    """[lines] ordered, arrives or until of the next order."""
    first = scheduled.select(pl.col("deliveries").list.first()).unnest("deliveries")
    return first[of].cast(pl.Float64).to_numpy()


def _with_none(values: np.ndarray) -> np.ndarray:
    """Entries of centres, and one of zeros for lines of none."""
    return np.concatenate([values, np.zeros_like(values[:1])])
