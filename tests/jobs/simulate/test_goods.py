"""A night's moves: they balance to the unit whatever is ordered; FIFO by the last day of sale; a hand-computed example."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.simulate.goods import Goods, Moves, Stock, Transit, pass_night

UNIT = 10_000


Line = tuple[int, int, int, int, int]


def lines(*rows: Line) -> Transit:
    """Lines of (row, source, units, ordered, arrives)."""
    return (
        Transit(*(np.array(column, np.int64) for column in zip(*((*row, row[4]) for row in rows), strict=True))) if rows else Transit.none()
    )


def night(goods: Goods, placed: list[Line], wanted: np.ndarray, tonight: int) -> tuple[Goods, Moves]:
    """A night's orders, those of source 0 or more out of its stock, and sales as far as there is stock."""
    shipped = np.zeros(len(wanted), np.int64)
    for _, source, amount, _, _ in placed:
        if source >= 0:
            shipped[source] += amount
    return pass_night(goods, tonight, lambda _: (lines(*placed), shipped), lambda there: np.minimum(there, wanted))[:2]


def units(*numbers: float) -> np.ndarray:
    return np.array([round(number * UNIT) for number in numbers], np.int64)


def begun(on_hand: np.ndarray, life: list[int], *under_way: Line) -> Goods:
    return Goods(Stock.of(on_hand, np.array(life)), lines(*under_way))


def test_three_nights_by_hand() -> None:
    """A store (pair 0, three days of shelf life) and its centre (pair 1, keeps): 4 and 10 units; 2 are under way for night 1."""
    state = begun(units(4, 10), [3, 0], (0, 1, 2 * UNIT, -1, 1))
    # Night 0: 3 are ordered for night 2 and leave the centre. 3 of the 4 are sold; the one left may be sold one day more.
    state, moves = night(state, [(0, 1, 3 * UNIT, 0, 2)], units(3, 0), 0)
    assert [m.tolist() for m in (moves.shipped, moves.sold, moves.wasted, moves.closing)] == [
        units(0, 3).tolist(), units(3, 0).tolist(), units(0, 0).tolist(), units(1, 7).tolist(),
    ]  # fmt: skip
    # Night 1: the 2 arrive. Nothing is wanted: the old one has had its last day and is wasted.
    state, moves = night(state, [], units(0, 0), 1)
    assert (moves.received[0], moves.wasted[0], moves.closing[0]) == (2 * UNIT, UNIT, 2 * UNIT)
    # Night 2: the 3 arrive; 6 are wanted of 5, the rest is lost.
    state, moves = night(state, [], units(6, 0), 2)
    assert (moves.received[0], moves.sold[0], moves.closing[0]) == (3 * UNIT, 5 * UNIT, 0)
    assert state.on_hand.tolist() == units(0, 7).tolist()
    assert len(state.transit) == 0


def test_the_oldest_are_sold_first() -> None:
    """Two arrive a day apart with two days each: one sold on the second day leaves the younger one."""
    state = begun(units(0), [2])
    state, _ = night(state, [(0, -1, UNIT, 0, 0)], units(0), 0)
    state, moves = night(state, [(0, -1, UNIT, 1, 1)], units(1), 1)
    assert (moves.sold[0], moves.wasted[0], moves.closing[0]) == (UNIT, 0, UNIT)
    _, moves = night(state, [], units(0), 2)
    assert moves.wasted[0] == UNIT


def test_where_shoppers_take_the_newest_the_oldest_spoil() -> None:
    """5 old units and 4 new ones on two shelves, 6 sell: newest first 3 of the old are left, and spoil."""
    old = Stock.of(np.array([5, 5]), np.array([2, 2]))
    goods = Goods(old.receive(np.array([4, 4])), Transit.none())
    after, moves, _ = pass_night(
        goods, 0, lambda on_hand: (Transit.none(), 0 * on_hand), lambda on_hand: 0 * on_hand + 6, np.array([True, False])
    )
    assert moves.wasted.tolist() == [3, 0]
    assert after.on_hand.tolist() == [0, 3]


def test_a_source_gives_no_more_than_it_has() -> None:
    with pytest.raises(ValueError, match="more than their source has"):
        night(begun(units(0, 1), [0, 0]), [(0, 1, 2 * UNIT, 0, 1)], units(0, 0), 0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nights_balance_whatever_is_ordered(data: st.DataObject) -> None:
    """Two stores and a centre, random lives, orders, lead times and wants, in parts of units."""
    number = st.integers(0, 5 * UNIT)
    life = data.draw(st.lists(st.integers(0, 4), min_size=3, max_size=3))
    state = begun(np.array(data.draw(st.lists(number, min_size=3, max_size=3))), life)
    under_way = state.in_transit
    ordered, received = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for tonight in range(6):
        left, rows = int(state.on_hand[2]), []
        for pair in (0, 1):
            asked = min(data.draw(number), left)
            left -= asked
            rows.append((pair, 2, asked, tonight, tonight + data.draw(st.integers(0, 3))))
        rows.append((2, -1, data.draw(number), tonight, tonight + 1))
        wanted = np.array([data.draw(number), data.draw(number), 0])
        state, m = night(state, rows, wanted, tonight)
        assert (m.opening + m.received - m.shipped - m.sold - m.wasted == m.closing).all()
        assert (m.closing == state.on_hand).all()
        assert (state.stock.batches >= 0).all()
        assert (m.sold <= wanted).all()
        assert ((m.sold == wanted) | (m.opening + m.received - m.shipped == m.sold)).all()
        ordered, received = ordered + m.ordered, received + m.received
        assert (under_way + ordered == received + state.in_transit).all()
