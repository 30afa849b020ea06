"""Distribution centres of a shard's items: what they are asked for, what being short costs, what they keep for later nights.

A centre's stock of a night serves the orders of that night before the next arrival, so what is drawn on night t + 1 counts as its
demand of period t, and tonight's orders, served from what is on hand, as demand of period 0. Centres are worked off from those
that serve only places that sell upwards, since what a centre orders is demand of the one that supplies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from jobs.features.horizon import LONGEST
from jobs.plan import draws, lanes
from jobs.plan.schedule import Delivery
from jobs.plan.terms import arrivals_of, terms_of

if TYPE_CHECKING:
    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats, Ints, Night
    from jobs.plan.terms import Terms

PAIR = ["item_id", "location_id"]
#: Lines whose draws are computed together: their paths fit into memory whatever the horizon.
_CHUNK = 256


@dataclass(frozen=True)
class Centres:
    """Centres that order; every array has one entry a centre, and a last one for lines that are no centre's (number -1).

    pairs     item_id, location_id, centre (its number)
    drawn     [centres, steps, paths] units asked for;  later  [centres, paths] of these, what is asked for after tonight and until
              the next arrival beyond what is under way; both without the last entry
    owed      most that the lines it serves can wait for
    rate      expected units sold a period by all below it
    shortage  mean over what it is asked for of what a missing unit costs downstream, currency
    waits     [.., bends, 2] what it costs to owe units for a period, as in Terms;  missed  what it costs not to have them at all
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


def asked(lines: pl.DataFrame, levels: pl.DataFrame, demand: Demand, night: Night) -> Centres:
    """What centres are asked for.

    lines   a line each pair, of tonight or of its next order day, by item, source, location: first, series and what terms_of takes
    levels  item_id, location_id, level of the centres (network.by_level), by item and location
    """
    if levels.is_empty():
        return none(demand.paths)
    pairs = levels.with_columns(centre=pl.int_range(pl.len(), dtype=pl.Int64))
    own = pairs.join(lines, on=PAIR, how="left", maintain_order="left").with_columns(periods=night.period_of("arrives_on"))
    sums = _Sums(pairs.select(*PAIR, "centre"), own, demand, _nights(own, night))
    served = lines.join(pairs.rename({"location_id": "source_id", "centre": "of"}), on=["item_id", "source_id"], maintain_order="left")
    for level in range(int(levels["level"].max() or 0) + 1):  # type: ignore[arg-type]
        sums.add(served.filter(pl.col("level") == level), night)
    return sums.centres()


def _nights(own: pl.DataFrame, night: Night) -> int:
    """Nights to look ahead: until the last order that a centre could place tonight is used up, on each level after the other."""
    terms = own.join(lanes.order_terms(night).select(lanes.LANE), on=lanes.LANE, how="semi")
    longest = LONGEST[night.config.grain] if len(terms) else 0
    ends = own.select("level", periods=pl.max_horizontal(night.period_of("next_arrives_on"), pl.col("periods") + max(longest, 1)))
    return int(ends.group_by("level").agg(pl.col("periods").max())["periods"].sum())


