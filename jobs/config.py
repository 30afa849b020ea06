"""Settings: read once from TOML, validated, frozen. Every key has a default."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from jobs.errors import UsageError


def _known_timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not an IANA time zone")
    return name


Timezone = Annotated[str, AfterValidator(_known_timezone)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Landing(_Section):
    """How landing folders are read."""

    naive_timestamps: Literal["utc", "local"] = "utc"
    ready_marker: bool = False
    #: Columns that bronze drops (names as in the files, any case).
    drop_columns: tuple[str, ...] = ()
    #: A location-period without sales is missing if the location sold in this share of its last periods.
    missing_share: Share = 0.9
    missing_periods: int = Field(60, ge=1)
    inactive_after: int = Field(182, ge=1)
    returns_to_stock: Share = 1.0
    #: A drop with fewer rows than this share of the feed's usual drop has collapsed.
    collapse_share: Share = 0.5
    #: A feed of whose rows more than this share is quarantined blocks the night.
    max_quarantined_share: Share = 0.2


class Lanes(_Section):
    """Defaults of the lanes feed."""

    default_lead_time_days: int = Field(1, ge=0, le=365)


class Costs(_Section):
    """Defaults of costs, where no feed gives them."""

    #: Yearly cost of holding, as a share of unit_cost.
    holding_rate: float = Field(0.25, ge=0)
    #: Margin as a share of the price: shortage cost, and unit_cost where only a price is known.
    margin_rate: float = Field(0.3, gt=0, lt=1)


class Training(_Section):
    """The forecast model."""

    #: Spark tasks that train together; fixed, not taken from the cores, so that the model does not depend on the machine.
    workers: int = Field(2, ge=1)
    #: Train when the last model is older than this many days.
    max_age_days: int = Field(7, ge=1)
    rows: int = Field(300_000, ge=1_000)
    #: Periods learned from: those in stock throughout, or all whose demand is known or expected of what sold in part of them.
    learn_from: Literal["in_stock", "demand"] = "in_stock"
    origins: int = Field(6, ge=1)
    #: Mode joint: of so many rows lines are made and trees fitted in one process, of more by the workers.
    joint_rows: int = Field(400_000, ge=1_000)
    #: At most so many rounds; fewer where the held-out periods gain nothing for early_stopping_rounds, but at least 4 / learning_rate.
    rounds: int = Field(200, ge=1)
    early_stopping_rounds: int = Field(20, ge=1)
    #: Of the trees, at most: of fewer than 192,000 rows 6, of fewer than 96,000 rows 5.
    max_depth: int = Field(7, ge=1, le=16)
    learning_rate: float = Field(0.05, gt=0, le=1)
    #: A checkpoint every so many rounds; a lost worker or a hang starts again from the last one, at most ``restarts`` times a fit.
    checkpoint_rounds: int = Field(40, ge=1)
    restarts: int = Field(2, ge=0)
    #: No new round for so long: the job hangs and is cancelled. Until the first round it has at least five minutes.
    hang_seconds: float = Field(300, gt=0)
    #: Of the whole stage; then the champion stays and the night goes on.
    deadline_minutes: float = Field(45, gt=0)
    #: A challenger's pinball loss must be below the champion's by this share ...
    margin: Share = 0.005
    #: ... and in no segment with at least this share of demand ...
    big_segment: Share = 0.1
    #: ... above it by more than this share.
    tolerated_loss: Share = 0.02


class Planning(_Section):
    """The plan."""

    paths: int = Field(128, ge=8)
    shards: int = Field(8, ge=1)
    #: A cost list ends where even this quantile of demand until the next arrival is covered.
    reach_quantile: float = Field(0.999, gt=0.5, lt=1)
    #: Time for the whole night's problem, where something couples items; then the best plan found so far stands.
    solve_seconds: float = Field(300, gt=0)
    #: Orders above this value need review; null: none does for its value.
    review_above_value: float | None = Field(None, gt=0)
    auto_approve: bool = False
    #: Which units of goods that spoil shoppers take in stores: the oldest, or the newest. Elsewhere the oldest leave first.
    issuing: Literal["fifo", "lifo"] = "fifo"
    #: Whether the channels of a location sell from one stock, or each from a part of its own that the others can't touch.
    channels: Literal["pooled", "fenced"] = "pooled"


class Feedback(_Section):
    """Mode feedback: how outcomes of past decisions shift the levels of forecasts."""

    #: No level moves by more.
    limit: float = Field(0.15, gt=0, le=0.15)
    #: Of the largest gain that the delay between decision and outcome allows.
    gain: float = Field(1.0, gt=0, le=1)
    #: Segments that stay as they are, and all below them: all, a kind of location, kind/department, kind/department/volume class.
    off: tuple[str, ...] = ()


class Exceptions(_Section):
    """What a person is asked to look at."""

    #: Expected lost sales and overstock that cost less are not worth a look (in the currency).
    min_money: float = Field(1.0, ge=0)
    #: Stock and transit beyond this many days of expected demand is overstock.
    cover_days: int = Field(60, ge=1)


class Simulation(_Section):
    """`nightfill simulate`."""

    #: Nights from one training to the next; the first night takes the champion that it would have had.
    retrain_every: int = Field(28, ge=1)
    #: Of what is redrawn where history was short of stock.
    seeds: tuple[int, ...] = Field((1,), min_length=1)
    #: What demand is taken for where history was short of stock: redrawn, what sold, a fifth more than redrawn.
    demand: tuple[Literal["recovered", "floor", "more"], ...] = Field(("recovered", "floor", "more"), min_length=1)
    #: A killed simulation goes on from the last of these nights.
    checkpoint_nights: int = Field(7, ge=1)
    #: What all forecasts are multiplied by: what a biased model would cost (docs/modes.md).
    bias: float = Field(1.0, gt=0)
    #: The base stock's multiplier is tuned on at most so many nights before the first one; 0: it is 1 ...
    tuning_nights: int = Field(364, ge=0)
    #: ... and on items with about so many item-locations, the same for every multiplier.
    tuning_lines: int = Field(200, ge=1)
    #: A planted fault: models trained in the simulation take the spread of demand for so many times what was measured.
    spread: float = Field(1.0, gt=0, le=5)


class Gate(_Section):
    """`nightfill gate`: whether a changed configuration or model may go live."""

    #: Nights replayed with both.
    nights: int = Field(63, ge=1)
    #: The upper 95% limit of what the candidate costs more, as a share of what live costs, has to be below this.
    margin: Share = 0.01
    #: What a replay of the nights that neither has seen refuses a model that forecasts better than the champion for: being worse,
    #: or undecided as well; off: nothing is replayed ...
    models: Literal["off", "worse", "undecided"] = "worse"
    #: ... on items with about so many item-locations.
    lines: int = Field(200, ge=1)


class Config(_Section):
    """All settings of a night."""

    grain: Literal["day", "week"] = "day"
    #: Periods forecast; default: what the lanes need.
    horizon: int | None = Field(None, ge=1, le=366)
    timezone: Timezone = "UTC"
    currency: str = "EUR"
    #: How orders are decided: expected cost on demand paths; the forecast with a safety stock (an order-up-to level); as the first, the
    #: forecasts corrected by outcomes of past decisions; as the first, the forecasts moved to where decisions cost least.
    mode: Literal["stochastic", "sequential", "feedback", "joint"] = "stochastic"
    deadline_minutes: float = Field(120, gt=0)
    seed: int = 20240101
    retention_days: int = Field(35, ge=7)
    landing: Landing = Landing()
    lanes: Lanes = Lanes()
    costs: Costs = Costs()
    training: Training = Training()
    planning: Planning = Planning()
    feedback: Feedback = Feedback()
    exceptions: Exceptions = Exceptions()
    simulation: Simulation = Simulation()
    gate: Gate = Gate()

    @property
    def period_days(self) -> int:
        """Days of a period: 1 or 7."""
        return 7 if self.grain == "week" else 1

    @property
    def holding_rate_per_period(self) -> float:
        """Share of unit_cost that holding a unit for one period costs."""
        return self.costs.holding_rate * self.period_days / 365

    def to_json(self) -> str:
        """The settings as canonical JSON: equal settings, equal text."""
        return self.model_dump_json()

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def load(path: str | Path | None, mode: str | None = None) -> Config:
    """Read settings from a TOML file; without one, all defaults. ``mode`` from the command line wins.

    Raises UsageError with one line a mistake, naming the key.
    """
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8")) if path else {}
        return Config.model_validate(values | ({"mode": mode} if mode else {}))
    except FileNotFoundError:
        raise UsageError(f"no configuration file {path}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from None
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise UsageError("\n".join([f"{path or 'the command line'} has settings that can't be used:", *lines])) from None
