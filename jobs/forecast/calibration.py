"""From a point forecast to a distribution: what held-out demand was as a ratio of its forecast, by segment.

Conformal in spirit (Papadopoulos et al. 2002): the quantiles of the ratios on origins that the model has not seen.
Segments are size of the forecast x spread of the series x near or far x promoted or not x with an event or without; a
segment with few rows takes its parent's. So a holiday while held out is no measure of the days without one.

The ratios say how demand scatters around a forecast, not where its level is: the held-out forecasts come from a booster
that has not seen the newest origins, and how far the level moved meanwhile is no measure of how far it will move next.
So ratios are centred origin by origin, promoted and not, with an event and without, before they are pooled. Of series that
scatter much and little the same holds: their ratios tell spreads, and the level is that of their size (measured:
docs/decisions/forecast_model.md). What a booster of roots leaves out of the mean is no drift and is put back: ``level``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import numpy as np
import numpy.typing as npt

from jobs.forecast.days import kind_of
from jobs.forecast.distribution import LEVELS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Rows that a segment needs for ratios of its own, and the most size classes.
LEAST_ROWS = 80
_SIZES = 12
#: Classes of spread, where there are rows for them.
_SPREADS = 3
_ROWS_FOR_SPREADS = 5_000
#: Standard errors off one at which half of a segment's mean ratio is believed, where levels are centred: its level drifts from
#: fortnight to fortnight, as that of all series does, and the scatter of its rows says nothing of that
#: (docs/decisions/forecast_model.md).
_DRIFT = 3.0
#: Steps from this one on are far.
FAR = {"day": 3, "week": 2}
#: The least forecast, so that ratios stay finite.
LEAST_UNITS = 1e-3


@dataclass(frozen=True, slots=True)
class Traits:
    """What the segment of a row depends on, beside its forecast.

    spread    [n] the series' relative deviation; NaN: not known
    step      [n] periods ahead
    promoted  [n] under promotion
    event     [n] there is an event; None: nowhere
    weekday   [n] 0 = Monday, of grain week anything; None: all alike
    """

    spread: Floats
    step: Ints
    promoted: Bools
    event: Bools | None = None
    weekday: Floats | None = None

    @property
    def eventful(self) -> Bools:
        """Where there is an event [n]."""
        return np.zeros(len(self.step), bool) if self.event is None else self.event


@dataclass(frozen=True, slots=True)
class Calibration:
    """Ratios by segment, as nested lists so that it is written as JSON.

    sizes         upper edges of the size classes (units); spreads: of the classes of spread
    far           first step that counts as far
    mean          [segments] mean demand as a ratio of the forecast
    p_zero        [segments] share of periods without demand
    ratios        [segments][15] quantiles of demand as a ratio of the forecast
    by_promotion  promoted rows have segments of their own, by_event: rows with an event; older models have none
    level         all of them times this: mean demand as a ratio of the square of the mean root that was forecast
    days          the forecast times this: what periods of each kind sell against what is expected of them (days.Cells.kinds);
                  older models have none
    """

    sizes: list[float]
    spreads: list[float]
    far: int
    mean: list[float]
    p_zero: list[float]
    ratios: list[list[float]]
    by_promotion: bool = False
    by_event: bool = False
    level: float = 1.0
    days: list[float] = field(default_factory=list)

    def of_day(self, traits: Traits) -> Floats:
        """Factor of each row's kind of period [n]."""
        if not self.days or traits.weekday is None:
            return np.ones(len(traits.step))
        return np.array(self.days)[kind_of(traits.weekday, traits.eventful, len(self.days))]

    def segments(self, forecast: Floats, traits: Traits) -> Ints:
        """Segment of each row."""
        size = np.searchsorted(self.sizes, forecast, side="right")
        wide = np.searchsorted(self.spreads, np.nan_to_num(traits.spread, nan=0.0), side="right")
        segment: Ints = (size * (len(self.spreads) + 1) + wide) * 2 + (traits.step >= self.far)
        segment = segment * 2 + traits.promoted if self.by_promotion else segment
        return segment * 2 + traits.eventful if self.by_event else segment

    def apply(self, forecast: Floats, traits: Traits) -> tuple[Floats, Floats, Floats]:
        """Mean [n], p_zero [n] and quantiles [n, 15] in units; monotone by construction."""
        forecast = np.maximum(forecast * self.of_day(traits), LEAST_UNITS)
        segment = self.segments(forecast, traits)
        forecast = forecast * self.level
        p_zero = np.array(self.p_zero)[segment]
        quantiles = forecast[:, None] * np.array(self.ratios)[segment]
        return forecast * np.array(self.mean)[segment], p_zero, np.where(p_zero[:, None] > LEVELS, 0.0, quantiles)

    def spread_by(self, factor: float) -> Calibration:
        """The same with the ratios so many times as far from their mean, above 0: a fault to see who finds it."""
        if factor == 1:
            return self
        wide = [[max(mean + factor * (ratio - mean), 0.0) for ratio in own] for mean, own in zip(self.mean, self.ratios, strict=True)]
        return replace(self, ratios=wide)

    def to_dict(self) -> dict[str, object]:
        """As JSON keeps it."""
        return asdict(self)


