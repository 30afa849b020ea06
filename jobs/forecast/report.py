"""A backtest as one HTML page that needs nothing else: plots, tables, and how to read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from jobs.features.names import KEY
from jobs.forecast import fans
from jobs.forecast.charts import COLOURS, STYLE, Axis, Chart, bars
from jobs.forecast.distribution import LEVELS, NAMES
from jobs.forecast.plain import LABELS, PLAIN
from jobs.forecast.printout import COLUMNS, cell, pick
from jobs.forecast.scoreboard import ALL_DAYS, IN_STOCK, MODEL, SUMS
from jobs.forecast.segments import ALL, DEPARTMENT, ORIGIN, PROMOTION, STEP, VOLUME

if TYPE_CHECKING:
    from jobs.forecast.backtest import Backtest
    from jobs.forecast.fans import Fan, Series
    from jobs.lake import Lake

Row = dict[str, Any]
History = Mapping["Series", Mapping[int, tuple[float, float]]]

#: The page around a body; also of other reports.
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.45 system-ui, sans-serif; color: #222; background: #fff; max-width: 1120px; margin: 24px auto; padding: 0 20px }}
h1 {{ font-size: 24px; margin-bottom: 4px }} h2 {{ font-size: 18px; margin: 32px 0 8px }} p {{ margin: 4px 0 10px; max-width: 90ch }}
.two {{ display: grid; grid-template-columns: 1fr 1fr; gap: 20px }}
.three {{ display: grid; grid-template-columns: 1fr 1fr 1fr; gap: 12px }}
figure {{ margin: 0 }} figure > svg {{ width: 100%; height: auto; display: block }}
table {{ border-collapse: collapse; font-size: 13px; margin: 6px 0 18px }}
th, td {{ padding: 3px 12px; text-align: right; border-bottom: 1px solid #eee; white-space: nowrap }}
th:first-child, td:first-child {{ text-align: left }} th {{ border-bottom: 1px solid #999; font-weight: 600 }}
tr.head td {{ font-weight: 600; padding-top: 12px; color: #555 }}
{style}</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""
_SEGMENTS = {
    ORIGIN: "by origin",
    VOLUME: "by volume, units a period",
    STEP: "by periods ahead",
    PROMOTION: "by promotion",
    DEPARTMENT: "by department",
}
_READING = (
    "<p>Calibration: of 100 periods, p should lie at or below the p% quantile (the grey line). Stock-outs censored: the sales of a "
    "stock-out are a floor of demand (Kaplan-Meier). Sums come from demand paths as the plan draws them.</p>"
)
_MEASURES = ("rows", "demand", "wape_mean", "wape", "bias", "pinball", "coverage_80")


def write(lake: Lake, found: Backtest, file: str) -> None:
    """Write the page."""
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    shown = fans.fans(found.rows)
    history = {fan.series: _history(lake, fan.series, found) for group in shown for fan in group}
    Path(file).write_text(page(found, shown, history), encoding="utf-8")


def page(found: Backtest, shown: tuple[Sequence[Fan], Sequence[Fan]], history: History) -> str:
    """The page's HTML."""
    design, labels = found.design, {MODEL: "model", **LABELS[found.clock.grain]}
    span = f"{len(design.origins)} origins from {design.origins[0]} to {design.origins[-1]}"
    what = f"{span}, {design.horizon} periods each; models {design.models}."
    parts = [
        f"<p>{escape(what)} Single periods are judged where the shelf was full all period; below, all periods count.</p>",
        _headline(found.board, labels),
        '<h2>Errors</h2><div class="two">',
        _by(found.board, STEP, labels, "Error by periods ahead", "periods ahead (0: the origin's own)"),
        _by(found.board, ORIGIN, labels, "Error by origin", "origin"),
        _value_added(found.board, labels),
        _calibration(found.board),
        "</div>",
        _READING,
        "<h2>Sums and all days</h2>",
        _table([(row["segment"], row) for row in pick(found.board, basis=SUMS)], ("rows", "demand", "bias", "coverage_80"), "sum of"),
        _table(_all_days(found.board), ("rows", "demand", "log_score", "coverage_80"), "all days, stock-outs censored"),
    ]
    for title, group in zip(("Worst series", "Typical series"), shown, strict=True):
        cards = [fans.chart(fan, history.get(fan.series, {}), found.clock, " · ".join(fan.series[:2])) for fan in group]
        parts.append(f'<h2>{title}</h2><div class="three">{"".join(cards)}</div>')
    return PAGE.format(title="Backtest", style=STYLE, body="\n".join([*parts, "<h2>Segments</h2>", _segments(found.board)]))


def _headline(board: Sequence[Row], labels: Mapping[str, str]) -> str:
    rows = [(labels[row["method"]], row) for row in pick(board, kind=ALL, basis=IN_STOCK)]
    return _table(rows, (*_MEASURES, "value_added"), "method")


