"""Settings of a world: a preset, and the keys that differ from it; validated once, frozen (docs/world.md lists them)."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from jobs.errors import UsageError
from jobs.plan.schedule import WEEKDAYS

PRESETS = Path(__file__).parent / "presets"
Effect = Literal[
    "trend", "weekday", "year", "events", "weather", "price", "promotion", "dip", "cannibalisation", "life", "second_channel",
    "dependence", "wander", "bursts", "intermittency", "dispersion", "lead_time", "shortages", "outbound", "expiry",
]  # fmt: skip
EFFECTS: tuple[str, ...] = get_args(Effect)
#: Closed days of a year: a delivery finds an open one after them.
MOST_CLOSED = 60
Share = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(ge=0, le=5)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(_Section):
    """When: sales begin on ``first``; the last drop is that of business date ``last``; so many drops, the first with the history."""

    first: date = date(2023, 1, 2)
    last: date = date(2024, 1, 15)
    nights: int = Field(1, ge=1)

    @property
    def first_drop(self) -> date:
        """Business date of the first drop."""
        return self.last - timedelta(days=self.nights - 1)

    @model_validator(mode="after")
    def _history(self) -> Span:
        if self.last <= self.first:
            raise ValueError(f"last ({self.last}) must come after first ({self.first})")
        if self.first_drop <= self.first:
            raise ValueError(f"{self.nights} nights up to {self.last} leave no history from {self.first} on")
        return self


class Size(_Section):
    """How much: ``lines`` pairs of an item and a store or online site."""

    lines: int = Field(1_000, ge=1, le=5_000_000)
    items: int = Field(200, ge=1)
    stores: int = Field(9, ge=0)
    online: int = Field(1, ge=0)
    #: 0: suppliers deliver to stores and sites.
    dcs: int = Field(1, ge=0)
    suppliers: int = Field(3, ge=1)
    regions: int = Field(2, ge=1)
    categories: int = Field(8, ge=1)

    @model_validator(mode="after")
    def _fits(self) -> Size:
        places = self.stores + self.online
        if places == 0:
            raise ValueError("stores and online are both 0: nothing sells")
        if not places <= self.lines <= places * self.items:
            raise ValueError(f"lines ({self.lines}) must be from {places} (one a location) to {places * self.items} (items x locations)")
        return self


class Level(_Section):
    """Units a day of a line: log-normal, from what its item, its location and itself bring (spreads of the logarithm)."""

    median: float = Field(6, gt=0, le=200)
    item: Spread = 0.6
    location: Spread = 0.3
    line: Spread = 0.3


class Course(_Section):
    """What changes slowly or by the calendar."""

    trend_mean: float = Field(0.0, ge=-2, le=2)
    trend_spread: Spread = 0.1
    #: Logarithms of Monday to Sunday, common to all.
    weekday: tuple[float, float, float, float, float, float, float] = (0, 0, 0, 0, 0, 0, 0)
    weekday_category: Spread = 0.05
    weekday_location: Spread = 0.05
    year: Spread = 0.2
    event_mean: float = Field(0.3, ge=-2, le=2)
    event_spread: Spread = 0.3
    temperature: Spread = 0.1
    rain: Spread = 0.05
    new: Share = 0.05
    ending: Share = 0.05


class Event(_Section):
    """A day of every year; ``closed``: nothing sells and nothing is delivered."""

    name: str = Field(min_length=1)
    month: int = Field(ge=1, le=12)
    day: int = Field(ge=1, le=31)
    closed: bool = False

    @model_validator(mode="after")
    def _every_year(self) -> Event:
        try:
            date(2001, self.month, self.day)
        except ValueError:
            raise ValueError(f"not every year has a day {self.day} of month {self.month}") from None
        return self


class Pricing(_Section):
    """Prices and promotions."""

    #: Share of quarters that an item has another price than its list price, and the spread of the logarithm.
    changes: Share = 0.3
    change_spread: Annotated[float, Field(ge=0, le=0.5)] = 0.08
    elasticity: float = Field(1.5, ge=0, le=6)
    elasticity_spread: Spread = 0.3
    #: Share of four-week slots with a promotion of an item, its days, discounts and uplift beyond the price.
    promotions: Share = 0.25
    promotion_days: int = Field(7, ge=1, le=14)
    discounts: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.1, 0.2, 0.3)
    uplift: float = Field(0.2, ge=0, le=3)
    dip: Annotated[float, Field(ge=0, lt=1)] = 0.2
    dip_days: int = Field(7, ge=1, le=14)
    cannibalisation: Annotated[float, Field(ge=0, lt=1)] = 0.15

    @model_validator(mode="after")
    def _some(self) -> Pricing:
        if not self.discounts:
            raise ValueError("discounts is empty")
        return self


class Factor(_Section):
    """A hidden log-normal factor that wanders: AR(1) with standard deviation ``std`` of the logarithm and ``memory`` from day to day."""

    std: Annotated[float, Field(ge=0, le=2)] = 0.1
    memory: Annotated[float, Field(ge=0, lt=1)] = 0.5


class Randomness(_Section):
    """What can't be foreseen."""

    item: Factor = Factor()
    category: Factor = Factor()
    location: Factor = Factor()
    line: Factor = Factor()
    #: Size r of the negative binomial (variance m + m^2 / r): median over items, and spread of the logarithm.
    size: float = Field(20, gt=0.05, le=1000)
    size_spread: Spread = 0.3
    intermittent: Share = 0.1
    #: Days with demand of an intermittent line: a share between these.
    occurs: tuple[Share, Share] = (0.1, 0.5)
    bursty: Share = 0.05
    burst_begins: Share = 0.02
    burst_ends: Annotated[float, Field(gt=0, le=1)] = 0.2
    burst: float = Field(4, ge=1, le=20)