class _Sums:
    """Centres while the lines that they serve are added, level by level; ``own``: their lines in the order of ``pairs``."""

    def __init__(self, pairs: pl.DataFrame, own: pl.DataFrame, demand: Demand, nights: int) -> None:
        count = len(pairs)
        first, series = (own[name].to_numpy().astype(np.int64) for name in ("first", "series"))
        self.pairs, self.demand, self.until = pairs, demand, own["periods"].to_numpy()
        self.coming = arrivals_of(own, nights)
        self.drawn = np.stack([demand.of_pairs(first, series, step) for step in range(nights)], axis=1)
        self.tonight = np.zeros((count, demand.paths))
        self.owed = np.zeros(count)
        self.rate = demand.mean_of_pairs(first, series, range(demand.horizon)) / demand.horizon
        # Of its own channels a centre loses a sale each period in which it is short.
        shortage = np.where(series > 0, own["shortage"].to_numpy(), 0.0)
        self.top = {name: shortage.copy() for name in ("waits", "missed")}
        self.weight = self.drawn.mean(axis=2).sum(axis=1)
        self.money = shortage * self.weight
        self.hinges = {name: np.zeros((count, draws.PIECES + 1)) for name in ("waits", "missed")}

    def add(self, served: pl.DataFrame, night: Night) -> None:
        """Lines of a level, ``of``: the centre each draws on. Those that are centres themselves are already summed."""
        nights = self.drawn.shape[1]
        known = self.demand.with_drawn(self.drawn)
        lines = numbered(served, self.centres(), known)
        scheduled = lanes.schedules_of(lines, night, nights + 1)
        self._price(lines, scheduled["deliveries"].to_list())
        alike = scheduled.with_row_index("row").group_by("deliveries", maintain_order=True).agg("row")
        for days, rows in sorted(((_days(days), rows) for days, rows in alike.iter_rows()), key=str):
            for some in np.array_split(np.array(rows), -(-len(rows) // _CHUNK)):
                part = lines[some]
                terms = terms_of(part, known, night, self.centres(), nights + 1)
                self._draw(part["of"].to_numpy(), terms, draws.drawn(terms, known, days, nights + 1))

    def _price(self, lines: pl.DataFrame, deliveries: list[list[dict[str, int]]]) -> None:
        """The most that a unit costs that is missing a period, and at all."""
        of, shortage = lines["of"].to_numpy(), lines["shortage"].to_numpy()
        cover = np.array([days[0]["until"] - days[0]["arrives"] for days in deliveries], float)
        np.maximum.at(self.top["waits"], of, shortage / cover)
        np.maximum.at(self.top["missed"], of, shortage)

    def _draw(self, of: Ints, terms: Terms, drawing: draws.Drawing) -> None:
        np.add.at(self.drawn, of, drawing.units[1:].transpose(1, 0, 2))
        np.add.at(self.drawn[:, 0], of, drawing.units[0])
        np.add.at(self.tonight, of, drawing.units[0])
        np.add.at(self.owed, of, drawing.largest)
        np.add.at(self.rate, of, terms.rate)
        weight = drawing.units.mean(axis=2).sum(axis=0)
        np.add.at(self.weight, of, weight)
        np.add.at(self.money, of, weight * terms.shortage)
        windows = np.maximum(self.until[of] / drawing.cover, 1.0)
        for name, per, times in (("waits", float(drawing.cover), np.ones(len(of))), ("missed", 1.0, windows)):
            short = draws.missing(terms, drawing, draws.prices(self.top[name])[of], np.full(len(of), per))
            np.add.at(self.hinges[name], of, short * times[:, None])

    def centres(self) -> Centres:
        """As far as lines are added."""
        plain = np.maximum(self.top["missed"], 0.0)
        shortage = np.divide(self.money, self.weight, out=plain, where=self.weight > 0)
        waits, missed = (draws.curve(self.top[name], self.hinges[name]) for name in ("waits", "missed"))
        last = np.zeros((1, draws.PIECES + 1, 2))
        return Centres(
            pairs=self.pairs,
            drawn=self.drawn,
            later=self._later(),
            owed=np.append(self.owed, 0.0),
            rate=np.append(self.rate, 0.0),
            shortage=np.append(shortage, 0.0),
            waits=np.concatenate([waits, last]),
            missed=np.concatenate([missed, last]),
            until=np.append(self.until, 0),
        )

    def _later(self) -> Floats:
        """[centres, paths] the most by which draws after tonight's exceed what has come, at a close before the next arrival."""
        beyond = np.cumsum(self.drawn, axis=1) - np.cumsum(self.coming, axis=1)[:, :, None] - self.tonight[:, None]
        before = np.arange(beyond.shape[1]) < self.until[:, None]
        most: Floats = np.where(before[:, :, None], beyond, 0.0).max(axis=1, initial=0.0)
        return most


def _days(days: list[dict[str, int]]) -> tuple[Delivery, ...]:
    return tuple(Delivery(**day) for day in days)
