"""The page: whole, offline, well-formed; and what a chart draws where."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest

from jobs.forecast import fans
from jobs.forecast.backtest import Backtest
from jobs.forecast.charts import Axis, Chart, bars, round_step
from jobs.forecast.design import Design
from jobs.forecast.printout import text
from jobs.forecast.report import page
from jobs.forecast.scoreboard import scoreboard
from tests.jobs.forecast.judged import CLOCK, judged

ORIGINS = (19_872, 19_879)
ROWS = judged(5, 6, 7, origins=ORIGINS, out=0.2)


@pytest.fixture(scope="module")
def found() -> Backtest:

    board = scoreboard(ROWS, CLOCK, {"i0": "fish & <chips>"}, {o: lambda rows: np.ones((rows.num_rows, 8)) for o in ORIGINS})
    return Backtest(Design(tuple(CLOCK.first_day(o) for o in ORIGINS)), CLOCK, board, ROWS, 1.0, 2.0)


@pytest.fixture(scope="module")
def html(found: Backtest) -> str:
    shown = fans.fans(found.rows)
    history = {fan.series: {fan.origin - k: (float(k), float(k % 2)) for k in range(1, 40)} for group in shown for fan in group}
    return page(found, shown, history)


def test_the_page_needs_nothing_from_outside(html: str) -> None:
    assert not re.search(r"<script|<link|<img|@import|url\(|src=|href=", html)
    assert not re.search(r"https?://", html)


def test_every_tag_is_closed_and_text_is_escaped(html: str) -> None:
    unclosed: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag != "meta":
                unclosed.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            """Closes itself."""

        def handle_endtag(self, tag: str) -> None:
            assert unclosed.pop() == tag

    Tags().feed(html)
    assert unclosed == []
    assert "fish &amp; &lt;chips&gt;" in html
    for svg in re.findall(r"<svg viewBox.*?</svg>", html):
        ET.fromstring(svg)


def test_charts_tables_and_numbers_are_there(html: str, found: Backtest) -> None:
    for title in ("Error by periods ahead", "Error by origin", "Forecast value added", "Calibration", "Worst series", "Typical series"):
        assert title in html
    assert html.count("<figure>") == 4 + 6
    for label in ("WAPE of the mean (share of demand)", "nominal level (%)", "observed at or below (%)", "units a period"):
        assert label in html
    (model,) = [row for row in found.board if (row["method"], row["basis"], row["kind"]) == ("model", "in_stock", "all")]
    assert f"<td>{model['wape_mean']:.4f}</td>" in html
    assert "nan" not in html


def test_worst_and_typical_series_are_different_and_the_worst_costs_most() -> None:
    worst, typical = fans.fans(ROWS)
    assert len({fan.series for fan in [*worst, *typical]}) == 6
    assert all(fan.rows.num_rows == 7 for fan in [*worst, *typical])

    def units(fan: fans.Fan) -> float:
        return fan.loss * sum(row["units"] for row in fan.rows.to_pylist() if row["in_stock"])

    assert min(map(units, worst)) > max(map(units, typical))


def test_a_series_that_was_never_in_stock_is_no_example() -> None:
    rows = judged(2, 2, 3, out=1.0)
    assert fans.fans(rows) == ([], [])


def test_the_text_has_every_method_and_segment(found: Backtest) -> None:
    printed = text(found)
    for word in ("model", "naive", "7-day mean", "in-stock weekday mean", "2024-06-05", "stores of an item", "fish & <chips>", "log score"):
        assert word in printed
    assert "nan" not in printed


def test_axes_are_round_and_hold_their_values() -> None:
    axis = Axis.over([0.12, 0.47], "x")
    assert [tick for tick, _ in axis.ticks] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert [text for _, text in axis.ticks] == ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]
    assert Axis.over([-30.0, 20.0], "x").low <= -30
    assert Axis.over([float("nan")], "x").high == 1
    assert [round_step(v) for v in (0.03, 0.2, 7.0)] == [pytest.approx(0.05), pytest.approx(0.2), 10]


def test_points_lie_where_the_axes_say() -> None:
    chart = Chart("t", Axis(0, 10, "x", ()), Axis(0, 1, "y", ()), width=120, height=100, left=10, right=10, top=10, bottom=10)
    assert (chart.at(0, 0), chart.at(10, 1), chart.at(5, 0.5)) == ((10, 90), (110, 10), (60, 50))
    drawn = chart.line([(0, 0), (5, float("nan")), (10, 1)], "#000", "a & b").html()
    assert 'points="10.0,90.0 110.0,10.0"' in drawn
    assert "a &amp; b" in drawn


def test_bars_to_the_left_are_losses() -> None:
    drawn = bars("t", "percent", [("gain", 10.0), ("loss", -5.0)])
    assert "+10.0" in drawn
    assert "-5.0" in drawn
    assert len(set(re.findall(r'<rect[^>]*fill="(#\w+)"', drawn))) == 2
