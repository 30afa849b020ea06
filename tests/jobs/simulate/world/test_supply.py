"""Stock and supply: batches, rationing, lead times, shortages, the outbound limit, and sales from too little."""

import numpy as np
import pytest

from jobs.simulate.goods import Stock
from jobs.simulate.world import selling, supply
from tests.jobs.simulate.world.worlds import FIRST, nights, world

DAY = FIRST.toordinal()


def test_the_oldest_batch_is_sold_first_and_what_is_left_of_it_is_thrown_away() -> None:
    life = np.array([2, 0])  # the second row never spoils
    shelf = Stock.of(np.array([5, 5]), life, age=0)
    shelf, wasted = shelf.take(np.array([1, 1])).close()
    assert wasted.tolist() == [0, 0]
    shelf = shelf.receive(np.array([3, 3]))
    assert shelf.batches.tolist() == [[4, 3]]
    shelf, wasted = shelf.take(np.array([2, 2])).close()
    assert (shelf.on_hand.tolist(), wasted.tolist(), shelf.batches.tolist()) == ([3, 5], [2, 0], [[3, 0]])


def test_batches_agree_with_a_naive_queue() -> None:
    generator, life = np.random.default_rng(3), np.array([3])
    shelf, queue = Stock.of(np.array([0]), life), [0, 0, 0]
    for _ in range(60):
        came = int(generator.integers(0, 6))
        queue[2] += came
        shelf = shelf.receive(np.array([came]))
        sold = int(min(generator.integers(0, 6), sum(queue)))
        shelf, wasted = shelf.take(np.array([sold])).close()
        for k in range(3):
            taken = min(sold, queue[k])
            queue[k] -= taken
            sold -= taken
        assert wasted[0] == queue[0]
        queue = [*queue[1:], 0]
        assert shelf.batches[0].tolist() == queue
        assert shelf.on_hand[0] == sum(queue)


def test_rationing_serves_by_priority_in_whole_packs() -> None:
    wanted, pool = np.array([6, 6, 6, 4]), np.array([0, 0, 0, 1])
    given = supply.ration(wanted, pool, np.array([10, 9]), np.array([4, 2, 6, 4]), np.array([0.9, 0.1, 0.5, 0.3]))
    # Pool 0: first the second row (6 of 10), then the third (4 left are no pack of 6); the first comes after its 6 were asked for.
    assert given.tolist() == [0, 6, 0, 4]
    assert supply.ration(np.array([6, 6]), np.array([0, 0]), np.array([11]), np.array([2, 2]), np.array([0.2, 0.1])).tolist() == [4, 6]


def test_lead_times_are_normal_rounded_and_never_overtake() -> None:
    made = world("lead_time", supply={"supplier_lead": [6], "supplier_lead_std": 1.5, "supplier_order_days": ["mon"], "store_lead": [1]})
    lanes, latest, leads = made.network.lanes, np.zeros(len(made.network.lanes.source), np.int64), []
    by_supplier = made.network.places.kind[lanes.source] == "supplier"
    for day in range(0, 7 * 600, 7):
        promised, comes, after = supply.arrivals(lanes, made.law.calendar, latest, DAY + day)
        assert (promised - DAY - day == lanes.lead).all()
        assert (comes >= latest).all()
        latest = after
        leads.append((comes - DAY - day)[by_supplier])
    found = np.concatenate(leads)
    assert found.mean() == pytest.approx(6, abs=0.12)
    # Rounding to days adds 1/12 to the variance.
    assert found.std() == pytest.approx(np.sqrt(1.5**2 + 1 / 12), rel=0.06)
    assert (found < 6).mean() == pytest.approx(0.37, abs=0.03)


def test_daily_orders_of_a_random_lane_arrive_in_the_order_of_their_days() -> None:
    made = world("lead_time", supply={"supplier_lead_std": 2.0, "supplier_order_days": [""], "shortages": 0})
    _, found = nights(made, 60)
    placed = {}
    for night in found:
        for row, ordered, arrives in zip(night.placed.row, night.placed.ordered_on, night.placed.arrives_on, strict=True):
            placed.setdefault(int(made.rows.lane[row]), {})[int(ordered)] = int(arrives)
    for lane in placed.values():
        arrivals = [lane[day] for day in sorted(lane)]
        assert arrivals == sorted(arrivals)
    assert any(night.placed.arrives_on.size and (night.placed.arrives_on != night.placed.expected_on).any() for night in found)


