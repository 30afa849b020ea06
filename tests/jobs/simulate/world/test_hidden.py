"""What is hidden and drawn: moments of demand against the law, dependence, and the oracle's paths and means."""

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.simulate.world import World
from jobs.simulate.world.hidden import Keyed
from tests.jobs.simulate.world.worlds import FIRST, demand, world

DAY = FIRST.toordinal()
QUIET = {name: {"std": 0, "memory": 0} for name in ("item", "category", "location", "line")}
SAME = {"item": 0, "location": 0, "line": 0}


def scores(made: World, days: int) -> dict[str, NDArray[np.float64]]:
    """[days, n] of each factor's scores."""
    state, found = made.start().hidden, []
    for day in range(days):
        state = made.randomness.step(state, Keyed(DAY + day))
        found.append(state)
    return {name: np.stack([getattr(one, name) for one in found]) for name in ("item", "category", "location", "line", "bursting")}


def test_without_randomness_demand_is_poisson() -> None:
    units = demand(world(level={"median": 5} | SAME), 300)
    assert units.mean() == pytest.approx(5, rel=0.02)
    assert (units.var(axis=1) / units.mean(axis=1)).mean() == pytest.approx(1, abs=0.03)


def test_dispersion_is_a_negative_binomials() -> None:
    made = world("dispersion", level={"median": 6} | SAME, randomness={"size": 4, "size_spread": 0})
    units = demand(made, 400)
    assert units.mean() == pytest.approx(6, rel=0.02)
    assert units.var(axis=1).mean() == pytest.approx(6 + 36 / 4, rel=0.05)


def test_intermittent_lines_keep_their_mean_and_have_the_days_without_demand() -> None:
    made = world("intermittency", level={"median": 10} | SAME, randomness={"intermittent": 1, "occurs": [0.3, 0.3]})
    units = demand(made, 400)
    assert units.mean() == pytest.approx(10, rel=0.03)
    assert (units == 0).mean() == pytest.approx(0.7, abs=0.01)


def test_bursts_come_and_last_as_the_chain_says_and_leave_the_mean() -> None:
    made = world("bursts", level={"median": 10} | SAME, randomness={"bursty": 1, "burst_begins": 0.05, "burst_ends": 0.25, "burst": 5})
    on = scores(made, 500)["bursting"]
    assert on.mean() == pytest.approx(0.05 / 0.3, abs=0.01)
    assert (~on[1:] & on[:-1]).sum() / on[:-1].sum() == pytest.approx(0.25, abs=0.02)
    assert demand(made, 500).mean() == pytest.approx(10, rel=0.04)


def test_factors_wander_with_their_memory_and_variance_one() -> None:
    made = world("wander", randomness={"line": {"std": 0.3, "memory": 0.8}})
    line = scores(made, 500)["line"]
    assert line.std() == pytest.approx(1, abs=0.04)
    assert np.mean(line[1:] * line[:-1]) == pytest.approx(0.8, abs=0.03)
    assert np.corrcoef(line.T)[0, 1:].mean() == pytest.approx(0, abs=0.03)


def test_stores_of_an_item_move_together_as_its_factor_says() -> None:
    made = world("dependence", level={"median": 30} | SAME, randomness=QUIET | {"item": {"std": 0.3, "memory": 0.5}})
    units, item = demand(made, 400), made.rows.item[: made.lines]
    correlation = np.corrcoef(units)
    same = (item[:, None] == item) & ~np.eye(made.lines, dtype=bool)
    # Log-normal factor: its variance is exp(s^2) - 1, beside the Poisson's 1 / mean.
    shared = np.exp(0.3**2) - 1
    assert correlation[same].mean() == pytest.approx(shared / (shared + 1 / 30), abs=0.03)
    assert correlation[item[:, None] != item].mean() == pytest.approx(0, abs=0.02)


def test_items_of_a_store_move_together_as_its_factor_says() -> None:
    made = world("dependence", level={"median": 30} | SAME, randomness=QUIET | {"location": {"std": 0.3, "memory": 0}})
    place = made.rows.location[: made.lines]
    correlation = np.corrcoef(demand(made, 400))
    shared = np.exp(0.3**2) - 1
    assert correlation[(place[:, None] == place) & ~np.eye(made.lines, dtype=bool)].mean() == pytest.approx(
        shared / (shared + 1 / 30), abs=0.04
    )
    assert correlation[place[:, None] != place].mean() == pytest.approx(0, abs=0.03)


def test_both_channels_share_what_is_hidden() -> None:
    channels = {"stores": 1, "share": [0.5, 0.5]}
    made = world("second_channel", "dispersion", level={"median": 20} | SAME, randomness={"size": 2, "size_spread": 0}, channels=channels)
    units = made.foresight(made.start(), 300)
    found = np.mean([np.corrcoef(units[line])[0, 1] for line in range(made.lines)])
    # Two halves of a gamma-Poisson: covariance m^2 / 4r, variance m / 2 + m^2 / 4r.
    assert found == pytest.approx((400 / 8) / (10 + 400 / 8), abs=0.03)


ALIVE = ("weekday", "dependence", "wander", "bursts", "intermittency", "dispersion", "second_channel")
RANDOM = {"item": {"std": 0.4, "memory": 0.9}, "line": {"std": 0.3, "memory": 0.8}, "bursty": 0.5, "intermittent": 0.3, "size": 3}


def test_paths_have_the_conditional_mean_and_know_the_hidden_state() -> None:
    made = world(*ALIVE, randomness=RANDOM)
    state = made.start()
    paths = made.paths(state, 6, 1500, seed=5)
    mean = made.mean_ahead(state, 6).sum(axis=1)
    error = paths.std(axis=2) / np.sqrt(paths.shape[2])
    assert (np.abs(paths.mean(axis=2) - mean) < 5 * error).all()
    plain = np.stack([made.law.mean(DAY + day).sum(axis=1) for day in range(6)], axis=1)
    assert np.abs(mean / plain - 1)[:, 0].max() > 0.3
    assert np.abs(mean / plain - 1)[:, 5].mean() < np.abs(mean / plain - 1)[:, 0].mean()
    assert (paths == made.paths(state, 6, 1500, seed=5)).all()
    assert (paths != made.paths(state, 6, 1500, seed=6)).any()


def test_the_real_draw_is_one_of_the_paths_worlds() -> None:
    """Ranks of what happens among the paths are uniform: the oracle's law is the world's."""
    made = world(*ALIVE, randomness=RANDOM)
    state, ranks = made.start(), []
    generator = np.random.default_rng(0)
    for day in range(15):
        paths = made.paths(state, 1, 99, seed=day)[:, 0]
        state, night = made.advance(state, made.usual_orders(state))
        real = night.demand.sum(axis=1)[:, None]
        below, equal = (paths < real).sum(axis=1), (paths == real).sum(axis=1)
        ranks.append((below + generator.random(made.lines) * (equal + 1)) / 100)
    found = np.concatenate(ranks)
    counts = np.histogram(found, bins=10, range=(0, 1))[0] / len(found)
    # Lines of a day depend on each other, so that shares scatter more than 900 free ranks would.
    assert counts == pytest.approx(0.1, abs=0.05)
    assert found.mean() == pytest.approx(0.5, abs=0.06)
