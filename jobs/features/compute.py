"""Features of a block of series at an origin: the one code of the night, of training and of backtests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features import history, kernels, pulse
from jobs.features.block import Block
from jobs.features.clock import Clock
from jobs.features.context import Context
from jobs.features.levels import ALL, CATEGORY, EVENT_KIND, ITEM, LOCATION, LevelStats
from jobs.features.lifted import lifts
from jobs.features.names import KEY, Names, looked_up
from jobs.features.past import Past
from jobs.features.prices import fill_forward
from jobs.features.pulse import Pulse
from jobs.features.season import Lifts
from jobs.features.usual import on_day, usual_of
from schemas.gold.features import FEATURES, FEATURES_TABLE

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = dict[str, Floats]

#: So that the model can correct what is expected of an event on which hardly anything was sold.
_LEAST_EVENT = 0.1
#: What compute() returns: gold/features without business_date and run_id.
SCHEMA = pa.schema([f for f in FEATURES_TABLE.schema if f.name not in ("business_date", "run_id")])


def compute(block: Block, context: Context, origin: int) -> pa.Table:
    """Rows (series, period) for the periods [origin, origin + horizon), series by series, in SCHEMA.

    Uses of the block only periods before the origin and prices known ahead; of the context what its own
    rules let the origin know.
    """
    shared = _Shared.of(block, context, origin)
    steps = [_step(block, context, origin, step, shared) for step in range(context.horizon)]
    n, horizon = len(block), context.horizon
    values = {name: np.stack([step[name] for step in steps], axis=1).reshape(-1) for name in steps[0]}
    values |= {name: np.repeat(column, horizon) for name, column in shared.columns.items()}
    targets = context.clock.first_days(np.arange(origin, origin + horizon))
    arrays: dict[str, pa.Array] = {name: pa.array(np.repeat(block.keys[name], horizon), pa.string()) for name in KEY}
    arrays["target_date"] = pa.array(np.tile(targets, n).astype("int32"), pa.int32()).cast(pa.date32())
    arrays["whole_units"] = pa.array(np.repeat(shared.whole, horizon))
    for column in FEATURES:
        arrays[column.name] = pa.array(values[column.name].astype(column.type.to_pandas_dtype()), from_pandas=True)
    return pa.Table.from_arrays([arrays[f.name] for f in SCHEMA], schema=SCHEMA)


def counts(block: Block, context: Context, origin: int) -> pa.Table:
    """What the block adds to the sums of the pulse (pulse.schema) at the origin."""
    clock, levels = context.clock, context.levels(origin)
    names, rows, means = _hierarchy(block, context, levels)
    regions, longest = context.region_rows(names[LOCATION]), max(pulse.windows(clock))
    if context.knows_years(origin):
        usual = usual_of(block, context, origin, rows[LOCATION], lifts(names, context, origin)[0][ALL]).past
        share = usual[:, -longest:]
    else:
        usual, kinds = None, context.events.kinds(origin - longest, origin)[regions]
        share = np.take_along_axis(levels[CATEGORY].profile[rows[CATEGORY]], kinds, axis=1)
    scale = history.level(block, clock, origin, _prior(means, levels[ITEM].mean[-1]), usual)
    prices = _prices(block, clock, origin)
    ahead = np.stack([_price(block, origin + step, prices["last"])[0] for step in range(context.horizon)], axis=1)
    ids = pulse.names_of(block.keys, context.region, context.category)
    return pulse.count(block, origin, scale[:, None] * share, (ahead, prices["usual"]), ids, clock)


def _prices(block: Block, clock: Clock, origin: int) -> Columns:
    """Last, usual and highest price of each series before the origin."""
    end = origin - block.span.first
    recent = block.price[:, end - clock.recent : end]
    return {
        "last": fill_forward(recent)[:, -1],
        "usual": history.masked_mean(block.price[:, end - clock.spans[3] : end])[0],
        "highest": np.fmax.reduce(recent, axis=1),
    }


def _hierarchy(
    block: Block, context: Context, levels: dict[str, LevelStats]
) -> tuple[dict[str, Names], dict[str, Ints], dict[str, Floats]]:
    """Names of each series' item, location and category, their rows in the levels, and their means."""
    names = {ITEM: block.keys["item_id"], LOCATION: block.keys["location_id"]}
    names[CATEGORY] = looked_up(names[ITEM], lambda name: context.category.get(name, ""))
    rows = {name: context.sums[name].rows(keys) for name, keys in names.items()}
    return names, rows, {name: levels[name].mean[rows[name]] for name in rows}


