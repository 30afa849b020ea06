"""A backtest as text, for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from jobs.forecast.distribution import LEVELS, NAMES
from jobs.forecast.plain import LABELS
from jobs.forecast.scoreboard import ALL_DAYS, IN_STOCK, MODEL, SUMS
from jobs.forecast.segments import ALL, DEPARTMENT, ORIGIN, PROMOTION, STEP, VOLUME

if TYPE_CHECKING:
    from jobs.forecast.backtest import Backtest

Row = dict[str, Any]
#: How a column is printed: its head, and the number's form.
COLUMNS: dict[str, tuple[str, str]] = {
    "rows": ("rows", "{:,.0f}"),
    "demand": ("units", "{:,.0f}"),
    "wape_mean": ("WAPE mean", "{:.4f}"),
    "wape": ("WAPE median", "{:.4f}"),
    "bias": ("bias", "{:+.4f}"),
    "pinball": ("pinball", "{:.4f}"),
    "coverage_80": ("in q10..q90", "{:.3f}"),
    "value_added": ("value added %", "{:+.1f}"),
    "log_score": ("log score", "{:.4f}"),
}
_SHOWN = {VOLUME: "units a period", STEP: "periods ahead", PROMOTION: "promotion", DEPARTMENT: "department"}
_ERRORS = ("rows", "wape_mean", "wape", "bias", "pinball", "coverage_80")


def pick(board: Iterable[Row], **where: Any) -> list[Row]:
    """The rows of the board with these values."""
    return [row for row in board if all(row[name] == value for name, value in where.items())]


def text(found: Backtest) -> str:
    """All tables, one after the other."""
    design, board = found.design, found.board
    labels = {MODEL: "model", **LABELS[found.clock.grain]}
    head = (
        f"Backtest of {len(design.origins)} origins, {design.origins[0]} to {design.origins[-1]}, {design.horizon} periods each; "
        f"models {design.models}.\nModels {found.trained:.0f} s, forecasts {found.scored:.0f} s. y: demand of periods in stock throughout."
    )
    parts = [head]
    for origin in [*dict.fromkeys(row["segment"] for row in pick(board, kind=ORIGIN, basis=IN_STOCK)), "all"]:
        rows = pick(board, kind=ALL if origin == "all" else ORIGIN, segment=origin, basis=IN_STOCK)
        names = [(labels[row["method"]], row) for row in rows]
        parts.append(table("all origins" if origin == "all" else f"origin {origin}", names, (*_ERRORS, "value_added")))
    for kind, title in _SHOWN.items():
        rows = pick(board, kind=kind, basis=IN_STOCK, method=MODEL)
        parts.append(table(title, [(row["segment"], row) for row in rows], (*_ERRORS[:1], "demand", *_ERRORS[1:])))
    return "\n\n".join([*parts, _calibration(board), _all_days(board)])


def table(title: str, rows: Sequence[tuple[str, Row]], columns: Sequence[str]) -> str:
    """Lines of a table; the first column is left, numbers right; what does not apply is empty."""
    cells = [[title, *(COLUMNS[name][0] for name in columns)]]
    cells += [[label, *(cell(row, name) for name in columns)] for label, row in rows]
    return "\n".join(aligned(cells))


def aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Lines of cells as wide as the widest of their column; the first column is left, the others right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in cells]


def cell(row: Row, name: str) -> str:
    """A number as printed; empty where there is none."""
    value = row.get(name)
    return "" if value is None or math.isnan(value) else COLUMNS[name][1].format(value)


def _calibration(board: Sequence[Row]) -> str:
    """Nominal and observed share below each quantile, in percent: single periods, all days, sums."""
    series = [("in stock", pick(board, kind=ALL, basis=IN_STOCK, method=MODEL)), ("all days", pick(board, kind=ALL, basis=ALL_DAYS))]
    series += [(row["segment"], [row]) for row in pick(board, basis=SUMS)]
    width = max(len(label) for label, _ in series)
    lines = [" ".join(["share below, %".ljust(width), *(f"{100 * level:5.0f}" for level in LEVELS), "  q10..q90"])]
    for label, rows in series:
        values = [f"{100 * row[f'below_{name}']:5.1f}" for row in rows for name in NAMES]
        lines.append(" ".join([label.ljust(width), *values, *(f"{100 * row['coverage_80']:10.1f}" for row in rows)]))
    return "\n".join(lines)


def _all_days(board: Sequence[Row]) -> str:
    rows = [(row["segment"], row) for kind in (ALL, VOLUME) for row in pick(board, basis=ALL_DAYS, kind=kind)]
    return table("all days, stock-outs censored", rows, ("rows", "demand", "log_score", "coverage_80"))
