"""The world's own orders: up to the base stock, on order days, in packs; and the trailing mean they go by."""

import numpy as np

from tests.jobs.simulate.world.worlds import FIRST, nights, world


def test_orders_fill_up_to_the_base_stock_in_packs_on_order_days() -> None:
    made = world(supply={"store_order_days": ["mon,thu"], "supplier_order_days": [""], "store_lead": [1]})
    state, _ = nights(made, 10)  # the morning of a Thursday
    assert (FIRST.weekday(), state.day.weekday()) == (0, 3)
    orders = made.usual_orders(state)
    wanted = made.usual.base_stock(state.rate) - state.on_hand - state.transit.by_row(len(made.rows))
    for row in range(len(made.rows)):
        packs = max(int(wanted[row] / made.rows.multiple[row] + 0.5), 0)
        assert orders[row] == packs * made.rows.multiple[row]
    assert orders[: made.lines].sum() > 0
    friday, _ = made.advance(state, orders)
    assert made.usual_orders(friday)[: made.lines].sum() == 0


def test_the_mean_learns_from_days_in_stock_and_from_more_than_it_expected() -> None:
    made = world()
    before = np.full(len(made.rows), 10.0)
    sold, in_stock = np.zeros(len(made.rows), np.int64), np.ones(made.lines)
    sold[:4], in_stock[:4] = [25, 4, 25, 4], [1, 1, 0.5, 0.5]
    after = made.usual.rate(before, sold, in_stock)
    weight = 2 / (made.config.usual.days + 1)
    assert after[:4].tolist() == [10 + 15 * weight, 10 - 6 * weight, 10 + 15 * weight, 10]
    centre = made.rows.supplied_by[: made.lines]
    assert np.allclose(after[made.lines :], np.bincount(centre, after[: made.lines], len(made.rows))[made.lines :])


def test_nothing_is_ordered_that_is_not_sold_when_it_comes() -> None:
    made = world("life", course={"new": 0.5, "ending": 0.5})
    state = made.start()
    for _ in range(150):
        orders, day = made.usual_orders(state), state.day.toordinal()
        row = np.flatnonzero(orders)
        arrives = day + made.rows.lead[row]
        assert ((made.rows.active_from[row] <= arrives) & (arrives <= made.rows.active_to[row])).all()
        state, _ = made.advance(state, orders)
