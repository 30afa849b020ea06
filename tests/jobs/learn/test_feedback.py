"""The controller alone: it recovers, does not overshoot or oscillate, follows, is deaf to noise, and empty shelves never pull it down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr, ndtri

from jobs.config import Feedback
from jobs.learn.feedback import STATE, corrections
from jobs.learn.levels import log_odds_of, moved
from tests.jobs.learn.loops import Loop, middle

REVIEWS = 8


@pytest.mark.parametrize(("lead", "review"), [(0, 1), (1, 1), (2, 5), (7, 7)])
def test_started_30_percent_low_it_recovers_within_8_reviews_without_overshoot(lead: int, review: int) -> None:
    acting = Loop(lead, review, lines=3000, believed=lambda _: 0.7).run(16 * review)[:, 0]
    medians = middle(0.7, acting)
    assert medians[0] == pytest.approx(0.7)
    assert medians[REVIEWS * review] > 0.95
    assert medians.max() < 1.05
    assert medians[-1] == pytest.approx(1, abs=0.05)


def test_with_a_delay_of_14_it_does_not_oscillate() -> None:
    acting = Loop(13, 1, believed=lambda _: 0.7, lines=4000).run(120)[:, 0]
    medians = middle(0.7, acting)
    assert np.diff(medians[:60]).min() > -0.02, "it climbs, apart from noise"
    assert medians[60:].max() - medians[60:].min() < 0.06


def test_a_step_is_followed_and_taken_back() -> None:
    low = range(20, 60)
    acting = Loop(believed=lambda now: 0.8 if now in low else 1.0).run(90)[:, 0]
    assert abs(acting[:20]).max() < 0.05
    assert middle(0.8, acting[32:60]).min() > 0.9
    assert middle(1.0, acting[75:]).max() < 1.05


def test_white_noise_adds_less_than_half_a_percent_of_cost() -> None:
    """A newsvendor's cost at a critical ratio of 0.9, of the level that the correction leads to against the right one."""
    acting = Loop(segments=40, lines=800).run(150)
    ratio = 0.9
    stock = np.exp(ndtri(moved(np.full(acting.shape, ratio), acting)))
    best = np.exp(ndtri(ratio))
    assert cost(stock, ratio).mean() < 1.005 * cost(np.array(best), ratio)
    assert (acting != 0).mean() < 0.2


def cost(stock: np.ndarray, ratio: float) -> np.ndarray:
    """(1 - ratio) E[(S - D)^+] + ratio E[(D - S)^+] for log-normal D of spread 1 about 1."""
    mean, z = np.exp(0.5), np.log(stock)
    lost = mean * ndtr(1 - z) - stock * ndtr(-z)
    return (1 - ratio) * (stock - mean + lost) + ratio * lost


def test_common_shocks_are_mostly_taken_for_noise() -> None:
    acting = Loop(segments=10, common=0.02).run(150)
    assert np.sqrt((acting**2).mean()) < 0.06


@pytest.mark.parametrize("stock", [0.02, 0.3, 0.7])
def test_empty_shelves_never_pull_down(stock: float) -> None:
    """The spiral: low forecasts, low stock, low sales, lower forecasts. Here stock is what little was believed."""
    right = Loop(stock=stock).run(60)[:, 0]
    assert right.min() > -0.1
    low = Loop(stock=stock, believed=lambda _: 0.8, lines=2000).run(60)[:, 0]
    assert low.min() == 0
    # Of shelves that are nearly always empty it learns slowly.
    assert low[40:].min() > (0.3 if stock > 0.1 else 0.1)
    assert low[-1] > 0.7 * low.max()


def test_no_level_moves_beyond_the_limit() -> None:
    acting = Loop(believed=lambda _: 0.4, settings=Feedback(limit=0.1)).run(30)[:, 0]
    assert acting.max() == pytest.approx(log_odds_of(0.1))
    levels = np.linspace(0.01, 0.99, 99)
    assert np.abs(moved(levels, acting.max()) - levels).max() == pytest.approx(0.1, abs=1e-4)


def test_a_segment_that_is_off_stays_so_and_its_siblings_do_not() -> None:
    acting = Loop(segments=3, believed=lambda _: 0.7, settings=Feedback(off=("store/d1",))).run(20)
    assert (acting[:, 1] == 0).all()
    assert (acting[-1, [0, 2]] > 0.3).all()
    nothing = Loop(segments=3, believed=lambda _: 0.7, settings=Feedback(off=("all",))).run(20)
    assert (nothing == 0).all()


def test_a_few_outcomes_move_their_segment_with_its_parent() -> None:
    loop = Loop(segments=200, lines=400, believed=lambda _: 0.7)
    acting = loop.run(15)[-1]
    assert acting.min() > 0.2, "two outcomes a night say little, 400 say enough"
    assert acting.std() < 0.1


def test_half_the_gain_moves_half_as_fast() -> None:
    loop = Loop(believed=lambda _: 0.7, lines=3000)
    full, half = loop.run(6)[-1, 0], replace(loop, settings=Feedback(gain=0.5)).run(6)[-1, 0]
    assert 0 < half < 0.75 * full


def test_without_outcomes_nothing_acts_and_it_says_so() -> None:
    leaves = pl.DataFrame({"all": ["all"], "kind": ["store"], "department": ["store/d"], "volume": ["store/d/A"]})
    rows = corrections(pl.DataFrame(schema=STATE), [], leaves, Feedback(), 1)
    assert rows["segment"].to_list() == ["all", "store", "store/d", "store/d/A"]
    assert rows["parent"].to_list() == [None, "all", "store", "store/d"]
    assert set(rows["why"]) == {"no_outcomes"}
    assert not rows["acts"].any()
