"""A world from night to night: balances to the unit, the same draws for every policy, saved and gone on with."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from jobs.simulate.world import State, World, parse
from jobs.simulate.world.config import EFFECTS
from tests.jobs.simulate.world.worlds import SIZE, nights, world


@pytest.fixture(scope="module")
def made() -> World:
    return world(*EFFECTS, supply={"outbound": 1.2, "store_lead": [0, 1, 2], "shortages": 0.1})


def test_units_balance_every_night(made: World) -> None:
    state, accepted, received = made.start(), 0, 0
    for _ in range(60):
        before = state
        state, night = made.advance(state, made.usual_orders(state))
        moves, shelf = night.moves, state.goods.stock
        assert (moves.opening == before.on_hand).all()
        assert (moves.opening + moves.received - moves.shipped - moves.sold - moves.wasted == moves.closing).all()
        assert (moves.closing >= 0).all()
        assert (moves.closing[shelf.fresh] == shelf.batches.sum(axis=1)).all()
        assert (night.sold <= night.demand).all()
        assert (moves.ordered <= night.asked).all()
        accepted, received = accepted + moves.ordered, received + moves.received
        assert (accepted == received + state.goods.in_transit).all()
    fed = made.rows.supplied_by >= 0
    assert np.asarray(accepted)[fed].sum() > 0


def test_every_policy_meets_the_same_demand_and_lead_times(made: World) -> None:
    usual, nothing = made.start(), made.start()
    foreseen = made.foresight(usual, 25)
    twice = np.zeros(len(made.rows), np.int64)
    for day in range(25):
        usual, one = made.advance(usual, made.usual_orders(usual))
        nothing, other = made.advance(nothing, twice)
        assert (one.demand == other.demand).all()
        assert (one.demand == foreseen[:, :, day]).all()
        assert (usual.latest == nothing.latest).all()
    assert (one.moves.closing != other.moves.closing).any()


def test_advancing_leaves_the_old_state_as_it_was(made: World) -> None:
    state, _ = nights(made, 10)
    copies = {f.name: np.copy(getattr(state.goods.stock, f.name)) for f in fields(state.goods.stock)}
    transit = np.copy(state.transit.units)
    made.advance(state, made.usual_orders(state))
    assert all((copies[name] == getattr(state.goods.stock, name)).all() for name in copies)
    assert (transit == state.transit.units).all()


def test_a_saved_state_goes_on_to_the_same_nights(made: World, tmp_path: Path) -> None:
    state, _ = nights(made, 12)
    state.save(tmp_path / "state.npz")
    loaded = State.load(tmp_path / "state.npz")
    assert loaded.day == state.day
    _, one = made.advance(state, made.usual_orders(state))
    _, other = made.advance(loaded, made.usual_orders(loaded))
    assert (one.moves.closing == other.moves.closing).all()
    assert (one.receipts.units == other.receipts.units).all()


def test_seeds_differ_and_the_same_seed_does_not() -> None:
    settings = {"size": SIZE}
    one, same, other = (World(parse({**settings, "seed": seed})) for seed in (1, 1, 2))
    assert (one.foresight(one.start(), 5) == same.foresight(same.start(), 5)).all()
    assert (one.foresight(one.start(), 5) != other.foresight(other.start(), 5)).any()


def test_orders_of_a_table_are_added_up_by_row(made: World) -> None:
    items, places = made.rows.item_id[[0, 0, 61]].tolist(), made.rows.location_id[[0, 0, 61]].tolist()
    orders = made.orders_of(pa.table({"item_id": items, "location_id": places, "units": pa.array([1, 2, 4]).cast(pa.decimal128(23, 4))}))
    assert orders[[0, 61]].tolist() == [3, 4]
    assert orders.sum() == 7
    with pytest.raises(ValueError, match="no item nobody"):
        made.orders_of(pa.table({"item_id": ["nobody"], "location_id": places[:1], "units": [1.0]}))


def test_wrong_orders_are_refused(made: World) -> None:
    with pytest.raises(ValueError, match="numbers of at least 0"):
        made.advance(made.start(), np.full(len(made.rows), -1))
    with pytest.raises(ValueError, match="numbers of at least 0"):
        made.advance(made.start(), np.zeros(3, np.int64))


def test_without_centres_suppliers_deliver_to_stores() -> None:
    made = world(size={**SIZE, "dcs": 0})
    assert len(made.rows) == made.lines
    _, found = nights(made, 20)
    assert sum(night.moves.received.sum() for night in found) > 0


@pytest.mark.parametrize("lines", [20, 21, 72])
def test_a_world_has_the_lines_asked_for_each_once(lines: int) -> None:
    made = world(size={**SIZE, "lines": lines})
    pairs = set(zip(made.rows.item[:lines].tolist(), made.rows.location[:lines].tolist(), strict=True))
    assert made.lines == len(pairs) == lines


def test_paths_are_drawn_where_no_line_bursts() -> None:
    made = world("dependence", "wander", "bursts", randomness={"bursty": 0})
    assert made.paths(made.start(), 3, 5, 1).shape == (made.lines, 3, 5)
