"""The law of mean demand: what is known of a day before it comes. docs/world.md states each formula and links to its function here.

Every function gives a factor for a day (an ordinal); ``Law.mean`` multiplies them. A factor whose effect is off is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import i0

from jobs.simulate.world import draws, events, prices, weather

if TYPE_CHECKING:
    from jobs.simulate.world.config import WorldConfig
    from jobs.simulate.world.draws import Floats, Ints
    from jobs.simulate.world.network import Network

#: Days after which a new item has come two thirds of its way from START to 1, and days over which an ending one goes down to END.
RAMP_DAYS, START, FADE_DAYS, END = 14, 0.3, 28, 0.3


@dataclass(frozen=True)
class Law:
    """Parameters of mean demand.

    trend       [items] growth of the logarithm a year
    weekday     [categories, locations, 7] factors, mean 1 over a week
    swing, peak [categories] amplitude of the year's logarithm, day of its peak
    lifts       [events, categories] logarithm of an event's lift
    warm, wet   [categories], [locations] answer to 10 degrees more; to rain
    elasticity, uplift, dip [items]
    """

    config: WorldConfig
    network: Network
    calendar: events.Calendar
    trend: Floats
    weekday: Floats
    swing: Floats
    peak: Floats
    lifts: Floats
    warm: Floats
    wet: Floats
    weather_key: Ints
    elasticity: Floats
    uplift: Floats
    dip: Floats

    def mean(self, day: int) -> Floats:
        """[lines, 2] mean demand of a day by channel, before what is hidden: level x all factors, 0 where closed or not sold."""
        rows, lines, items = self.network.rows, self.network.lines, self.network.items
        item, place = rows.item[:lines], rows.location[:lines]
        today = prices.of(self.config, items, day)
        of_item = self.trend_factor(day) * self.life_factor(day) * self.price_factor(today) * self.promotion_factor(today)
        of_item *= self.cannibalisation_factor(today)
        of_category = self.year_factor(day) * self.event_factor(day)
        factor = of_item[item] * of_category[items.category[item]] * self.weekday[items.category[item], place, (day - 1) % 7]
        total = rows.level[:lines] * factor * self.weather_factor(day)
        if self.calendar.closed(day):
            total = np.zeros_like(total)
        share = self.network.share
        return np.stack([total * (1 - share), total * share], axis=1)

    def trend_factor(self, day: int) -> Floats:
        """[items] exp(g (day - first) / 365.25)."""
        return np.exp(self.trend * (day - self.config.span.first.toordinal()) / 365.25)

    def year_factor(self, day: int) -> Floats:
        """[categories] exp(A cos(2 pi (day of year - peak) / 365.25)) / I0(A): mean 1 over a year."""
        angle = 2 * np.pi * (weather.day_of_year(day) - self.peak) / 365.25
        return np.asarray(np.exp(self.swing * np.cos(angle)) / i0(self.swing))

    def event_factor(self, day: int) -> Floats:
        """[categories] exp(sum over events of lift x profile of the days about it)."""
        total = np.zeros(self.lifts.shape[1])
        for event, weight in self.calendar.around(day).items():
            total += weight * self.lifts[event]
        return np.exp(total)

    def weather_factor(self, day: int) -> Floats:
        """[lines] exp(warm x degrees above the usual / 10 + wet x (1 if it rains))."""
        rows, lines = self.network.rows, self.network.lines
        item, place = rows.item[:lines], rows.location[:lines]
        if not self.config.has("weather"):
            return np.ones(lines)
        region = self.network.places.region[place]
        warmer = weather.anomaly(self.weather_key, day)[region] / 10
        rains = weather.rain(self.weather_key, day)[region] > 0
        return np.exp(self.warm[self.network.items.category[item]] * warmer + self.wet[place] * rains)

    def price_factor(self, today: prices.Day) -> Floats:
        """[items] (price / list price)^-elasticity."""
        return today.ratio**-self.elasticity

    def promotion_factor(self, today: prices.Day) -> Floats:
        """[items] exp(uplift) on promoted days; after them 1 - dip (1 - days since / dip_days)."""
        days = self.config.pricing.dip_days
        after = np.where(today.since < days, 1 - self.dip * (1 - today.since / days), 1.0)
        return np.where(today.promoted, np.exp(self.uplift), after)

    def cannibalisation_factor(self, today: prices.Day) -> Floats:
        """[items] 1 - cannibalisation x share of the other items of its category that are promoted, for items that are not."""
        strength = self.config.pricing.cannibalisation if self.config.has("cannibalisation") else 0.0
        category = self.network.items.category
        promoted = np.bincount(category, today.promoted, self.config.size.categories)[category]
        others = np.maximum(np.bincount(category, minlength=self.config.size.categories)[category] - 1, 1)
        return np.where(today.promoted, 1.0, 1 - strength * promoted / others)

    def life_factor(self, day: int) -> Floats:
        """[items] new: 1 - (1 - START) exp(-age / RAMP_DAYS); ending: linear to END over FADE_DAYS; 0 when not sold."""
        items = self.network.items
        grown = 1 - (1 - START) * np.exp(-np.maximum(day - items.active_from, 0) / RAMP_DAYS)
        left = np.clip((items.active_to - day) / FADE_DAYS, 0, 1)
        sold = (items.active_from <= day) & (day <= items.active_to)
        return np.where(sold, grown * (END + (1 - END) * left), 0.0)


def of(config: WorldConfig, network: Network) -> Law:
    """Draw a world's parameters; those of effects that are off are 0."""
    seed, course, pricing = config.seed, config.course, config.pricing
    item, category = np.arange(config.size.items, dtype=np.int64), np.arange(config.size.categories, dtype=np.int64)
    place = np.arange(len(network.places.location_id), dtype=np.int64)
    calendar = events.of(config)
    event, of_event = np.meshgrid(np.arange(len(calendar.events)), category, indexing="ij")
    lift = course.event_mean + course.event_spread * draws.score(seed, "event", event.ravel(), of_event.ravel()).reshape(event.shape)
    sells_online = network.places.kind == "online"
    spread = pricing.elasticity_spread * draws.score(seed, "elasticity", item)
    return Law(
        config=config, network=network, calendar=calendar, lifts=lift,
        trend=config.has("trend") * (course.trend_mean + course.trend_spread * draws.score(seed, "trend", item)),
        weekday=_weekdays(config, network),
        swing=config.has("year") * np.abs(course.year * draws.score(seed, "year", category)),
        peak=365.25 * draws.attribute(seed, "peak", category),
        warm=course.temperature * draws.score(seed, "warm", category),
        # Rain keeps people out of stores and sends some of them online.
        wet=np.where(sells_online, 1, -1) * course.rain * np.abs(draws.score(seed, "wet", place)),
        weather_key=weather.keys(seed, config.size.regions),
        elasticity=config.has("price") * np.minimum(pricing.elasticity * np.exp(spread), 2 * pricing.elasticity),
        uplift=config.has("promotion") * pricing.uplift * 2 * draws.attribute(seed, "uplift", item),
        dip=np.minimum(config.has("dip") * pricing.dip * 2 * draws.attribute(seed, "dip", item), 0.95),
    )  # fmt: skip


def _weekdays(config: WorldConfig, network: Network) -> Floats:
    """Factors exp(shape + category's + location's), divided by their mean over the week."""
    course, places = config.course, len(network.places.location_id)
    shape = (config.size.categories, places, 7)
    if not config.has("weekday"):
        return np.ones(shape)
    category, of_category = (part.ravel() for part in np.meshgrid(np.arange(shape[0]), np.arange(7), indexing="ij"))
    place, of_place = (part.ravel() for part in np.meshgrid(np.arange(places), np.arange(7), indexing="ij"))
    by_category = course.weekday_category * draws.score(config.seed, "weekday category", category, of_category).reshape(-1, 7)
    by_place = course.weekday_location * draws.score(config.seed, "weekday location", place, of_place).reshape(-1, 7)
    factor = np.exp(np.asarray(course.weekday) + by_category[:, None] + by_place[None])
    return np.asarray(factor / factor.mean(axis=2, keepdims=True))
