"""Plots as numbers for a template to draw: bars in a box of fixed size, and a scale that people can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 160
GAP: Final = 0.25  # of a bar's place


@dataclass(frozen=True, slots=True)
class Bar:
    """One value: where its bar stands in the box, and what it says."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int


@dataclass(frozen=True, slots=True)
class Plot:
    """Bars from left to right. `top` is the value at the upper edge, `middle` the one halfway."""

    bars: tuple[Bar, ...]
    top: int
    first: str
    last: str

    @property
    def middle(self) -> int:
        return self.top // 2

    @property
    def width(self) -> int:
        return WIDTH

    @property
    def height(self) -> int:
        return HEIGHT


def bar_plot(values: Sequence[tuple[str, int]]) -> Plot | None:
    """A plot of named values; None when all are nothing, for then there is nothing to see."""
    if not any(value for _label, value in values):
        return None
    top = round_above(max(value for _label, value in values))
    place = WIDTH / len(values)
    bars = []
    for number, (label, value) in enumerate(values):
        height = max(HEIGHT * value / top, 1.5 if value else 0)
        bars.append(
            Bar(
                x=round(place * (number + GAP / 2), 2),
                y=round(HEIGHT - height, 2),
                width=round(place * (1 - GAP), 2),
                height=round(height, 2),
                label=label,
                value=value,
            )
        )
    return Plot(tuple(bars), top, values[0][0], values[-1][0])


@dataclass(frozen=True, slots=True)
class Dot:
    """One share: where its dot stands in the box, and what it says."""

    x: float
    y: float
    label: str
    percent: int


@dataclass(frozen=True, slots=True)
class SharePlot:
    """Shares from left to right, from nothing at the foot to all at the top; `line` joins those that there are."""

    dots: tuple[Dot, ...]
    line: str
    first: str
    last: str

    @property
    def width(self) -> int:
        return WIDTH

    @property
    def height(self) -> int:
        return HEIGHT


def share_plot(values: Sequence[tuple[str, float | None]]) -> SharePlot | None:
    """A plot of named shares from 0 to 1, gaps where there is none; None when there is none at all."""
    place = WIDTH / max(1, len(values))
    dots = tuple(
        Dot(
            x=round(place * (number + 0.5), 2),
            y=round((HEIGHT - 8) * (1 - share) + 4, 2),
            label=label,
            percent=round(100 * share),
        )
        for number, (label, share) in enumerate(values)
        if share is not None
    )
    if not dots:
        return None
    line = " ".join(f"{dot.x},{dot.y}" for dot in dots)
    return SharePlot(dots, line, values[0][0], values[-1][0])


def round_above(value: int) -> int:
    """The next of 2, 4, 6, 10, 20, 40, 60, 100 and so on: numbers that halve well."""
    step = 1
    while True:
        for factor in (2, 4, 6, 10):
            if value <= factor * step:
                return factor * step
        step *= 10
