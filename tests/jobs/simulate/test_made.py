"""Nights against a made-up world: every policy meets the same, books balance, a night sees what would land, brackets bracket."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from jobs.errors import UsageError
from jobs.lake import Lake
from jobs.run import main as nightfill
from jobs.simulate import job, measures, running
from jobs.simulate.lawful import Lawful
from jobs.simulate.replay import Run
from jobs.simulate.world import WorldConfig
from jobs.simulate.world.feeds import Feeds
from schemas import SIMULATIONS
from tests.jobs.simulate import small
from tests.jobs.simulate.tiny import CONFIG, FIRST, LAST, NIGHTS, SIZE, lake_of, made, run_of

UNIT = 10_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[WorldConfig, Lake]:
    config = made()
    return config, lake_of(tmp_path_factory.mktemp("tiny"), config)


@pytest.fixture(scope="module")
def runs(world) -> dict[str, Run]:
    config, lake = world
    found = {policy: run_of(lake, config, policy) for policy in ("stochastic", "oracle")}
    for run in found.values():
        for _ in range(NIGHTS):
            run.step()
    return found


def test_every_policy_meets_the_same_demand_and_lead_times(world, runs) -> None:
    one, other = runs["stochastic"].progress, runs["oracle"].progress
    foreseen = Lawful(world[0], FIRST)
    places = runs["oracle"].places
    wanted = np.stack([places.sums(foreseen.wanted(night)) for night in range(NIGHTS)])
    assert (one.books.units["wanted"] == wanted).all()
    assert (other.books.units["wanted"] == wanted).all()
    assert (one.state.world.latest == other.state.world.latest).all()
    assert (one.books.units["ordered"] != other.books.units["ordered"]).any()
    assert wanted.sum() > 0


def test_books_balance_to_the_unit_and_whatever_is_wasted_or_refused(runs) -> None:
    for run in runs.values():
        at = run.progress
        assert at.books.imbalance(at.begun, at.state) == 0
        assert at.books.units["wasted"].sum() > 0
        assert all((values % UNIT == 0).all() for values in at.books.units.values())
    assert runs["stochastic"].progress.counts["refused_units"] > 0


def test_a_night_sees_what_the_drop_of_its_morning_says(world) -> None:
    """Stock and open orders are the drop's rows; prices and weather are known as far ahead as it knows them."""
    config, lake = world
    run, night, after = run_of(lake, config, "stochastic"), None, None
    advance = run.ground.world.advance

    def keeping(state, orders, **more):
        nonlocal night, after
        after, night = advance(state, orders, **more)
        return after, night

    run.ground.world.advance = keeping
    for _ in range(3):
        run.step()
    day = FIRST + timedelta(days=3)
    drop, seen = Feeds(run.ground.world).drop(after, night), run.seen(day)
    for name, feed, key in (
        ("stock", "inventory", ["item_id", "location_id", "as_of", "on_hand", "expires_on"]),
        ("inbound", "open_orders", ["order_id", "item_id", "source_id", "location_id", "units", "ordered_on", "expected_on"]),
    ):
        rows = seen.arrow_as_of(f"silver/{name}", day).select(key)
        assert pl.DataFrame(pl.from_arrow(rows)).equals(pl.DataFrame(pl.from_arrow(drop[feed].select(key).cast(rows.schema))))
        assert rows.num_rows > 0
    prices = pl.DataFrame(pl.from_arrow(seen.arrow_as_of("silver/prices", day)))
    assert prices["date"].max() <= day + timedelta(days=config.files.ahead_days - 1)
    weather = pl.DataFrame(pl.from_arrow(seen.arrow_as_of("silver/signals", day)))
    assert weather["date"].max() == day + timedelta(days=config.files.weather_days - 1)
    key = ["region", "date", "name"]
    assert not weather.select(key).is_duplicated().any(), "one row of a day is known, the newest"
    newest = weather.join(pl.DataFrame(pl.from_arrow(drop["signals"])), on=key, suffix="_drop")
    assert len(newest) == drop["signals"].num_rows
    assert (newest["value"] == newest["value_drop"]).all()
    sold = pl.DataFrame(pl.from_arrow(run.progress.known)).filter(pl.col("period") == day - timedelta(days=1), pl.col("units") > 0)
    landed = pl.DataFrame(pl.from_arrow(drop["sales"])).rename({"units": "landed"})
    both = sold.join(landed, on=["item_id", "location_id", "channel"])
    assert len(both) == len(landed) == len(sold) > 0
    assert (both["units"] == both["landed"]).all()
    assert (both["price"] == both["unit_price"].cast(pl.Decimal(18, 4))).all()


