"""Counters, histograms and gauges in Prometheus' text format.

A page of our own rather than `prometheus-client`: that one costs each process a fifth of a second at its start and
brings servers and a push client which nothing here may use.

Labels are bounded: each has a fixed set of values, and any other counts as `other`. So no user data can become a
label, and no caller can fill the memory.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

Kind = Literal["counter", "gauge", "histogram"]
LabelValues = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: the metric's name with a suffix, its labels and its value."""

    suffix: str
    labels: Mapping[str, str]
    value: float


class Metric:
    """What all kinds share. `labels` maps each label to its permitted values."""

    kind: Kind

    def __init__(self, name: str, meaning: str, **labels: Sequence[str]) -> None:
        self.name = name
        self.meaning = meaning
        self.labels = {label: frozenset(values) for label, values in labels.items()}
        self._lock = Lock()
        if name in _registered:
            raise ValueError(f"the metric {name} exists already")
        _registered[name] = self

    def samples(self) -> Iterable[Sample]:
        """The lines as they are now."""
        raise NotImplementedError

    def _key(self, given: Mapping[str, str]) -> LabelValues:
        """The labels' values in the declared order. Raises KeyError for a missing one."""
        return tuple(
            given[label] if given[label] in permitted else OTHER for label, permitted in self.labels.items()
        )

    def _named(self, key: LabelValues) -> dict[str, str]:
        return dict(zip(self.labels, key, strict=True))


class Counter(Metric):
    """Only goes up, from the start of its process."""

    kind = "counter"

    def __init__(self, name: str, meaning: str, **labels: Sequence[str]) -> None:
        super().__init__(name, meaning, **labels)
        self._values: dict[LabelValues, float] = {} if labels else {(): 0.0}

    def add(self, amount: float = 1, **labels: str) -> None:
        key = self._key(labels)
        with self._lock:
            self._values[key] = self._values.get(key, 0.0) + amount

    def samples(self) -> Iterator[Sample]:
        with self._lock:
            values = sorted(self._values.items())
        for key, value in values:
            yield Sample("", self._named(key), value)


class Histogram(Metric):
    """How often values fell below each bound, and their sum."""

    kind = "histogram"

    def __init__(
        self, name: str, meaning: str, *, bounds: Sequence[float] = SECONDS, **labels: Sequence[str]
    ) -> None:
        super().__init__(name, meaning, **labels)
        self._bounds = tuple(bounds)
        self._counts: dict[LabelValues, list[int]] = {}
        self._sums: dict[LabelValues, float] = {}
        if not labels:
            self._start(())

    def observe(self, value: float, **labels: str) -> None:
        key = self._key(labels)
        with self._lock:
            if key not in self._counts:
                self._start(key)
            self._counts[key][bisect_left(self._bounds, value)] += 1
            self._sums[key] += value

    def samples(self) -> Iterator[Sample]:
        with self._lock:
            found = [(key, tuple(counts), self._sums[key]) for key, counts in sorted(self._counts.items())]
        for key, counts, total in found:
            named = self._named(key)
            below = 0
            for bound, count in zip((*self._bounds, math.inf), counts, strict=True):
                below += count
                yield Sample("_bucket", {**named, "le": _number(bound)}, below)
            yield Sample("_sum", named, total)
            yield Sample("_count", named, below)

    def _start(self, key: LabelValues) -> None:
        self._counts[key] = [0] * (len(self._bounds) + 1)
        self._sums[key] = 0.0


class Gauge(Metric):
    """Measured when it is asked for: `measure` gives a value for each value of the one label, or for "" without."""

    kind = "gauge"

    def __init__(
        self, name: str, meaning: str, measure: Callable[[], Mapping[str, float]], **labels: Sequence[str]
    ) -> None:
        super().__init__(name, meaning, **labels)
        self._measure = measure

    def samples(self) -> Iterator[Sample]:
        for value, amount in sorted(self._measure().items()):
            yield Sample("", dict.fromkeys(self.labels, value), amount)


_registered: dict[str, Metric] = {}


def all_metrics() -> tuple[Metric, ...]:
    """Every declared metric, by name."""
    return tuple(_registered[name] for name in sorted(_registered))


def exposition(metrics: Iterable[Metric], **common: str) -> str:
    """The text that Prometheus reads; each line carries the labels `common` too."""
    lines: list[str] = []
    for metric in metrics:
        lines.append(f"# HELP {metric.name} {_escaped(metric.meaning, quotes=False)}")
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        for sample in metric.samples():
            labels = ",".join(
                f'{name}="{_escaped(value)}"' for name, value in {**common, **sample.labels}.items()
            )
            lines.append(f"{metric.name}{sample.suffix}{{{labels}}} {_number(sample.value)}")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(value)


def _escaped(text: str, *, quotes: bool = True) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text