class _Shared:
    """What the steps of one origin share."""

    def __init__(self, scale: Floats, columns: Columns, profiles: Columns, price: Columns, past: Past, places: tuple[Ints, Ints]) -> None:
        self.scale, self.columns, self.profiles, self.price, self.past = scale, columns, profiles, price, past
        #: Rows of each series' region in the events, and of its location in the signals.
        self.regions, self.places = places
        self.lifts: dict[str, Lifts] = {}
        self.pulse, self.groups = Pulse({}), dict[str, Names]()
        self.uplift: Floats = np.ones(len(scale))
        self.weekdays: Floats = np.ones((len(scale), 1))
        self.whole: npt.NDArray[np.bool_] = np.ones(len(scale), bool)

    @classmethod
    def of(cls, block: Block, context: Context, origin: int) -> _Shared:
        clock, end = context.clock, origin - block.span.first
        levels = context.levels(origin)
        names, rows, means = _hierarchy(block, context, levels)
        lifted, uplift = lifts(names, context, origin)
        usual = usual_of(block, context, origin, rows[LOCATION], lifted[ALL])
        scale = history.level(block, clock, origin, _prior(means, levels[ITEM].mean[-1]), usual.past)
        recent, price = slice(end - clock.recent, end), _prices(block, clock, origin)
        columns = history.summary(block, clock, origin, scale)
        columns |= {"level": scale, "log_level": np.log(scale), "promotion_share": history.masked_mean(block.promotion[:, recent])[0]}
        for name in rows:
            columns[f"{name}_mean"] = means[name] / scale
            columns[f"{name}_trend"] = levels[name].trend[rows[name]]
        found, ids = context.pulse.get(origin, Pulse({})), pulse.names_of(block.keys, context.region, context.category)
        for number, window in enumerate(pulse.windows(clock), 1):
            columns |= {f"{group}_pulse_{number}": found.of(group, window, ids[group]) for group in pulse.GROUPS}
        profiles = {name: stats.profile[rows[name]] for name, stats in levels.items()}
        regions, places = context.region_rows(names[LOCATION]), context.signal_rows(names[LOCATION])
        kinds = context.events.kinds(origin - clock.recent, origin)[regions]
        past = Past.of(block, clock, origin, kinds, np.take_along_axis(profiles[CATEGORY], kinds, axis=1), scale)
        shared = cls(scale, columns, profiles, price, past, (regions, places))
        shared.pulse, shared.groups = found, ids
        shared.lifts, shared.uplift = lifted, uplift
        shared.weekdays = usual.weekdays
        shared.whole = looked_up(names[ITEM], lambda name: name not in context.fractional, bool)
        return shared


def _prior(means: dict[str, Floats], overall: float) -> Floats:
    """Level to expect of a series without history: its item's, else its category's, its location's, else everybody's."""
    prior = means[ITEM]
    for other in (means[CATEGORY], means[LOCATION]):
        prior = np.where(np.isnan(prior), other, prior)
    return np.nan_to_num(np.where(np.isnan(prior), overall, prior), nan=0.0)