def _by(board: Sequence[Row], kind: str, labels: Mapping[str, str], title: str, axis: str) -> str:
    """WAPE of the mean over the segments of a kind, a line a method."""
    names = list(dict.fromkeys(row["segment"] for row in pick(board, kind=kind, basis=IN_STOCK)))
    lines = {m: [(i, row["wape_mean"]) for i, row in enumerate(pick(board, kind=kind, basis=IN_STOCK, method=m))] for m in labels}
    every = -(-len(names) // 7)
    ticks = tuple((float(i), name) for i, name in enumerate(names) if i % every == 0)
    x = Axis(-0.3, len(names) - 0.7, axis, ticks)
    chart = Chart(title, x, Axis.over([v for line in lines.values() for _, v in line], "WAPE of the mean (share of demand)"))
    for number, (method, line) in enumerate(reversed(lines.items())):
        place = len(lines) - 1 - number
        chart.line(line, COLOURS[place], labels[method], "" if method == MODEL else "5 3", 2.6 if method == MODEL else 1.5)
        if method == MODEL:
            chart.dots(line, COLOURS[place])
    chart.legend.reverse()
    return chart.html()


def _value_added(board: Sequence[Row], labels: Mapping[str, str]) -> str:
    rows = {row["method"]: row["value_added"] for row in pick(board, kind=ALL, basis=IN_STOCK) if row["method"] != MODEL}
    return bars(
        "Forecast value added: WAPE saved", "percent of the plain forecast's WAPE", [(f"against {labels[m]}", rows[m]) for m in PLAIN]
    )


def _calibration(board: Sequence[Row]) -> str:
    percent = Axis(0, 100, "nominal level (%)", tuple((float(v), str(v)) for v in range(0, 101, 20)))
    chart = Chart("Calibration", percent, Axis(0, 100, "observed at or below (%)", percent.ticks), height=330)
    chart.line([(0, 0), (100, 100)], "#aaa", "calibrated", wide=1.2)
    shown = [("single periods in stock", pick(board, kind=ALL, basis=IN_STOCK, method=MODEL), "")]
    shown += [("all periods, stock-outs censored", pick(board, kind=ALL, basis=ALL_DAYS), "")]
    shown += [(f"sums: {row['segment']}", [row], "5 3") for row in pick(board, basis=SUMS)]
    for number, (name, rows, dash) in enumerate(shown):
        for row in rows:
            points = [(100 * level, 100 * row[f"below_{q}"]) for q, level in zip(NAMES, LEVELS, strict=True)]
            chart.line(points, COLOURS[number], name, dash)
    return chart.html()


def _all_days(board: Sequence[Row]) -> list[tuple[str, Row]]:
    rows = pick(board, basis=ALL_DAYS, kind=ALL) + pick(board, basis=ALL_DAYS, kind=VOLUME)
    return [(row["segment"] if row["kind"] == ALL else f"{row['segment']} units a period", row) for row in rows]


def _segments(board: Sequence[Row]) -> str:
    """The model by segment, with the WAPE saved against the best plain forecast there."""
    rows: list[tuple[str, Row]] = []
    for kind, title in _SEGMENTS.items():
        rows.append((title, {}))
        for row in pick(board, kind=kind, basis=IN_STOCK, method=MODEL):
            plain = [other for other in pick(board, kind=kind, basis=IN_STOCK, segment=row["segment"]) if other["method"] != MODEL]
            rows.append((row["segment"], row | {"value_added": min(other["value_added"] for other in plain)}))
    note = "<p>Value added: WAPE saved against the best plain forecast of the segment.</p>"
    return note + _table(rows, (*_MEASURES, "value_added"), "segment")


def _table(rows: Sequence[tuple[str, Row]], columns: Sequence[str], title: str) -> str:
    """A table; a row without values is a heading."""
    head = "".join(f"<th>{escape(COLUMNS[name][0])}</th>" for name in columns)
    lines = [f"<tr><th>{escape(title)}</th>{head}</tr>"]
    for label, row in rows:
        cells = "".join(f"<td>{cell(row, name)}</td>" for name in columns)
        lines.append(f"<tr{'' if row else ' class=head'}><td>{escape(str(label))}</td>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _history(lake: Lake, series: Series, found: Backtest) -> dict[int, tuple[float, float]]:
    """Period -> (units, in-stock fraction), in the newest state."""
    where = [(name, "=", value) for name, value in zip(KEY, series, strict=True)]
    rows = lake.arrow("silver/demand", ["period", "units", "in_stock_fraction", "known_to"], list(where))
    rows = rows.filter(pc.is_null(rows["known_to"]))
    periods = found.clock.indices(np.asarray(rows["period"].cast("int32").cast("int64"), np.int64)).tolist()
    return dict(
        zip(periods, zip(rows["units"].cast("float64").to_pylist(), rows["in_stock_fraction"].to_pylist(), strict=True), strict=True)
    )
