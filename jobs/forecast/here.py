"""Train in one process, without Spark: the layout, rows, parameters and judgement of jobs/forecast/train.py, XGBoost itself here.

The booster is not to the bit that of the night, whose workers each sketch their own rows. It becomes the model whatever it
replaces: a trial against the champion is the night's business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xgboost
from threadpoolctl import threadpool_limits

from jobs.features import here
from jobs.features.clock import CLOCKS, Clock
from jobs.features.job import periods
from jobs.forecast import boosting, days, linear, memory
from jobs.forecast.checkpoints import EarlyStopping, best_rounds
from jobs.forecast.examples import LEAST_ROWS, planned
from jobs.forecast.model import INPUTS, MEAN, Model, numbers, to_matrix
from jobs.forecast.train import errors_of, judge, learned, regions
from jobs.workers import both, cuts, mapped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from jobs.config import Config
    from jobs.forecast.calibration import Calibration
    from jobs.forecast.errors import Errors
    from jobs.forecast.examples import Layout
    from jobs.forecast.ranks import Dependence
    from jobs.lake import Lake

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Fixed, not taken from the cores, so that the model does not depend on the machine. They must not spin (jobs/__init__.py).
_THREADS = 2


@dataclass(frozen=True, slots=True)
class Rows:
    """Training rows: features, units, label (units / expected / its day's factor, or its root), weight, and whether they are held out.

    inputs  [n, inputs] the features as the booster sees them
    """

    table: pa.Table
    inputs: npt.NDArray[np.float32]
    label: Floats
    weight: Floats
    target: npt.NDArray[np.int64]
    held_out: Bools


def train(lake: Lake, config: Config, business_date: date) -> Model | None:
    """The model of a night, from what it sees; None where there is too little history.

    Twice fitted, as the night does: once to find the rounds and to calibrate, then on all rows.
    """
    found = _rows(lake, config, business_date)
    if found is None:
        return None
    plan, rows = found
    return fitted(plan, rows, config, regions(lake, business_date))


def fitted(plan: Layout, rows: Rows, config: Config, regions: Mapping[str, str]) -> Model | None:
    """The model of a layout's rows; None where they are too few. ``regions``: location -> region."""
    before = rows.target < plan.held_out_from
    if before.sum() < LEAST_ROWS or rows.held_out.sum() < LEAST_ROWS // 10:
        return None
    cells = days.Cells.of_table(rows.table.append_column("weight", pa.array(rows.weight)))
    earlier, clock = cells.where(cells.target < plan.held_out_from), CLOCKS[config.grain]
    rows = labelled(rows, cells)
    chosen, every = boosting.parameters(config, len(rows.label)), np.ones(len(before), bool)
    # Two threads wait for each other now and then: what one thread does fits in between.
    found, (first, rest) = both(
        lambda: fit(rows, config, chosen, before, rows.held_out),
        lambda: beside(rows, before, learned(cells)),
    )

    def judged() -> tuple[Calibration, Dependence, Errors]:
        challenger, held_out = linear.attached(found.booster, first), rows.table.filter(pa.array(rows.held_out))
        calibration, dependence, _ = judge(challenger, held_out, config, regions, earlier.kinds(clock))
        return calibration, dependence, errors_of(Model(challenger, calibration), held_out, config)

    everything, (calibration, dependence, record) = both(lambda: fit(rows, config, chosen, every, None, found.rounds), judged)
    calibration = replace(calibration, days=cells.kinds(clock)).spread_by(config.simulation.spread)
    return Model(linear.attached(everything.booster, rest), calibration, dependence, record)


def labelled(rows: Rows, cells: days.Cells) -> Rows:
    """The rows with label and weight for what is learned."""
    table = days.with_factor_here(rows.table, cells)
    rows = replace(rows, table=table, label=rows.label / numbers(table, days.FACTOR))
    if learned(cells) == MEAN:
        return replace(rows, weight=rows.weight * numbers(table, "expected"))
    return replace(rows, label=np.sqrt(rows.label))


def beside(rows: Rows, before: Bools, learns: str) -> tuple[linear.Linear | None, linear.Linear | None]:
    """What is beside the booster of the rows before the held-out periods, and beside that of all; None: it learns means."""
    if learns == MEAN:
        return None, None
    # BLAS's own threads wait for each other in a loop: on a busy machine they cost ten times what one does.
    with threadpool_limits(1, user_api="blas"):
        first, rest = (_sums(rows, np.flatnonzero(some)) for some in (before, ~before))
    return linear.fit(first), linear.fit(first + rest)


def _sums(rows: Rows, some: npt.NDArray[np.int64]) -> Floats:
    """Of some rows what linear.fit takes; sums are exact, so it is of no matter how they are cut."""
    parts = [some[cut] for cut in cuts(len(some))]
    return sum(mapped(lambda part: linear.sums(rows.inputs[part], rows.label[part], rows.weight[part]), parts), linear.NOTHING)


def _rows(lake: Lake, config: Config, business_date: date) -> tuple[Layout, Rows] | None:
    """The layout and its rows, as examples.training_rows makes them."""
    found = planned(lake, config, business_date)
    if found is None:
        return None
    (plan, first), clock = found, CLOCKS[config.grain]
    made = here.examples(lake, config, business_date, plan.origins, periods(lake, config, business_date), plan.share)
    return plan, weighed(made, plan, clock, clock.index(business_date), first)


def weighed(made: pa.Table, plan: Layout, clock: Clock, night: int, first: int) -> Rows:
    """Of a layout's rows those that the night (period number) knows, weighed by age; ``first``: period of the history."""
    target = (numbers(made, "origin") + numbers(made, "step")).astype(np.int64)
    known = target < night
    made, target = made.filter(pa.array(known)), target[known]
    origin = numbers(made, "origin")
    weight = 0.5 ** ((night - origin) / memory.half_life(clock, night - first))
    label = numbers(made, "units") / numbers(made, "expected")
    return Rows(made, to_matrix(made), label, weight, target, origin >= plan.held_out_from)


def fit(
    rows: Rows, config: Config, chosen: boosting.Parameters, learned: Bools, held_out: Bools | None, rounds: int | None = None
) -> boosting.Fit:
    """A booster of the rows learned from; ``held_out``: rows on which the number of rounds is chosen."""
    training, parameters = config.training, {**chosen, "nthread": _THREADS, "seed": chosen["random_state"], "verbosity": 0}
    parameters.pop("random_state")
    learned = learned & ~held_out if held_out is not None else learned
    matrix = _binned(rows, learned)
    more: dict[str, Any] = {}
    if held_out is not None:
        least = ceil(boosting.LEAST_STEPS / training.learning_rate)
        # Not binned: a binned matrix is decoded anew for each round's one new tree.
        validation = xgboost.DMatrix(rows.inputs[held_out], rows.label[held_out], weight=rows.weight[held_out], nthread=_THREADS)
        validation.feature_names = list(INPUTS)
        more["evals"] = [(validation, "validation")]
        more["callbacks"] = [EarlyStopping(training.early_stopping_rounds, least)]
    booster = xgboost.train(parameters, matrix, rounds or training.rounds, verbose_eval=False, **more)
    count = best_rounds(booster)
    kept = booster[:count] if count < booster.num_boosted_rounds() else booster
    return boosting.Fit(bytes(kept.save_raw("ubj")), count)


def _binned(rows: Rows, chosen: Bools) -> xgboost.QuantileDMatrix:
    """Some rows as XGBoost takes them, already binned."""
    label, weight = rows.label[chosen], rows.weight[chosen]
    return xgboost.QuantileDMatrix(rows.inputs[chosen], label, weight=weight, feature_names=list(INPUTS), nthread=_THREADS, max_bin=256)