class Channels(_Section):
    """A second channel on the same stock: pick-up at stores, a marketplace at online sites."""

    stores: Share = 0.5
    share: tuple[Annotated[float, Field(ge=0, le=0.9)], Annotated[float, Field(ge=0, le=0.9)]] = (0.05, 0.3)


def _weekdays(text: str) -> str:
    if text and not set(text.split(",")) <= set(WEEKDAYS):
        raise ValueError(f"{text!r} is not a list of weekdays like 'mon,thu'")
    return text


Lead = Annotated[int, Field(ge=0, le=100)]
OrderDays = Annotated[str, AfterValidator(_weekdays)]


class Supply(_Section):
    """Lanes, packs, shelf lives, and what can go wrong."""

    store_lead: tuple[Lead, ...] = (1, 1, 1, 2)
    store_lead_std: float = Field(0, ge=0, le=10)
    supplier_lead: tuple[Lead, ...] = (2, 3, 4, 5)
    supplier_lead_std: float = Field(0.5, ge=0, le=10)
    #: Patterns of order days, drawn for each lane ("": every day).
    store_order_days: tuple[OrderDays, ...] = ("", "", "mon,wed,fri,sun")
    supplier_order_days: tuple[OrderDays, ...] = ("", "mon,wed,fri", "mon,thu")
    #: A pack is nearest to the item's median demand of so many days (1, 2, 4, 6, 12, 24 or 48 units); a case of the centre's is 5 packs.
    pack_days: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.3, 2.0)
    fresh: Share = 0.5
    life: tuple[Annotated[int, Field(ge=1, le=365)], Annotated[int, Field(ge=1, le=365)]] = (3, 14)
    #: Which units of goods that spoil shoppers take in stores.
    issuing: Literal["fifo", "lifo"] = "fifo"
    #: Share of supplier order lines of which a part is not delivered.
    shortages: Share = 0.03
    #: Most units that a centre ships a day, over its mean; 0: no limit.
    outbound: float = Field(0, ge=0)
    order_cost: float = Field(0, ge=0)
    min_order_value: float = Field(0, ge=0)
    margin: Annotated[float, Field(gt=0, lt=0.8)] = 0.35

    @model_validator(mode="after")
    def _ranges(self) -> Supply:
        for name in ("store_lead", "supplier_lead", "store_order_days", "supplier_order_days"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty")
        for name in ("life", "pack_days"):
            if getattr(self, name)[0] > getattr(self, name)[1]:
                raise ValueError(f"{name} must be from its smaller to its larger number")
        return self


class Usual(_Section):
    """How the world orders for itself: up to a trailing mean over lead time and review plus z deviations of a Poisson demand.

    Centres order for ``centre_days`` more: what stores draw from them is lumpier than Poisson.
    """

    days: int = Field(28, ge=2)
    z_mean: float = 1.0
    z_spread: Spread = 1.0
    centre_days: float = Field(2, ge=0, le=60)


class Files(_Section):
    """What drops hold."""

    format: Literal["parquet", "csv"] = "parquet"
    ahead_days: int = Field(35, ge=1, le=366)
    weather_days: int = Field(7, ge=0, le=30)
    weather_error: Spread = 1.0
    #: Days between two counts of all stock in the history; the last one is always there.
    inventory_every: int = Field(1, ge=1)


class WorldConfig(_Section):
    """All settings of a world."""

    preset: Literal["calm", "retail", "hard"] | None = None
    seed: int = Field(1, ge=0, lt=2**31)
    #: Effects that are switched off.
    off: tuple[Effect, ...] = ()
    span: Span = Span()
    size: Size = Size()
    level: Level = Level()
    course: Course = Course()
    events: tuple[Event, ...] = ()
    pricing: Pricing = Pricing()
    randomness: Randomness = Randomness()
    channels: Channels = Channels()
    supply: Supply = Supply()
    usual: Usual = Usual()
    files: Files = Files()

    @model_validator(mode="after")
    def _open(self) -> WorldConfig:
        if sum(event.closed for event in self.events) > MOST_CLOSED:
            raise ValueError(f"events: more than {MOST_CLOSED} closed days a year")
        return self

    def has(self, effect: Effect) -> bool:
        """Whether an effect is switched on."""
        return effect not in self.off


def load(path: str | Path) -> WorldConfig:
    """Read a world's TOML file, or a preset by its name. Raises UsageError with one line a mistake, naming the key."""
    named = PRESETS / f"{path}.toml"
    if named.is_file() and not Path(path).exists():
        return parse({"preset": str(path), **_read(named)}, str(path))
    return parse(_read(Path(path)), str(path))


def parse(values: dict[str, Any], name: str = "the world") -> WorldConfig:
    """The same from a dict."""
    preset = values.get("preset")
    base = _read(PRESETS / f"{preset}.toml") if isinstance(preset, str) and (PRESETS / f"{preset}.toml").is_file() else {}
    try:
        return WorldConfig.model_validate(_merged(base, values))
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        raise UsageError("\n".join([f"{name} has settings that can't be used:", *lines])) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"no configuration file {path}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from None


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(base[key], over[key])
        for key in base.keys() & over.keys()
        if isinstance(base[key], dict) and isinstance(over[key], dict)
    }
    return base | over | both