def fit(forecast: Floats, actual: Floats, traits: Traits, grain: str, origin: Ints | None = None, *, of_roots: bool = False) -> Calibration:
    """Ratios of held-out rows.

    forecast, actual  [n] units, on origins that the model has not seen
    origin            [n] origin of each row, by which the level is centred; None: it is not
    of_roots         the forecast is the square of a mean root, not a mean
    """
    forecast, level = np.maximum(forecast, LEAST_UNITS), 1.0
    if origin is not None:
        level = mean_over_root(forecast, actual, origin + traits.step) if of_roots else 1.0
        group = ((origin * 2 + (traits.step >= FAR[grain])) * 2 + traits.promoted) * 2 + traits.eventful
        forecast = np.maximum(centred(forecast, actual, group), LEAST_UNITS)
    wide = _SPREADS if len(forecast) >= _ROWS_FOR_SPREADS else 1
    sizes = edges(forecast, int(np.clip(len(forecast) // (LEAST_ROWS * 2 * wide), 1, _SIZES)))
    spreads = edges(np.nan_to_num(traits.spread, nan=0.0), wide)
    shell = Calibration(sizes, spreads, FAR[grain], [], [], [], by_promotion=True, by_event=True)
    segment, fan = shell.segments(forecast, traits), (len(spreads) + 1) * 8
    # Sums by size stay what they are.
    forecast = forecast * centred(forecast, actual, segment // 8) / centred(forecast, actual, segment // fan)
    forecast = np.maximum(forecast, LEAST_UNITS)
    measured = []
    for key in range((len(sizes) + 1) * fan):
        # Itself, near and far together, its size, promoted and not together, all of its size, all: the first with enough rows.
        eventful = traits.eventful == key % 2
        alike = (traits.promoted == key // 2 % 2) & eventful
        size = segment // fan == key // fan
        groups = (segment == key, (segment // 8 == key // 8) & alike, size & alike, size & eventful, size, np.ones(len(forecast), bool))
        rows = next((group for group in groups if group.sum() >= LEAST_ROWS), groups[-1])
        measured.append(_measure(forecast[rows], actual[rows], 1.0 if origin is None else _DRIFT))
    means, zeros, ratios = zip(*measured, strict=True)
    return replace(shell, mean=list(means), p_zero=list(zeros), ratios=list(ratios), level=level)


def centred(forecast: Floats, actual: Floats, group: Ints) -> Floats:
    """The forecasts, each group of enough rows times one factor, so that its sum is that of what was sold."""
    _, row = np.unique(group, return_inverse=True)
    sold, expected = np.bincount(row, weights=actual), np.bincount(row, weights=forecast)
    known = (np.bincount(row) >= LEAST_ROWS) & (sold > 0) & (expected > 0)
    factor = np.divide(sold, expected, out=np.ones(len(sold)), where=known)
    levelled: Floats = forecast * factor[row]
    return levelled


def mean_over_root(forecast: Floats, actual: Floats, period: Ints) -> float:
    """Mean demand as a ratio of the square of its mean root, each period's own drift (that square as a ratio of the forecast) taken out.

    By units, since it is compared with a sum: where small series are forecast higher than large ones the mean of the rows'
    roots alone would lie low, and the mean come out too high (docs/decisions/seasonality.md).

    Shrunk by how much the periods' drifts scatter: a level that moves by a tenth from day to day is no ground for a
    correction of a hundredth, and no reason against one of a third.
    """
    _, row = np.unique(period, return_inverse=True)
    expected, roots, sold = (np.bincount(row, values) for values in (forecast, np.sqrt(forecast * np.maximum(actual, 0.0)), actual))
    known = (np.bincount(row) >= LEAST_ROWS) & (roots > 0)
    if not known.any():
        return 1.0
    expected, drift = expected[known], (roots[known] / expected[known]) ** 2
    excess = sold[known].sum() / (expected * drift).sum() - 1
    noise = np.sqrt(np.average((np.log(drift) - np.average(np.log(drift), weights=expected)) ** 2, weights=expected))
    return _believed(1 + excess, noise)


def _believed(ratio: float, noise: float) -> float:
    """A ratio shrunk to one, by its noise: what is smaller is hardly believed, what is larger nearly all."""
    excess = ratio - 1
    return float(1 + excess**3 / (excess**2 + noise**2)) if excess else 1.0


def edges(values: Floats, classes: int) -> list[float]:
    """Upper edges of classes of equal size, without the last."""
    edges: list[float] = np.unique(np.quantile(values, np.linspace(0, 1, classes + 1)[1:-1])).tolist()
    return edges


def _measure(forecast: Floats, actual: Floats, drift: float) -> tuple[float, float, list[float]]:
    """Mean ratio, share of zeros, quantiles of the ratios: mean and quantiles shrunk to a mean of one by ``drift`` standard errors."""
    mean = float(actual.sum() / forecast.sum())
    believed = _believed(mean, drift * float(np.sqrt(((actual - mean * forecast) ** 2).sum()) / forecast.sum()))
    ratios = np.quantile(actual / forecast, LEVELS) * (believed / mean if mean > 0 else 1.0)
    return believed, float((actual <= 0).mean()), ratios.tolist()
