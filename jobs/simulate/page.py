"""A simulation as one HTML page that needs nothing else: plots, tables, and how to read them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from jobs.forecast.charts import COLOURS, STYLE, Axis, Chart, bars
from jobs.forecast.printout import pick
from jobs.forecast.report import PAGE
from jobs.plan.pools import SCALE
from jobs.simulate import printout
from jobs.simulate.ledger import COMPONENTS
from jobs.simulate.printout import COLUMNS, MEANING, SERVICE, cell, costs_of, gap
from jobs.simulate.segments import BY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.simulate.job import Simulation
    from jobs.simulate.measures import Floats, Outcome

Row = printout.Row
_NAMES = {"end": "left at the end"}
_BY = {
    "department": "Departments",
    "volume": "Volume: A, items with the first 80% of all units wanted; B, the next 15%; C, the rest",
    "kind": "Kinds of location",
}


def html(found: Simulation) -> str:
    """The page."""
    demand, seed = printout.cases(found.rows)[0]
    shown = [each for each in found.outcomes if (each.demand, each.seed) == (demand, seed)]
    parts = [
        f"<p>{escape(printout.headline(found))}</p>",
        f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in printout.verdicts(found))}</ul>",
        *_tables(found),
        f"<h2>Cost</h2><p>Plots: {escape(MEANING[demand])}, seed {seed}.</p>",
        '<div class="two">',
        _stacked(pick(found.rows, demand=demand, seed=seed, cut="*"), found.config.currency),
        _differences(found),
        _nightly(shown, "Cost so far", found.config.currency, lambda each: each.cost().sum(axis=1).cumsum()),
        _nightly(shown, "Units on hand after closing, all places", "units", _counted("closing")),
        _nightly(shown, "Units lost a night", "units", lambda each: _counted("wanted")(each) - _counted("sold")(each)),
        _nightly(shown, "Units thrown away a night", "units", _counted("wasted")),
        "</div>",
        f"<h2>Segments</h2><p>{escape(MEANING[demand].capitalize())}, seed {seed}.</p>",
        *(_segments(pick(found.rows, demand=demand, seed=seed), by) for by in BY),
        "<h2>How to read it, and what was assumed</h2>",
        "".join(f"<p>{escape(line)}</p>" for line in printout.notes(found)),
    ]
    return PAGE.format(title="Simulation", style=STYLE, body="\n".join(parts))


def _tables(found: Simulation) -> list[str]:
    parts = []
    for demand, seed in printout.cases(found.rows):
        rows = [(row["policy"], row) for row in pick(found.rows, demand=demand, seed=seed, cut="*")]
        parts += [
            f"<h2>{escape(MEANING[demand].capitalize())} (seed {seed})</h2>",
            _table(rows, costs_of(rows), with_gap=True),
            _table(rows, SERVICE),
        ]
    return parts


def _stacked(rows: Sequence[Row], currency: str) -> str:
    """Cost of each policy as a bar of its components."""
    most, height = len(rows) - 1, 72 + 30 * len(rows)
    ticks = tuple((float(most - number), row["policy"]) for number, row in enumerate(rows))
    cost = Axis.over([row["total_cost"] for row in rows], currency, "{:,.0f}")
    chart = Chart("Cost by component", cost, Axis(-0.6, most + 0.6, "", ticks), height=height, left=130, right=28)
    for number, name in enumerate(COMPONENTS):
        if not any(row[f"{name}_cost"] for row in rows):
            continue
        for place, row in enumerate(rows):
            below = sum(row[f"{other}_cost"] for other in COMPONENTS[:number])
            label, at = _NAMES.get(name, name) if place == 0 else "", most - place
            chart.band([below, below + row[f"{name}_cost"]], [at - 0.35] * 2, [at + 0.35] * 2, COLOURS[number], 0.85, label)
    return chart.html()


def _differences(found: Simulation) -> str:
    """What each policy costs beyond stochastic, in percent, for each way of taking demand."""
    values, cases = [], printout.cases(found.rows)
    for demand, seed in cases:
        rows = pick(found.rows, demand=demand, seed=seed, cut="*")
        reference = pick(rows, policy="stochastic")[0]["total_cost"]
        case = f", {demand}, {seed}" if len(cases) > 1 else ""
        # 0 -: no negative zero.
        values += [(f"{row['policy']}{case}", 0 - 100 * row["difference"] / reference) for row in rows if gap(row)]
    return bars("Saved against stochastic (left of zero: dearer)", "percent of the cost of stochastic", values) if values else ""


def _counted(name: str) -> Callable[[Outcome], Floats]:
    def units(outcome: Outcome) -> Floats:
        total: Floats = outcome.books.units[name][outcome.span.counted].sum(axis=1) / SCALE
        return total

    return units


def _nightly(shown: Sequence[Outcome], title: str, unit: str, values: Callable[[Outcome], Floats]) -> str:
    """A line a policy over the nights that count."""
    lines = {each.policy: values(each) for each in shown}
    span = shown[0].span
    nights = span.nights - span.fixed
    every = max(-(-nights // 6), 1)
    ticks = tuple((float(i), span.day(span.fixed + i).strftime("%d %b")) for i in range(0, nights, every))
    chart = Chart(
        title,
        Axis(0, max(nights - 1, 1), "night", ticks),
        Axis.over(np.concatenate(list(lines.values())).tolist(), unit, "{:,.0f}"),
        left=76,
    )
    for number, (name, line) in enumerate(lines.items()):
        colour, dash = COLOURS[number % len(COLOURS)], "" if number < len(COLOURS) else "5 3"
        chart.line(list(enumerate(line.tolist())), colour, name, dash, wide=2.4 if number == 0 else 1.5)
    return chart.html()


def _segments(rows: Sequence[Row], by: str) -> str:
    """Costs and service of every policy in each part of the retailer, cut one way."""
    parts = sorted({row["segment"] for row in rows if row["cut"] == by})
    lines: list[tuple[str, Row]] = []
    for part in parts:
        lines.append((part or "(none)", {}))
        lines += [(row["policy"], row) for row in pick(rows, cut=by, segment=part)]
    if not lines:
        return ""
    return f"<h3>{_BY[by]}</h3>{_table(lines, costs_of(lines), with_gap=True)}{_table(lines, SERVICE)}"


def _table(rows: Sequence[tuple[str, Row]], columns: Sequence[str], *, with_gap: bool = False) -> str:
    """A table; a row without values is a heading."""
    heads = [COLUMNS[name][0] for name in columns] + (["to stochastic (95%)"] if with_gap else [])
    lines = [f"<tr><th></th>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr>"]
    for label, row in rows:
        cells = [cell(row, name) for name in columns] + ([gap(row)] if with_gap else []) if row else [""] * len(heads)
        lines.append(f"<tr{'' if row else ' class=head'}><td>{escape(label)}</td>{''.join(f'<td>{text}</td>' for text in cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"
