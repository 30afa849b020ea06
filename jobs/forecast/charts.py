"""Plots as inline SVG: lines, bands, dots and bars on axes with units; no script, no font, no link.

No plotting library of the lock writes a page that works offline (altair wants its JavaScript from the net), and a line
chart takes a hundred lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

Points = Sequence[tuple[float, float]]

#: Okabe and Ito (2008): told apart by colour-blind readers too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
STYLE = """
svg text { font: 12px system-ui, sans-serif; fill: #333 }
svg .axis { stroke: #999; stroke-width: 1 }
svg .grid { stroke: #e6e6e6; stroke-width: 1 }
svg .title { font-weight: 600 }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 12px; color: #333; margin: 2px 0 0 56px }
.legend span { display: inline-flex; align-items: center; gap: 6px }
"""


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis: its range, what is written at its ticks, its label with the unit."""

    low: float
    high: float
    label: str
    ticks: tuple[tuple[float, str], ...]

    @classmethod
    def over(cls, values: Sequence[float], label: str, form: str = "{:g}", zero: bool = True, count: int = 5) -> Axis:
        """An axis with round ticks around the finite values, from zero unless told otherwise."""
        finite = [v for v in values if np.isfinite(v)] or [0.0, 1.0]
        low, high = min([*finite, 0.0] if zero else finite), max([*finite, 0.0] if zero else finite)
        step = round_step(max(high - low, 1e-9) / count)
        first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
        ticks = [float(round(k * step, 10)) for k in range(int(first), int(max(last, first + 1)) + 1)]
        return cls(ticks[0], ticks[-1], label, tuple((tick, form.format(tick)) for tick in ticks))


def round_step(raw: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(raw))
    return float(next(m for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9)) * power)


@dataclass
class Chart:
    """A chart that is drawn piece by piece; later pieces lie on top."""

    title: str
    x: Axis
    y: Axis
    width: int = 540
    height: int = 300
    left: int = 56
    right: int = 16
    top: int = 28
    bottom: int = 44
    pieces: list[str] = field(default_factory=list)
    legend: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point."""
        across = (x - self.x.low) / (self.x.high - self.x.low)
        up = (y - self.y.low) / (self.y.high - self.y.low)
        inner = self.width - self.left - self.right, self.height - self.top - self.bottom
        return round(self.left + across * inner[0], 1), round(self.height - self.bottom - up * inner[1], 1)

    def line(self, points: Points, colour: str, name: str = "", dash: str = "", wide: float = 1.8) -> Chart:
        """A line through the finite points."""
        path = " ".join(f"{a},{b}" for a, b in (self.at(*p) for p in points if np.isfinite(p[1])))
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.pieces.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{wide}"{dashed}/>')
        swatch = f'<line x1="0" y1="6" x2="22" y2="6" stroke="{colour}" stroke-width="{wide}"{dashed}/>'
        return self._name(name, swatch)

    def band(self, xs: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str, opacity: float, name: str = "") -> Chart:
        """The area between two lines."""
        edge = [self.at(*p) for p in zip(xs, high, strict=True)] + [self.at(*p) for p in reversed(list(zip(xs, low, strict=True)))]
        path = " ".join(f"{a},{b}" for a, b in edge)
        self.pieces.append(f'<polygon points="{path}" fill="{colour}" fill-opacity="{opacity}"/>')
        return self._name(name, f'<rect x="0" y="1" width="22" height="10" fill="{colour}" fill-opacity="{opacity}"/>')

    def dots(self, points: Points, colour: str, name: str = "", hollow: bool = False) -> Chart:
        """Dots at the finite points, with their value as a tooltip."""
        fill = f'fill="#fff" stroke="{colour}" stroke-width="1.6"' if hollow else f'fill="{colour}"'
        for x, y in points:
            if np.isfinite(y):
                a, b = self.at(x, y)
                self.pieces.append(f'<circle cx="{a}" cy="{b}" r="3" {fill}><title>{y:.4g}</title></circle>')
        return self._name(name, f'<circle cx="11" cy="6" r="3" {fill}/>')

    def rule(self, x: float, text: str) -> Chart:
        """A vertical line with a word at its top."""
        (a, top), (_, bottom) = self.at(x, self.y.high), self.at(x, self.y.low)
        self.pieces.append(f'<line x1="{a}" y1="{top}" x2="{a}" y2="{bottom}" stroke="#999" stroke-dasharray="3 3"/>')
        self.pieces.append(f'<text x="{a - 5}" y="{top + 11}" text-anchor="end" style="fill:#777">{escape(text)}</text>')
        return self

    def _name(self, name: str, swatch: str) -> Chart:
        if name:
            self.legend.append(f'<span><svg width="22" height="12">{swatch}</svg>{escape(name)}</span>')
        return self

    def html(self) -> str:
        """The chart with its legend below."""
        body = "".join([*self._axes(), *self.pieces])
        svg = f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(self.title)}">{body}</svg>'
        return f'<figure>{svg}<div class="legend">{"".join(self.legend)}</div></figure>'

    def _axes(self) -> list[str]:
        (left, bottom), (right, top) = self.at(self.x.low, self.y.low), self.at(self.x.high, self.y.high)
        drawn = [f'<text class="title" x="{self.left}" y="16">{escape(self.title)}</text>']
        for tick, text in self.y.ticks:
            y = self.at(self.x.low, tick)[1]
            drawn.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>')
            drawn.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{escape(text)}</text>')
        for tick, text in self.x.ticks:
            x = self.at(tick, self.y.low)[0]
            drawn.append(f'<line class="axis" x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 4}"/>')
            drawn.append(f'<text x="{x}" y="{bottom + 17}" text-anchor="middle">{escape(text)}</text>')
        drawn.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
        middle, centre = (left + right) / 2, (top + bottom) / 2
        drawn.append(f'<text x="{middle}" y="{self.height - 8}" text-anchor="middle">{escape(self.x.label)}</text>')
        drawn.append(f'<text transform="translate(13 {centre}) rotate(-90)" text-anchor="middle">{escape(self.y.label)}</text>')
        return drawn


def bars(title: str, unit: str, values: Sequence[tuple[str, float]], width: int = 540) -> str:
    """Horizontal bars with their values written at their ends; left of zero is worse."""
    x = Axis.over([value for _, value in values], unit)
    names, row = 190, 26
    height = 28 + row * len(values) + 44
    chart = Chart(title, x, Axis(0, len(values), "", ()), width, height, left=names, right=60)
    zero = chart.at(0, 0)[0]
    for number, (name, value) in enumerate(values):
        end, y = chart.at(value, len(values) - number)[0], 28 + row * number
        colour = COLOURS[0] if value >= 0 else COLOURS[1]
        chart.pieces.append(f'<rect x="{min(zero, end)}" y="{y + 4}" width="{abs(end - zero)}" height="{row - 9}" fill="{colour}"/>')
        chart.pieces.append(f'<text x="{names - 8}" y="{y + 17}" text-anchor="end">{escape(name)}</text>')
        chart.pieces.append(f'<text x="{max(zero, end) + 6}" y="{y + 17}">{value:+.1f}</text>')
    chart.pieces.append(f'<line class="axis" x1="{zero}" x2="{zero}" y1="28" y2="{height - 44}"/>')
    return chart.html()
