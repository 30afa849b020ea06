"""A simulation as text, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.forecast.printout import aligned, pick
from jobs.simulate.ablations import KNOWN
from jobs.simulate.compare import LEAST_BLOCKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.simulate.job import Simulation

Row = dict[str, Any]
#: How a column is printed: its head, and the number's form.
COLUMNS: dict[str, tuple[str, str]] = {
    "total_cost": ("total", "{:,.0f}"),
    "holding_cost": ("holding", "{:,.0f}"),
    "shortage_cost": ("shortage", "{:,.0f}"),
    "presentation_cost": ("presentation", "{:,.0f}"),
    "waste_cost": ("waste", "{:,.0f}"),
    "orders_cost": ("orders", "{:,.0f}"),
    "end_cost": ("end", "{:,.0f}"),
    "fill_rate": ("fill rate", "{:.3f}"),
    "availability": ("on shelf", "{:.3f}"),
    "waste_share": ("wasted", "{:.3f}"),
    "turns": ("turns", "{:.0f}"),
    "order_variability": ("bullwhip", "{:.2f}"),
    "nervousness": ("nervous", "{:.2f}"),
    "share_of_way": ("of the way", "{:.0%}"),
}
#: What is printed behind the costs, where it applies.
WAY = "share_of_way"
#: How to read the columns.
HEADS = (
    "total: the sum of the costs beside it; end: what stock and transit after the last night cost until they have sold.",
    "fill rate: sold / wanted; on shelf: nights that closed with something left; wasted: of all that sold or was thrown away.",
    "turns: a year; bullwhip: variance of orders / of what is wanted; nervous: mean change from one order to the next / mean order.",
)
COSTS = tuple(name for name in COLUMNS if name.endswith("_cost"))
SERVICE = tuple(name for name in COLUMNS if not name.endswith("_cost") and name != WAY)
MEANING = {
    "recovered": "demand of days short of stock redrawn from the series' days in stock",
    "floor": "demand of days short of stock taken as what sold",
    "more": "a fifth more than redrawn on days short of stock",
    "latent": "latent demand of the world, whatever was in stock",
}
_COUNTS = {
    "short": "series-nights of the record short of stock",
    "short_without_donor": "of them without a day in stock to redraw from (what sold stands)",
    "gaps": "series-nights without a record between others: nothing is wanted then; where they did sell, sales or availability are missing",
    "silent_nights": "nights without any record: nothing is wanted then; was a drop not delivered?",
    "vanished": "series that vanish before the last night: nothing is wanted after, what is left of them is charged at the end",
    "sales_above_stock_nights": "nights of item-locations that sold more in truth than here (stochastic)",
    "sales_above_stock_units": "units of that",
    "without_stock_record": "item-locations without a stock record on the first night begin with nothing: deliver inventory or begin later",
    "orders_to_nowhere": "orders under way to item-locations without sales, stock or assortment: left out",
    "nights_without_errors": "nights of sequential without a record of errors (the forecast's own spread was taken)",
    "refused_units": "units ordered that the world's network did not deliver (stochastic)",
    "degraded_nights": "nights whose plan was cut short by time, so it need not come out the same again: raise [planning] solve_seconds",
}
_CENT = 0.005
#: Of these the most of any way of deciding is said, of the others what stochastic, the first, has.
_MOST = ("degraded_nights", "nights_without_errors")


def text(found: Simulation) -> str:
    """Cost and service of every policy, for each way of taking demand; what counts, what was assumed, the verdict."""
    lines = [headline(found), ""]
    for demand, seed in cases(found.rows):
        rows = [(row["policy"], row) for row in pick(found.rows, demand=demand, seed=seed, cut="*")]
        lines += [f"{MEANING[demand]} (seed {seed})", *_grid(rows, costs_of(rows), differences=True), "", *_grid(rows, SERVICE), ""]
    return "\n".join([*lines, *verdicts(found), "", *notes(found)])


def headline(found: Simulation) -> str:
    """Which nights were simulated and which count."""
    span = found.span
    return (
        f"{span.nights} nights, {span.first} to {span.last}; the first {span.fixed} (lead time + review) are fixed by older orders and "
        f"don't count. Money in {found.config.currency}."
    )


def cases(rows: Iterable[Row]) -> list[tuple[str, int]]:
    """Ways of taking demand, with seeds, in the order in which they were run."""
    return list(dict.fromkeys((row["demand"], row["seed"]) for row in rows))


def costs_of(rows: Sequence[tuple[str, Row]]) -> tuple[str, ...]:
    """Columns of costs that are not nothing everywhere, and the share of the way from base stock to oracle where both were simulated."""
    charged = tuple(name for name in COSTS if any(row and row[name] for _, row in rows))
    return (*charged, WAY) if any(row and cell(row, WAY) for _, row in rows) else charged


def cell(row: Row, name: str) -> str:
    """A number as it is shown."""
    value = row[name]
    return "" if value is None or value != value else COLUMNS[name][1].format(value)  # noqa: PLR0124 - NaN


def gap(row: Row) -> str:
    """The difference to stochastic with its interval."""
    if row["policy"] == "stochastic":
        return ""
    if row["difference_low"] != row["difference_low"]:
        return f"{row['difference']:+,.0f} (too few items)"
    return f"{row['difference']:+,.0f} ({row['difference_low']:+,.0f} .. {row['difference_high']:+,.0f})"


def verdicts(found: Simulation) -> list[str]:
    """A sentence a policy: what it costs beside stochastic, and how sure that is; over several cases only whether all say the same."""
    rows = [row for row in pick(found.rows, cut="*") if row["verdict"] != "reference"]
    if len(cases(found.rows)) == 1:
        return [_against(row, found.config.currency) for row in rows]
    said = {
        "dearer": "{} is dearer than stochastic, whatever demand is taken for and with every seed.",
        "cheaper": "{} is cheaper than stochastic, whatever demand is taken for and with every seed.",
        "undecided": "{} and stochastic: undecided. An interval holds zero, or the ranking flips with what demand is taken for.",
    }
    return [said[verdict].format(name) for name, verdict in {row["policy"]: row["verdict"] for row in rows}.items()]


def _against(row: Row, currency: str) -> str:
    """A policy against stochastic where there is one case."""
    if abs(row["difference"]) < _CENT:
        return f"{row['policy']} costs what stochastic costs."
    way = "more" if row["difference"] > 0 else "less"
    percent = abs(row["difference"]) / max(row["total_cost"] - row["difference"], 1e-9)
    sure = {"dearer": "dearer", "cheaper": "cheaper", "undecided": "undecided, the interval holds zero"}[row["verdict"]]
    if row["difference_low"] != row["difference_low"]:
        sure = "undecided, too few items for an interval"
    return f"{row['policy']} costs {abs(row['difference']):,.0f} {currency} ({percent:.1%}) {way} than stochastic: {sure}."


def notes(found: Simulation) -> list[str]:
    """What the reader must know: how sure the intervals are, what was assumed."""
    blocks = {row["blocks"] for row in found.rows}
    sure = "Intervals: 95%, bootstrap over items with all their locations"
    if blocks == {0}:
        sure += f". There are fewer than {LEAST_BLOCKS} blocks of weeks, so noise from week to week is not covered"
    else:
        sure += f", crossed with {max(blocks)} blocks of weeks"
    lines = [f"{name}: {KNOWN[name].meaning}." for name in dict.fromkeys(row["policy"] for row in found.rows)]
    lines += _tuned(found)
    lines += HEADS
    if any(cell(row, WAY) for row in pick(found.rows, cut="*")):
        lines += ["of the way: from base_stock (0%) to the oracle (100%), which knows the law of demand."]
    if any(row["cut"] != "*" for row in found.rows):
        lines += ["Departments, volume classes and kinds of location: gold/simulations (cut, segment), and the page."]
    lines += [f"{sure}. No policy is a lower bound: plans are heuristics."]
    counts: dict[str, int] = {}
    for outcome in found.outcomes:
        counts = {**outcome.counts, **counts}
        counts |= {name: max(counts.get(name, 0), outcome.counts.get(name, 0)) for name in _MOST}
    return lines + [f"{counts[name]:,} {meaning}" for name, meaning in _COUNTS.items() if counts.get(name)]


def _tuned(found: Simulation) -> list[str]:
    """What the base stock's multiplier is and where it comes from, for each way of taking demand."""
    of = {each.demand: each.tuned for each in found.outcomes if each.tuned}
    if not of:
        return []
    if not any(tuned.nights for tuned in of.values()):
        return ["base_stock: multiplier 1, too few nights before the first to tune it."]
    said = (f"{tuned.multiplier:.2f} ({demand}, {1 - tuned.cost / tuned.cost_of_one:.1%} cheaper than 1)" for demand, tuned in of.items())
    some = next(iter(of.values()))
    return [f"base_stock: multiplier tuned on the {some.nights} nights before the first, {some.lines} series: {', '.join(said)}."]


def _grid(rows: Sequence[tuple[str, Row]], columns: Sequence[str], *, differences: bool = False) -> list[str]:
    head = ["", *(COLUMNS[name][0] for name in columns), *(["to stochastic (95%)"] if differences else [])]
    table = [head, *([label, *(cell(row, name) for name in columns), *([gap(row)] if differences else [])] for label, row in rows)]
    return aligned(table)
