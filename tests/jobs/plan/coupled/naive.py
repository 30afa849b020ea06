"""The plan problem in plain Python loops, sharing no code with the solver: cost and feasibility of a plan, and a full MILP."""

from __future__ import annotations

import math
from typing import Any

INF = float("inf")


def check(tables: dict[str, list[dict]], units: dict[int, float]) -> tuple[float, list[str]]:
    """Cost of a plan and what it breaks."""
    broken = [text for line in tables["lines"] for text in broken_lines(line, units[line["line_id"]])]
    if broken:
        return INF, broken
    cost, more = cost_of_lists(tables["lines"], units)
    broken += more
    for term in tables.get("order_terms", []):
        paid, more = order(tables["lines"], term, units)
        cost += paid
        broken += more
    for row in tables.get("capacities", []):
        used = sum(takes(row, line) * units[line["line_id"]] for line in tables["lines"])
        if row["limit"] is not None and used > row["limit"] * (1 + 1e-9) + 1e-9:
            broken.append(f"{row}: {used}")
    return cost, broken


def broken_lines(line: dict, units: float) -> list[str]:
    count = units / line["order_multiple"]
    if abs(count - round(count)) > 1e-9 or not 0 <= round(count) < len(line["cost"]):
        return [f"line {line['line_id']}: {count} multiples"]
    if 0 < units < (line["min_order_units"] or 0) - 1e-9:
        return [f"line {line['line_id']}: below min_order_units"]
    return []


def cost_of_lists(lines: list[dict], units: dict[int, float]) -> tuple[float, list[str]]:
    """Entries of the lists, those of a choice once."""
    groups: dict[object, list[dict]] = {}
    for line in lines:
        choice = line.get("choice_id")
        groups.setdefault(("line", line["line_id"]) if choice is None else choice, []).append(line)
    cost, broken = 0.0, []
    for choice, members in groups.items():
        ordered = [line for line in members if units[line["line_id"]] > 0]
        if len(ordered) > 1:
            broken.append(f"choice {choice}: {len(ordered)} lines")
        for line in ordered or members[:1]:
            value = line["cost"][round(units[line["line_id"]] / line["order_multiple"])]
            cost += INF if value is None else value
    return cost, broken + ["an entry that is not allowed"] * math.isinf(cost)


def order(lines: list[dict], term: dict, units: dict[int, float]) -> tuple[float, list[str]]:
    """What an order pays beside its lines, and whether it is below its minimum."""
    mine = [line for line in lines if all(line[k] == term[k] for k in ("source_id", "location_id")) and units[line["line_id"]] > 0]
    if not mine:
        return 0.0, []
    value = sum(line["unit_value"] * units[line["line_id"]] for line in mine)
    volume = sum(line["unit_volume"] * units[line["line_id"]] for line in mine)
    short = value < (term["min_order_value"] or 0) * (1 - 1e-9) - 1e-9
    trucks = math.ceil(volume / term["truck_volume"] - 1e-9) * term["truck_cost"] if term["truck_volume"] and term["truck_cost"] else 0
    named = f"order {term['source_id']} {term['location_id']}: value {value} below {term['min_order_value']}"
    return (term["order_cost"] or 0) + trucks, [named] * short


def takes(row: dict, line: dict) -> float:
    """What a unit of a line takes of a capacity."""
    place = line["source_id"] if row["resource"] in ("dc_stock", "dc_outbound") else line["location_id"]
    if row["location_id"] is not None and row["location_id"] != place:
        return 0.0
    if row["item_id"] is not None and row["item_id"] != line["item_id"]:
        return 0.0
    if row["resource"] == "receiving" and row["date"] is not None and row["date"] != line["expected_on"]:
        return 0.0
    if row["resource"] == "budget":
        worth = line.get("budget_value")
        return float(line["unit_value"] if worth is None else worth)
    return float({"units": 1.0, "volume": line["unit_volume"], "value": line["unit_value"]}[row["unit"]])