def test_paths_of_the_oracle_have_the_mean_of_the_law(world) -> None:
    market = Lawful(world[0], FIRST)
    count, steps = 4000, 5
    units, means = market.paths(2, steps, count, 7), market.means(2, steps)
    lines = market.world.lines
    by_line = [np.zeros((lines, steps)) for _ in range(3)]
    for total, of_series in zip(by_line, (units.mean(axis=2), means, units.var(axis=2)), strict=True):
        np.add.at(total, market.line, of_series)
    found, expected, variance = by_line
    assert (np.abs(found - expected) < 5 * np.sqrt(variance / count) + 1e-9).all()
    assert expected.sum() > 0
    assert (units[market.part > 0] == 0).all()


def test_with_nothing_else_uncertain_knowing_more_costs_no_more(tmp_path: Path) -> None:
    """Poisson demand from suppliers that never fail and deliver at once: perfect foresight costs less than the law, its law less
    than a mean of the past.
    """
    from jobs.simulate.world.config import EFFECTS

    supply = {"supplier_lead": [0], "supplier_order_days": [""]}
    config = made(preset="calm", off=EFFECTS, size={**SIZE, "dcs": 0}, level={"median": 4}, supply=supply)
    lake, cost = lake_of(tmp_path, config), {}
    for policy in ("perfect", "oracle", "base_stock"):
        run = run_of(lake, config, policy)
        for _ in range(NIGHTS):
            run.step()
        cost[policy] = running.outcome(run, run.given.base, policy, "latent", 1).total
        assert run.progress.counts["refused_units"] == 0
    assert cost["perfect"] < cost["oracle"] < cost["base_stock"]


def test_a_simulation_goes_on_after_a_kill_to_the_same_and_is_kept_with_shares_of_the_way(world, runs, tmp_path: Path, monkeypatch) -> None:
    config, lake = world
    step, nights = Run.step, []

    def killed(run: Run) -> None:
        if len(nights) == NIGHTS + 8:
            raise KeyboardInterrupt
        nights.append(run.progress.done)
        step(run)

    monkeypatch.setattr(Run, "step", killed)
    modes = ("oracle", "base_stock")
    with pytest.raises(KeyboardInterrupt):
        job.main(lake, CONFIG, FIRST, LAST, modes, None, config)
    monkeypatch.setattr(Run, "step", lambda run: (nights.append(run.progress.done), step(run))[1])
    said = job.main(lake, CONFIG, FIRST, LAST, modes, str(tmp_path / "page.html"), config)
    # stochastic was done, oracle went on after its sixth night.
    assert nights[NIGHTS + 8 :] == [*range(6, NIGHTS), *range(NIGHTS)]
    rows = {row["policy"]: row for row in lake.arrow(SIMULATIONS.path).to_pylist() if row["segment"] == "*"}
    assert list(rows) == ["stochastic", *modes]
    assert {row["demand"] for row in rows.values()} == {"latent"}
    for policy, run in runs.items():
        # As of runs that were never killed.
        assert rows[policy]["total_cost"] == pytest.approx(running.outcome(run, run.given.base, policy, "latent", 1).total, rel=1e-12)
        assert rows[policy]["wasted"] == run.progress.books.units["wasted"][run.given.span.counted].sum() / UNIT
    base, oracle = rows["base_stock"]["total_cost"], rows["oracle"]["total_cost"]
    for row in rows.values():
        expected = (base - row["total_cost"]) / (base - oracle) if base > oracle else None
        assert row["share_of_way"] == (pytest.approx(expected) if expected is not None else None)
    assert ("of the way" in said) == (base > oracle)
    assert "latent demand" in (tmp_path / "page.html").read_text()


