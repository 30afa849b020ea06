"""The design of a backtest: which origins, how far ahead, by which models."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from jobs.errors import UsageError
from jobs.features.clock import CLOCKS, Grain

Source = Literal["train", "champion"]


@dataclass(frozen=True, slots=True)
class Design:
    """Which forecasts are made.

    origins        business dates, ascending
    horizon        periods from each
    source         train: a model of each origin's own; champion: the one that nights of the origin's date use
    retrain_every  origins that share a model, where it is trained here
    """

    origins: tuple[date, ...]
    horizon: int = 7
    source: Source = "train"
    retrain_every: int = 1

    @property
    def models(self) -> str:
        """Where the models come from, in words."""
        if self.source == "champion":
            return "the champion of each origin's night"
        return f"trained at every {self.retrain_every} origins" if self.retrain_every > 1 else "trained at each origin"


def origins_of(listed: str | None, first: date | None, last: date | None, every: int, grain: Grain) -> tuple[date, ...]:
    """Business dates: those listed (comma separated), or from first to last, ``every`` periods apart. Raises UsageError."""
    clock = CLOCKS[grain]
    if listed:
        try:
            chosen = tuple(sorted({date.fromisoformat(text.strip()) for text in listed.split(",")}))
        except ValueError as error:
            raise UsageError(f"--origins {listed!r}: {error}") from None
    elif first and last:
        if last < first or every < 1:
            raise UsageError(f"no origin from {first} to {last}, every {every} periods: --last is before --first, or --every below 1")
        chosen = tuple(clock.first_day(i) for i in range(clock.index(first), clock.index(last) + 1, every))
    else:
        raise UsageError("name the origins: --origins D1,D2 or --first D1 --last D2 --every N")
    odd = [day.isoformat() for day in chosen if clock.first_day(clock.index(day)) != day]
    if odd:
        raise UsageError(f"with grain week an origin is a Monday; {', '.join(odd)} is not")
    return chosen