def test_closed_days_bring_no_delivery_and_no_sale() -> None:
    made = world("events", "lead_time", events=[{"name": "rest", "month": 1, "day": 10, "closed": True}])
    _, found = nights(made, 20)
    closed = next(night for night in found if (night.day.month, night.day.day) == (1, 10))
    assert closed.moves.received.sum() == closed.demand.sum() == 0
    assert np.isnan(closed.in_stock).all()
    assert all((night.placed.arrives_on != closed.day.toordinal()).all() for night in found)
    assert sum(night.moves.received.sum() for night in found) > 0


def test_suppliers_deliver_a_part_of_some_lines() -> None:
    made = world("shortages", supply={"shortages": 0.2})
    orders = np.where(made.rows.supplied_by < 0, 100 * made.rows.multiple, 0)
    cut = []
    for day in range(200):
        accepted = supply.accept(made.config, made.network, orders, np.zeros(len(orders), np.int64), DAY + day)
        assert (accepted % made.rows.multiple == 0).all()
        cut.append((accepted / np.maximum(orders, 1))[orders > 0])
    share = np.concatenate(cut)
    assert (share < 1).mean() == pytest.approx(0.2, abs=0.03)
    assert share[share < 1].mean() == pytest.approx(0.5, abs=0.05)


def test_a_centre_ships_no_more_than_its_limit() -> None:
    made = world("outbound", supply={"outbound": 0.5})
    limit = supply.outbound_limit(made.config, made.network)
    _, found = nights(made, 30)
    for night in found:
        fed = made.rows.supplied_by >= 0
        shipped = np.bincount(made.rows.source[fed], night.moves.ordered[fed], len(limit))
        assert (shipped <= limit).all()
    assert any((night.moves.ordered < night.asked).any() for night in found)


def test_sales_from_too_little_are_shared_and_say_how_long_the_shelf_lasted() -> None:
    n = 4000
    demand, shelf, key = np.tile([[9, 3]], (n, 1)), np.full(n, 4), np.arange(n)
    sold, in_stock = selling.sell(demand, shelf, key, DAY)
    assert (sold.sum(axis=1) == 4).all()
    assert sold[:, 0].mean() == pytest.approx(3, abs=0.05)
    # The 4th of 12 sales comes, on the mean, after 4/13 of the day's demand.
    spent = np.interp(in_stock, np.arange(15) / 14, np.concatenate([[0], selling.HOURS]))
    assert spent.mean() == pytest.approx(4 / 13, abs=0.01)
    assert in_stock.min() > 0
    assert in_stock.max() < 1


def test_an_empty_shelf_is_never_and_a_sufficient_one_always_in_stock() -> None:
    sold, in_stock = selling.sell(np.array([[2, 1], [2, 1], [0, 0]]), np.array([0, 3, 0]), np.arange(3), DAY)
    assert sold.tolist() == [[0, 0], [2, 1], [0, 0]]
    assert in_stock.tolist() == [0, 1, 0]


def test_fenced_channels_sell_from_their_own_part_and_never_more_than_from_one_stock() -> None:
    n = 4000
    demand, shelf, key, share = np.tile([[9, 3]], (n, 1)), np.full(n, 6), np.arange(n), np.full(n, 0.25)
    sold, in_stock = selling.sell_fenced(demand, shelf, share, key, DAY)
    assert sold.sum(axis=1).max() == 6
    assert sold[:, 1].mean() == pytest.approx(1.5, abs=0.05)
    quiet, open_ = selling.sell_fenced(np.array([[5, 0], [5, 0]]), np.array([6, 6]), np.array([0.5, 0.0]), np.arange(2), DAY)
    assert quiet.tolist() == [[3, 0], [5, 0]], "units of a channel that nobody wants are not for the others"
    assert open_.tolist() == [pytest.approx(open_[0]), 1.0]
    assert 0 < open_[0] < 1
    assert (in_stock < 1).all()


def test_with_all_off_supply_is_sure() -> None:
    made = world(supply={"outbound": 0.1, "shortages": 0.5, "supplier_lead_std": 2, "fresh": 1})
    _, found = nights(made, 40)
    assert all((night.placed.arrives_on == night.placed.expected_on).all() for night in found)
    assert sum(night.moves.wasted.sum() for night in found) == 0
    from_supplier = made.rows.supplied_by < 0
    assert all((night.moves.ordered[from_supplier] == night.asked[from_supplier]).all() for night in found)
    assert not np.isfinite(supply.outbound_limit(made.config, made.network)).any()


def test_what_spoils_is_wasted() -> None:
    made = world("expiry", supply={"fresh": 1, "life": [2, 3]}, usual={"z_mean": 3})
    _, found = nights(made, 40)
    assert sum(night.moves.wasted.sum() for night in found) > 0
    assert (made.rows.life >= 2).all()