def test_a_mode_asked_for_later_stands_beside_the_earlier_ones(world) -> None:
    config, lake = world
    found = []
    for modes in (("oracle", "base_stock"), ("law",)):
        job.main(lake, CONFIG, FIRST, LAST, modes, None, config)
        found.append({(row["policy"], row["cut"], row["segment"]): row for row in lake.arrow(SIMULATIONS.path).to_pylist()})
    first, both = found
    assert {key: both[key] for key in first} == first
    assert {policy for policy, _, _ in both} == {"stochastic", "oracle", "base_stock", "law"}
    assert (both["law", "*", "*"]["share_of_way"] is None) == (first["oracle", "*", "*"]["share_of_way"] is None)


def test_an_oracle_of_a_landings_own_sales_and_another_worlds_lake_are_refused(world, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="oracle: nobody knows the law"):
        job.main(small.chain(tmp_path), small.CONFIG, small.FIRST, small.LAST, ("oracle",))
    with pytest.raises(UsageError, match="is not this world's"):
        job.main(world[1], CONFIG, FIRST, LAST, ("base_stock",), None, made(seed=2))
    with pytest.raises(UsageError, match="has no history before"):
        Lawful(world[0], world[0].span.first)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--landing", "."], "--first and --last name the nights to simulate"),
        (["--world", "nowhere.toml"], "no configuration file nowhere.toml"),
        (["--world", "small", "--modes", "wisdom"], "there is only stochastic"),
    ],
)
def test_the_command_line_says_what_is_missing(world, given: list[str], message: str, capsys) -> None:
    assert nightfill(["simulate", "--lake", world[1].root, *given]) == 2
    assert message in capsys.readouterr().err


def test_a_world_or_a_landing_but_not_both(capsys) -> None:
    for given in ([], ["--world", "small", "--landing", "."]):
        with pytest.raises(SystemExit):
            nightfill(["simulate", "--lake", ".", *given])
        assert "--world" in capsys.readouterr().err


def test_shares_of_the_way() -> None:
    assert measures.share_of_way(80, 100, 60) == 0.5
    assert measures.share_of_way(50, 100, 60) == 1.25
    assert np.isnan(measures.share_of_way(80, 60, 100))


def test_who_knows_the_law_alone_draws_as_the_oracle_does_where_nothing_is_hidden(tmp_path: Path) -> None:
    market, steps = Lawful(made(off=["dependence", "wander", "bursts"]), FIRST), 4
    means = market.means(3, steps)
    drawn = market.likely(3, steps, 2000, 7)[market.part == 0].mean(axis=2)
    both = np.zeros((market.world.lines, steps))
    np.add.at(both, market.line, means)
    assert drawn == pytest.approx(both[market.line[market.part == 0]], rel=0.08, abs=0.1)


def test_who_knows_the_law_alone_learns_from_past_demand_only(tmp_path: Path) -> None:
    """The same belief whoever is asked first, and none of what is hidden on the night itself."""
    config = made()
    one, other = Lawful(config, FIRST), Lawful(config, FIRST)
    other._believed(5)
    assert (one.likely(2, 3, 8, 7) == other.likely(2, 3, 8, 7)).all()
    before = one._believed(2)
    hidden = one.at(2).hidden
    found = np.concatenate([hidden.item, hidden.category, hidden.location, hidden.line])
    assert not np.allclose(before.mean, found, atol=0.1)