def optimum(tables: dict[str, list[dict]], seconds: float = 60.0) -> float | None:
    """Proven least cost by a full MILP (HiGHS through MathOpt); None: no plan exists."""
    import datetime

    from ortools.math_opt.python import mathopt

    model = mathopt.Model()
    pick = {line["line_id"]: {k: model.add_binary_variable() for k in allowed(line)} for line in tables["lines"]}
    multiple = {line["line_id"]: line["order_multiple"] for line in tables["lines"]}

    def total(weights: dict[int, float]) -> Any:
        return mathopt.fast_sum(w * multiple[i] * k * x for i, w in weights.items() for k, x in pick[i].items() if k and w)

    objective = [line["cost"][k] * x for line in tables["lines"] for k, x in pick[line["line_id"]].items()]
    objective += one_entry_a_line(mathopt, model, tables["lines"], pick)
    for term in tables.get("order_terms", []):
        lines = [line for line in tables["lines"] if all(line[k] == term[k] for k in ("source_id", "location_id"))]
        objective += order_terms(mathopt, model, lines, term, (pick, total))
    for row in tables.get("capacities", []):
        if row["limit"] is not None:
            model.add_linear_constraint(total({line["line_id"]: takes(row, line) for line in tables["lines"]}) <= row["limit"])
    model.minimize(mathopt.fast_sum(objective))
    limit = datetime.timedelta(seconds=seconds)
    parameters = mathopt.SolveParameters(time_limit=limit, relative_gap_tolerance=1e-9, absolute_gap_tolerance=1e-9)
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters)
    reason = result.termination.reason
    if reason in (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED):
        return None
    assert reason == mathopt.TerminationReason.OPTIMAL, reason
    return float(result.objective_value())


def allowed(line: dict) -> list[int]:
    """Entries a line may take; of a choice's line those above nothing."""
    minimum = line["min_order_units"] or 0
    entries = [k for k, c in enumerate(line["cost"]) if c is not None and not math.isinf(c)]
    entries = [k for k in entries if k == 0 or k * line["order_multiple"] >= minimum - 1e-9]
    return entries if line.get("choice_id") is None else [k for k in entries if k > 0]


def one_entry_a_line(mathopt: Any, model: Any, lines: list[dict], pick: dict[int, dict[int, Any]]) -> list[Any]:
    """One entry each, one in all of a choice's; returns what choices cost when nothing is ordered."""
    choices: dict[int, list[dict]] = {}
    for line in lines:
        if line.get("choice_id") is None:
            model.add_linear_constraint(mathopt.fast_sum(pick[line["line_id"]].values()) == 1)
        else:
            choices.setdefault(line["choice_id"], []).append(line)
    costs = []
    for members in choices.values():
        some = [x for line in members for x in pick[line["line_id"]].values()]
        zero = members[0]["cost"][0]
        if zero is not None and not math.isinf(zero):
            some.append(model.add_binary_variable())
            costs.append(zero * some[-1])
        model.add_linear_constraint(mathopt.fast_sum(some) == 1)
    return costs


def order_terms(mathopt: Any, model: Any, lines: list[dict], term: dict, made: tuple[dict[int, dict[int, Any]], Any]) -> list[Any]:
    """Minimum, order cost and trucks of one order; returns what they cost."""
    pick, total = made
    is_open = model.add_binary_variable()
    ordered = []
    for line in lines:
        some = [x for k, x in pick[line["line_id"]].items() if k]
        ordered += some
        model.add_linear_constraint(mathopt.fast_sum(some) <= is_open)
    model.add_linear_constraint(mathopt.fast_sum(ordered) >= is_open)
    costs = [(term["order_cost"] or 0) * is_open]
    if term["min_order_value"]:
        model.add_linear_constraint(total({line["line_id"]: line["unit_value"] for line in lines}) >= term["min_order_value"] * is_open)
    if term["truck_volume"] and term["truck_cost"]:
        trucks = model.add_integer_variable(lb=0)
        model.add_linear_constraint(total({line["line_id"]: line["unit_volume"] for line in lines}) <= term["truck_volume"] * trucks)
        costs.append(term["truck_cost"] * trucks)
    return costs
