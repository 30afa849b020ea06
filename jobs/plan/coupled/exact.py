"""Programs solved by HiGHS through OR-Tools' MathOpt: small problems to proven optimality, or without whole numbers."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.plan.coupled.problem import Floats, Ints, Problem
from jobs.plan.coupled.program import Cut, Program, Set, program_of

#: HiGHS reports bounds within this share, and stops within it.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Exact:
    """A plan (None: none found), a proven lower bound, whether the search ended, and whether no plan exists."""

    n: Ints | None
    bound: float
    proven: bool
    infeasible: bool


@dataclass(frozen=True)
class Relaxation:
    """The optimum of a program without whole numbers: its cost (inf: none exists), columns, reduced costs, multipliers of rows."""

    cost: float
    x: Floats
    reduced: Floats
    dual: Floats


def solve(
    problem: Problem,
    seconds: float,
    hint: Ints | None = None,
    nodes: int | None = None,
    within: Set | None = None,
    below: float = np.inf,
    cuts: Sequence[Cut] = (),
) -> Exact:
    """The best plan, or what is known of it after so many seconds, or nodes of the search (the same on every machine).

    within  what is known of orders
    below   only plans that cost less are of interest: the bound is no higher
    cuts    what all plans, or those of interest, keep
    """
    from ortools.math_opt.python import mathopt
    from ortools.math_opt.solvers import highs_pb2

    made = program_of(problem, within, cuts)
    # MathOpt's cutoff_limit is refused for HiGHS, whose own option does the same.
    cutoff = highs_pb2.HighsOptionsProto(double_options={"objective_bound": below} if np.isfinite(below) else {})
    parameters = mathopt.SolveParameters(
        time_limit=datetime.timedelta(seconds=max(seconds, 0.01)), relative_gap_tolerance=TOLERANCE, absolute_gap_tolerance=1e-9,
        random_seed=1, node_limit=nodes, highs=cutoff,
    )  # fmt: skip
    model = mathopt.Model.from_model_proto(proto_of(made))
    steps = [model.get_variable(k) for k in range(len(made.steps.line))]
    hints = mathopt.ModelSolveParameters()
    if hint is not None:
        reached = hint[made.steps.line] >= made.steps.reached()
        hints.solution_hints.append(mathopt.SolutionHint(variable_values=dict(zip(steps, reached.astype(float), strict=True))))
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters, model_params=hints)
    return _read(mathopt, result, (made, steps), below)


def relaxation(made: Program) -> Relaxation | None:
    """The program without whole numbers; None where HiGHS comes to no end."""
    from ortools.math_opt import callback_pb2, model_parameters_pb2, parameters_pb2, result_pb2
    from ortools.math_opt.core.python import solver

    # mathopt.solve makes an object of every number that comes back, which takes longer than the solve does.
    found = solver.solve(
        proto_of(made, whole=False), parameters_pb2.SOLVER_TYPE_HIGHS, parameters_pb2.SolverInitializerProto(),
        parameters_pb2.SolveParametersProto(), model_parameters_pb2.ModelSolveParametersProto(), None,
        callback_pb2.CallbackRegistrationProto(), None, None,
    )  # fmt: skip
    reason, none = found.termination.reason, np.zeros(0)
    if reason in (result_pb2.TERMINATION_REASON_INFEASIBLE, result_pb2.TERMINATION_REASON_INFEASIBLE_OR_UNBOUNDED):
        return Relaxation(np.inf, none, none, none)
    if reason != result_pb2.TERMINATION_REASON_OPTIMAL or not found.solutions or not found.solutions[0].HasField("dual_solution"):
        return None
    primal, dual = found.solutions[0].primal_solution, found.solutions[0].dual_solution
    columns, rows = len(made.cost), len(made.least)
    x, reduced, each = _dense(primal.variable_values, columns), _dense(dual.reduced_costs, columns), _dense(dual.dual_values, rows)
    return Relaxation(found.termination.objective_bounds.dual_bound, x, reduced, each)


def _dense(sparse: Any, count: int) -> Floats:
    """A sparse vector of a message as an array."""
    result = np.zeros(count)
    result[np.array(sparse.ids, np.int64)] = sparse.values
    return result


def proto_of(made: Program, *, whole: bool = True) -> Any:
    """The program as MathOpt's message."""
    from ortools.math_opt import model_pb2

    model = model_pb2.ModelProto()
    variables, rows, matrix, cost = model.variables, model.linear_constraints, model.linear_constraint_matrix, model.objective
    variables.ids.extend(range(len(made.cost)))
    variables.lower_bounds.extend(made.low)
    variables.upper_bounds.extend(made.high)
    variables.integers.extend(made.whole if whole else [False] * len(made.cost))
    cost.offset = made.offset
    paid = np.flatnonzero(made.cost)
    cost.linear_coefficients.ids.extend(paid.tolist())
    cost.linear_coefficients.values.extend(np.array(made.cost)[paid].tolist())
    rows.ids.extend(range(len(made.least)))
    rows.lower_bounds.extend(made.least)
    rows.upper_bounds.extend(made.most)
    row, column, value = np.array(made.row, np.int64), np.array(made.column, np.int64), np.array(made.value)
    order = np.lexsort((column, row))
    order = order[value[order] != 0]
    matrix.row_ids.extend(row[order].tolist())
    matrix.column_ids.extend(column[order].tolist())
    matrix.coefficients.extend(value[order].tolist())
    return model


def _read(mathopt: Any, result: Any, columns: tuple[Program, list[Any]], below: float) -> Exact:
    reason, (made, steps) = result.termination.reason, columns
    if reason in (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED):
        return Exact(None, below, proven=True, infeasible=True)
    ends, proven = result.termination.objective_bounds, reason == mathopt.TerminationReason.OPTIMAL
    # Where all is cut off at once, HiGHS calls the plan that it was given optimal and names no bound.
    bound = float(ends.primal_bound if proven and np.isinf(ends.dual_bound) else ends.dual_bound)
    bound = min(bound - TOLERANCE * max(abs(bound), 1.0), below)
    if not result.has_primal_feasible_solution():
        return Exact(None, bound, proven=False, infeasible=False)
    return Exact(made.steps.plan(np.array(result.variable_values(steps)) if steps else np.zeros(0)), bound, proven, infeasible=False)
