"""Lessons made up: windows of one period of normal demand, of which something else is believed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy.stats import norm

from jobs.learn.joint_barrier import LINES
from jobs.learn.joint_fit import Taught
from jobs.learn.joint_loss import NODES, SCALES, Lessons, Windows

N, SHORTAGE, HOLDING, MEAN, SPREAD = 6_000, 4.0, 1.0, 20.0, 5.0
RATIO = SHORTAGE / (SHORTAGE + HOLDING)


def taught(believed: float, mean: float = MEAN, count: int = N, told: float = 0.0) -> Taught:
    """Windows whose spread (and mean) is taken for another than it is; ``told``: how much the first input says of demand's mean."""
    rng = np.random.default_rng(1)
    noise, inputs = rng.normal(MEAN, SPREAD, count), rng.normal(size=(count, 4)).astype(np.float32)
    demand = np.maximum(noise + told * np.tanh(inputs[:, 0]), 0.0)[None, :, None]
    ones = np.ones(count)
    one = Windows(
        HOLDING * ones,
        SHORTAGE * ones,
        ones,
        0 * ones,
        0 * ones,
        demand,
        np.ones((1, count), bool),
        np.zeros((1, count), bool),
        np.full((count, 1), np.inf),
    )
    levels = np.tile(mean + np.exp(SCALES) * believed * norm.ppf(RATIO), (count, 1))
    turn = (SHORTAGE + HOLDING) * norm.pdf(norm.ppf(RATIO)) / believed * ones
    lessons = Lessons(
        one, mean * ones, believed * ones, levels, turn, np.zeros((count, len(NODES))), ones, 0 * ones, 1e-3 * ones, 0 * ones, ones
    )
    items = np.array([f"i{k % 50}" for k in range(count)], object)
    places = np.array([f"S{k // 50}" for k in range(count)], object)
    return Taught(lessons, inputs, items, places, np.zeros(count, np.int64), np.arange(count) % 4 == 0)


def alike(found: pa.Table, wanted: pa.Table) -> None:
    """Fails where lines (LINES) differ by more than the order of a sum."""
    names = ["item_id", "location_id", "origin"]
    found, wanted = (rows.sort_by([(name, "ascending") for name in names]) for rows in (found, wanted))
    assert found.select([*names, "held_out"]) == wanted.select([*names, "held_out"])
    for field in LINES:
        each = [rows[field.name].combine_chunks() for rows in (found, wanted)]
        if pa.types.is_list(field.type):
            assert each[0].value_lengths() == each[1].value_lengths(), field.name
            each = [rows.flatten() for rows in each]
        if field.name not in names:
            values = [np.asarray(rows.to_numpy(zero_copy_only=False), float) for rows in each]
            np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-9, err_msg=field.name)
