"""What all series share: hierarchy, events, signals and levels, as small arrays for every task."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features.block import Span
from jobs.features.clock import Clock
from jobs.features.effects import event_lifts, event_shares, promotion_lifts, spell_lifts
from jobs.features.events import Events
from jobs.features.levels import ALL, CATEGORY, EVENT_KIND, ITEM, LOCATION, PROMOTED, LevelStats, Sums, add_up, stats, to_sums
from jobs.features.lifted import Common
from jobs.features.names import Names, looked_up, regions_of
from jobs.features.prices import GeneralPrices
from jobs.features.pulse import Pulse
from jobs.features.season import Lifts, Window, chance, season
from jobs.features.signals import at_origin

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Groups that tell of chance, at most about.
_TELLING = 2_000


@dataclass(frozen=True, slots=True)
class Context:
    """Shared by all blocks of one computation.

    region, category  location -> region, item -> category ('' where none)
    sums              level -> in-stock sales per id and period
    years             the same around the season of each earlier year, last year first
    fractional        items seen sold in parts of a unit
    prices            price rows that hold at all locations
    signals           origin -> values [locations + 1, signals, horizon], rows in the order of ``locations``
    pulse             origin -> pulse of groups of series; filled by a first pass over the series
    """

    clock: Clock
    span: Span
    horizon: int
    region: dict[str, str]
    category: dict[str, str]
    events: Events
    sums: dict[str, Sums]
    years: tuple[dict[str, Sums], ...]
    fractional: frozenset[str]
    prices: GeneralPrices
    locations: dict[str, int]
    signals: dict[int, Floats]
    pulse: dict[int, Pulse] = field(default_factory=dict)
    _levels: dict[int, dict[str, LevelStats]] = field(default_factory=dict, repr=False)
    _common: dict[int, Common] = field(default_factory=dict, repr=False)
    _known: dict[int, bool] = field(default_factory=dict, repr=False)

    def region_rows(self, locations: Names) -> Ints:
        """Row of each location's region in ``events``."""
        return looked_up(locations, lambda name: self.events.row(self.region.get(name, "")), np.int64)

    def signal_rows(self, locations: Names) -> Ints:
        """Row of each location in ``signals``."""
        return looked_up(locations, lambda name: self.locations.get(name, len(self.locations)), np.int64)

    def levels(self, origin: int) -> dict[str, LevelStats]:
        """Levels of items, locations and categories at the origin, from the periods before it; computed once."""
        if origin not in self._levels:
            self._levels[origin] = self._stats(origin)
        return self._levels[origin]

    def _stats(self, origin: int) -> dict[str, LevelStats]:
        first, last = self.sums[ITEM].first, self.span.last
        # What spans regions has an event where half of the regions have one.
        common = np.where(np.median(self.events.window(first, last), axis=0) > 0, EVENT_KIND, self.clock.weekday(np.arange(first, last)))
        top = stats(self.sums[ALL], None, common, origin, self.clock)
        own = self.events.kinds(first, last)[self.region_rows(self.sums[LOCATION].ids)]
        return {
            ITEM: stats(self.sums[ITEM], top, common, origin, self.clock),
            CATEGORY: stats(self.sums[CATEGORY], top, common, origin, self.clock),
            LOCATION: stats(self.sums[LOCATION], top, own, origin, self.clock),
        }

    def common(self, origin: int) -> Common:
        """Lifts at the origin that all blocks have in common; computed once."""
        if origin not in self._common:
            self._common[origin] = Common.of(self, origin)
        return self._common[origin]

    def chance(self, level: str, origin: int) -> float:
        """Deviation by chance of the yearly lifts of a level's groups; of very many, some tell."""
        ids = self.sums[level].ids
        windows = self._windows(level, ids[:: -(-len(ids) // _TELLING)] if len(ids) else ids, origin)
        return chance(windows[0], windows[1:], self.clock)

    def shared(self, level: str, names: Names, origin: int, parent: Lifts | None = None, by_chance: float = 0.0) -> Lifts:
        """Yearly and event lifts of a level's groups, shrunk to those of their parents (a row a group, or one for all).

        by_chance  deviation by chance of lifts (logarithms) from their parents'
        """
        clock, windows = self.clock, self._windows(level, names, origin)
        above = (parent.season, parent.event, parent.spell, parent.share) if parent else (None, None, None, None)
        codes = self.events.codes, int(self.events.spells.max(initial=0)) + 1
        found = Lifts(
            season(windows[1:], clock, self.horizon, above[0]),
            event_lifts(windows, clock, codes[0], above[1], self.events.sets),
            spell_lifts(windows, clock, codes[1], above[2]),
            event_shares(windows, clock, codes[0], above[3]),
        )
        return found.told_apart(parent, by_chance) if parent and by_chance else found

    def knows_years(self, origin: int) -> bool:
        """Whether anything is known of the origin's season in an earlier year."""
        if origin not in self._known:
            top = season(self._windows(ALL, np.array([""], object), origin)[1:], self.clock, self.horizon, None)
            self._known[origin] = not np.isnan(top).all()
        return self._known[origin]

    def promotion(self, level: str, names: Names, origin: int, parent: Floats | None = None) -> Floats:
        """Lift of a promotion at a level's groups, shrunk to those of their parents."""
        promoted = self._windows(PROMOTED[level], names, origin)
        return promotion_lifts(self._windows(level, names, origin), promoted, self.clock, parent)

    def _windows(self, level: str, names: Names, origin: int) -> list[Window]:
        """What the groups sold just before the origin, and around its season in earlier years."""
        spans = [(origin - self.clock.spans[-1], origin)]
        spans += [season_span(self.clock, origin, self.horizon, year) for year in range(1, len(self.years) + 1)]
        regions = self.region_rows(names) if level == LOCATION else None
        found = zip((self.sums, *self.years), spans, strict=True)
        return [_window(sums[level], names, self.events, regions, *span) for sums, span in found]


def season_span(clock: Clock, origin: int, horizon: int, year: int) -> tuple[int, int]:
    """Periods [start, end) of an earlier year that tell of an origin's season."""
    shift = origin - year * clock.year
    return shift - clock.trend[1], shift + horizon + clock.beyond


def season_spans(clock: Clock, span: Span) -> list[tuple[int, int]]:
    """The same for all origins of a span: a stretch [start, end) for each earlier year, last year first."""
    bounds = []
    for year in range(1, clock.years + 1):
        shift = year * clock.year
        bounds.append((span.ahead - shift - clock.trend[1], span.last - shift + clock.beyond))
    return bounds


def _window(sums: Sums, names: Names, events: Events, regions: Ints | None, start: int, end: int) -> Window:
    """Sums of the named groups in [start, end), with the events of their regions, or those that most regions have."""
    row = sums.rows(names)
    units, count = (_rows(values, row) for values in sums.window(start, end))
    columns = slice(start - events.first, end - events.first)
    shape = units.shape
    if regions is None:
        marks, spells = (np.broadcast_to(codes[columns], shape) for codes in events.common)
        event = np.broadcast_to(np.median(events.event[:, columns], axis=0) > 0, shape)
    else:
        marks, spells, event = events.marks[regions, columns], events.spells[regions, columns], events.event[regions, columns] > 0
    return Window(units, count, marks, spells, event)


def _rows(values: Floats, row: Ints) -> Floats:
    """The chosen rows; zeros where there is none (-1)."""
    padded: Floats = np.vstack([values, np.zeros((1, values.shape[1]))])
    return padded[row]


@dataclass(frozen=True, slots=True)
class Masters:
    """The small tables that a context is made of, as the night sees them.

    sums      (level, id, period, units, count, fractional): in-stock sales of items and of locations
    prices    (item_id, channel, period, price, promotion): prices that hold at all locations
    signals   every version of a signal that had landed (location_id, region, date, name, value, known_from, known_to)
    """

    items: pa.Table
    locations: pa.Table
    calendar: pa.Table
    signals: pa.Table
    sums: pa.Table
    prices: pa.Table


def build(masters: Masters, clock: Clock, origins: tuple[int, ...], horizon: int, night: int) -> Context:
    """The context of one computation.

    origins  origins whose features will be computed
    night    the business date's period, whose night computes them
    """
    span = Span.around(clock, origins, horizon)
    region = regions_of(masters.locations)
    items = masters.items.select(["item_id", "category", "department"]).to_pylist()
    category = {r["item_id"]: r["category"] or r["department"] or "" for r in items}
    recent = span.ahead - clock.spans[-1], span.last
    sums, *years = (_by_level(masters.sums, category, clock, *periods) for periods in (recent, *season_spans(clock, span)))
    locations = {name: row for row, name in enumerate(sorted(region))}
    return Context(
        clock,
        span,
        horizon,
        region,
        category,
        Events.build(masters.calendar, clock, span),
        sums,
        tuple(years),
        _fractional(masters.sums),
        GeneralPrices.build(masters.prices, clock),
        locations,
        {origin: at_origin(masters.signals, clock, locations, region, origin, horizon, night) for origin in origins},
    )


def _by_level(rows: pa.Table, category: dict[str, str], clock: Clock, first: int, last: int) -> dict[str, Sums]:
    """Sums of the periods [first, last) by item, location, category and of all; and what of them was promoted."""
    sums = {level: to_sums(rows, level, clock, first, last) for level in (ITEM, PROMOTED[ITEM], LOCATION)}
    for item, group, everything in ((ITEM, CATEGORY, ALL), (PROMOTED[ITEM], PROMOTED[CATEGORY], PROMOTED[ALL])):
        ids = sums[item].ids
        sums[group] = add_up(sums[item], np.array([category.get(name, "") for name in ids], object))
        sums[everything] = add_up(sums[item], np.full(len(ids), ""))
    return sums


def _fractional(sums: pa.Table) -> frozenset[str]:
    rows = sums.filter(pa.compute.and_(pa.compute.equal(sums["level"], ITEM), pa.compute.greater(sums["fractional"], 0)))
    return frozenset(rows["id"].to_pylist())
