"""The books: components of cost by hand, what orders cost, the charge at the end, and that a wrong entry is seen."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from jobs.simulate import ledger
from jobs.simulate.goods import Goods, Stock, Transit, pass_night
from jobs.simulate.ledger import Ledger
from jobs.simulate.places import Rates

UNIT = 10_000


def rates(pairs: int = 1) -> Rates:
    """Holding 0.1, shortage 2, waste 1, buying 3, presentation 2."""
    return Rates(*(np.full(pairs, value) for value in (0.1, 2.0, 1.0, 3.0, 2.0)))


def one(units: float) -> np.ndarray:
    return np.array([int(units * UNIT)])


def test_three_nights_are_charged_by_hand_and_balance() -> None:
    """4 units of two days' life, 2 more arrive on night 1; wanted 3, 0, 5."""
    begun = state = Goods(Stock.of(one(4), np.array([2]), age=0), Transit.none())
    books = Ledger(3, 1)
    for night, (wanted, ordered) in enumerate([(3, 2), (0, 0), (5, 0)]):
        lines = Transit(*(np.array([x], np.int64) for x in (0, 0, ordered * UNIT, night, night + 1, night + 1)))
        placed, asked = (lines, one(0)), one(wanted)
        state, moves, _ = pass_night(state, night, lambda _, placed=placed: placed, lambda there, asked=asked: np.minimum(there, asked))
        books.enter(night, moves, one(wanted), np.array([True]), rates(), np.array([4.0 if ordered else 0.0]))
    money = {name: books.money[name][:, 0].round(9).tolist() for name in ("holding", "shortage", "presentation", "waste", "orders")}
    # Night 0 closes with 1; night 1: that one is past its day, 2 stay; night 2: 2 of 5 are sold.
    assert money["holding"] == [0.1, 0.2, 0.0]
    assert money["shortage"] == [0.0, 0.0, 6.0]
    assert money["presentation"] == [2.0, 0.0, 4.0]
    assert money["waste"] == [0.0, 1.0, 0.0]
    assert money["orders"] == [4.0, 0.0, 0.0]
    assert books.imbalance(begun, state) == 0
    books.units["sold"][1] += 7
    assert books.imbalance(begun, state) == 7


def test_an_order_is_paid_once_and_trucks_whole() -> None:
    lines = pl.DataFrame(
        {"source_id": ["DC"] * 3, "location_id": ["S1", "S1", "S2"], "worth": [30.0, 10.0, 5.0], "volume": [1.5, 1.0, 1.0]}
    )
    trucks = {"truck_volume": [2.0], "truck_cost": [6.0]}
    terms = pl.DataFrame({"source_id": ["DC"], "location_id": ["S1"], "min_order_value": [0.0], "order_cost": [8.0], **trucks})
    borne = ledger.of_orders(lines, np.array([0, 1, 2]), terms, 3)
    # Two trucks for a volume of 2.5; S2 has no terms.
    assert borne.tolist() == [(8 + 12) * 0.75, (8 + 12) * 0.25, 0.0]


def test_what_is_left_is_charged_until_it_has_sold() -> None:
    three = rates(3)
    cost = ledger.until_sold(np.array([6.0, 6.0, 6.0]), np.array([2.0, 2.0, 1.0]), np.array([0, 10, 4]), three)
    # Three nights at 6, 4, 2 on average half: 0.1 * 6 * 3 / 2; what spoils after 4 nights leaves 2 to waste.
    assert cost == pytest.approx([0.9, 0.9, 0.1 * (24 - 8) + 2.0])


def test_leftovers_of_a_centre_go_at_the_pace_of_what_it_supplies() -> None:
    """Two stores (0, 1) behind a centre (2) behind another (3); the second store hardly sells."""
    wanted = np.zeros((4, 4), np.int64)
    wanted[:, 0], wanted[0, 1] = 3 * UNIT, 0
    assert ledger.paces(wanted, np.array([2, 2, 3, -1])) == pytest.approx([3.0, 0.125, 3.0, 3.0])