def _step(block: Block, context: Context, origin: int, step: int, shared: _Shared) -> Columns:
    clock, target = context.clock, origin + step
    n = len(block)
    regions, places = shared.regions, shared.places
    kind = context.events.kinds(target, target + 1)[regions, 0]
    columns = {f"{name}_profile": np.take_along_axis(of, kind[:, None], axis=1)[:, 0] for name, of in shared.profiles.items()}
    price, promotion = _price(block, target, shared.price["last"])
    like = shared.past.like(kind, price, promotion)
    columns |= history.kernel(shared.past, like, clock, columns["category_profile"])
    columns |= kernels.like_means(shared.past, like, clock, shared.scale)
    columns |= history.like_lags(block, clock, origin, target, shared.scale)
    columns |= _calendar(context, regions, target)
    columns |= {f"signal_{i + 1}": context.signals[origin][places, i, step] for i in range(context.signals[origin].shape[1])}
    with np.errstate(divide="ignore", invalid="ignore"):
        columns["price_ratio"] = _finite(np.log(price / shared.price["usual"]))
        columns["price_change"] = _finite(np.log(price / shared.price["last"]))
        columns["price_high"] = _finite(np.log(price / shared.price["highest"]))
        before = _price(block, target - 1, shared.price["last"])[0] if step else shared.price["last"]
        columns["price_step"] = _finite(np.log(price / before))
        columns["log_price"] = _finite(np.log(price))
    for group in pulse.PRICED:
        elsewhere, columns[f"{group}_price_change"] = shared.pulse.price(group, step, shared.groups[group])
        columns[f"{group}_price"] = columns["log_price"] - elsewhere
    columns |= _seasonal(context, regions, target, step, shared.lifts)
    weekday = columns["weekday"] = shared.weekdays[:, step % clock.like]
    event = on_day(columns["event_lift"], columns["event_share"], weekday)
    # Before there is a year of history an event has been seen once or twice: its lift is a feature, but no base to build on.
    known = np.where(np.isnan(columns["season"]), 1.0, columns["season"] * np.maximum(event, _LEAST_EVENT * np.minimum(weekday, 1)))
    columns["expected"] = np.maximum(shared.scale * known, history.LEAST_LEVEL)
    columns["promotion_lift"] = np.where(promotion > 0, shared.uplift, 1.0)
    columns["promoted_before"] = _promoted_before(block, clock, origin, target)
    return columns | {"promotion": promotion, "step": np.full(n, step), "event_kind": (kind == EVENT_KIND).astype(float)}


def _seasonal(context: Context, regions: Ints, target: int, step: int, lifts: dict[str, Lifts]) -> Columns:
    """Lifts of the target's season, event and spell."""
    events = context.events
    column = target - events.first
    mark, spell = (codes[regions, column][:, None] for codes in (events.marks, events.spells))
    found = {f"{name}_season": lifts[name].season[:, step] for name in (ITEM, LOCATION)}
    found |= {f"{name}_event": np.take_along_axis(lifts[name].event, mark, axis=1)[:, 0] for name in (ITEM, LOCATION)}
    return found | {
        "season": lifts[ALL].season[:, step],
        "event_lift": np.take_along_axis(lifts[ALL].event, mark, axis=1)[:, 0],
        "event_share": np.take_along_axis(lifts[ALL].share, mark, axis=1)[:, 0],
        "spell_lift": np.take_along_axis(lifts[ALL].spell, spell, axis=1)[:, 0],
        "spell": events.spell[regions, column],
    }


def _price(block: Block, target: int, last: Floats) -> tuple[Floats, Floats]:
    """Price and promotion of the target as known ahead; without a price row the last price goes on."""
    column = target - block.span.ahead
    ahead = block.price_ahead[:, column]
    return np.where(np.isnan(ahead), last, ahead), block.promotion_ahead[:, column]


def _promoted_before(block: Block, clock: Clock, origin: int, target: int) -> Floats:
    """Share of the week before the target that was promoted, or is announced to be: demand may have been brought forward."""
    end = origin - block.span.first
    start = target - block.span.first - clock.like
    past = np.nan_to_num(block.promotion[:, start:end])
    ahead = block.promotion_ahead[:, max(origin, target - clock.like) - block.span.ahead : target - block.span.ahead]
    share: Floats = (past.sum(axis=1) + ahead.sum(axis=1)) / clock.like
    return share


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def _calendar(context: Context, regions: Ints, target: int) -> Columns:
    clock, events = context.clock, context.events
    day = clock.first_day(target)
    ahead, since = events.distances(target, target + 1)
    position = day.weekday() if clock.period_days == 1 else day.isocalendar().week
    return {
        "position": np.full(len(regions), float(position)),
        "event": events.window(target, target + 1)[regions, 0],
        "to_event": ahead[regions, 0],
        "since_event": since[regions, 0],
        "closed": events.closed_share(target, target + 1)[regions, 0],
    }
