"""The plan problem in plain Python loops, sharing no code with the solver: cost and feasibility of a plan, and a full MILP."""

from __future__ import annotations

import math

INF = float("inf")


def check(tables: dict[str, list[dict]], units: dict[int, float]) -> tuple[float, list[str]]:
    """Cost of a plan and what it breaks."""
    broken: list[str] = []
    cost = 0.0
    n: dict[int, int] = {}
    for line in tables["lines"]:
        count = units[line["line_id"]] / line["order_multiple"]
        n[line["line_id"]] = round(count)
        if abs(count - round(count)) > 1e-9 or not 0 <= round(count) < len(line["cost"]):
            broken.append(f"line {line['line_id']}: {count} multiples")
            continue
        if 0 < units[line["line_id"]] < (line["min_order_units"] or 0) - 1e-9:
            broken.append(f"line {line['line_id']}: below min_order_units")
    choices: dict[int, list[dict]] = {}
    for line in tables["lines"]:
        value = line["cost"][n[line["line_id"]]]
        value = INF if value is None else value
        if line.get("choice_id") is None:
            cost += value
        else:
            choices.setdefault(line["choice_id"], []).append(line)
    for choice, lines in choices.items():
        ordered = [line for line in lines if n[line["line_id"]] > 0]
        if len(ordered) > 1:
            broken.append(f"choice {choice}: {len(ordered)} lines")
        for line in ordered or lines[:1]:
            value = line["cost"][n[line["line_id"]]]
            cost += INF if value is None else value
    if math.isinf(cost):
        broken.append("an entry that is not allowed")
    for term in tables.get("order_terms", []):
        lines = [line for line in tables["lines"] if all(line[k] == term[k] for k in ("source_id", "location_id")) and n[line["line_id"]]]
        if not lines:
            continue
        value = sum(line["unit_value"] * units[line["line_id"]] for line in lines)
        volume = sum(line["unit_volume"] * units[line["line_id"]] for line in lines)
        if value < (term["min_order_value"] or 0) * (1 - 1e-9) - 1e-9:
            broken.append(f"order {term['source_id']} {term['location_id']}: value {value} below {term['min_order_value']}")
        cost += term["order_cost"] or 0
        if term["truck_volume"] and term["truck_cost"]:
            cost += math.ceil(volume / term["truck_volume"] - 1e-9) * term["truck_cost"]
    for row in tables.get("capacities", []):
        if row["limit"] is not None:
            used = sum(takes(row, line) * units[line["line_id"]] for line in tables["lines"])
            if used > row["limit"] * (1 + 1e-9) + 1e-9:
                broken.append(f"{row}: {used}")
    return cost, broken


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
    pick: dict[int, dict[int, object]] = {}
    objective = []
    choices: dict[int, list[dict]] = {}
    for line in tables["lines"]:
        i = line["line_id"]
        minimum = line["min_order_units"] or 0
        allowed = [
            k for k, c in enumerate(line["cost"])
            if c is not None and not math.isinf(c) and (k == 0 or k * line["order_multiple"] >= minimum - 1e-9)
        ]  # fmt: skip
        if line.get("choice_id") is not None:
            choices.setdefault(line["choice_id"], []).append(line)
            allowed = [k for k in allowed if k > 0]
        pick[i] = {k: model.add_binary_variable() for k in allowed}
        objective += [line["cost"][k] * x for k, x in pick[i].items()]
        if line.get("choice_id") is None:
            model.add_linear_constraint(mathopt.fast_sum(pick[i].values()) == 1)
    for lines in choices.values():
        zero = lines[0]["cost"][0]
        some = [x for line in lines for x in pick[line["line_id"]].values()]
        if zero is None or math.isinf(zero):
            model.add_linear_constraint(mathopt.fast_sum(some) == 1)
        else:
            none = model.add_binary_variable()
            objective.append(zero * none)
            model.add_linear_constraint(mathopt.fast_sum([*some, none]) == 1)

    def total(weights: dict[int, float]) -> object:
        multiple = {line["line_id"]: line["order_multiple"] for line in tables["lines"]}
        return mathopt.fast_sum(w * multiple[i] * k * x for i, w in weights.items() for k, x in pick[i].items() if k and w)

    for term in tables.get("order_terms", []):
        lines = [line for line in tables["lines"] if all(line[k] == term[k] for k in ("source_id", "location_id"))]
        ordered = [x for line in lines for k, x in pick[line["line_id"]].items() if k]
        is_open = model.add_binary_variable()
        for line in lines:
            model.add_linear_constraint(mathopt.fast_sum(x for k, x in pick[line["line_id"]].items() if k) <= is_open)
        model.add_linear_constraint(mathopt.fast_sum(ordered) >= is_open)
        objective.append((term["order_cost"] or 0) * is_open)
        if term["min_order_value"]:
            model.add_linear_constraint(total({line["line_id"]: line["unit_value"] for line in lines}) >= term["min_order_value"] * is_open)
        if term["truck_volume"] and term["truck_cost"]:
            trucks = model.add_integer_variable(lb=0)
            model.add_linear_constraint(total({line["line_id"]: line["unit_volume"] for line in lines}) <= term["truck_volume"] * trucks)
            objective.append(term["truck_cost"] * trucks)
    for row in tables.get("capacities", []):
        if row["limit"] is not None:
            model.add_linear_constraint(total({line["line_id"]: takes(row, line) for line in tables["lines"]}) <= row["limit"])
    model.minimize(mathopt.fast_sum(objective))
    parameters = mathopt.SolveParameters(
        time_limit=datetime.timedelta(seconds=seconds), relative_gap_tolerance=1e-9, absolute_gap_tolerance=1e-9
    )
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters)
    reason = result.termination.reason
    if reason in (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED):
        return None
    assert reason == mathopt.TerminationReason.OPTIMAL, reason
    return float(result.objective_value())
