"""The text that Prometheus reads, and labels that cannot grow."""

from __future__ import annotations

import pytest

from chatplatform.common import metrics
from chatplatform.common.metrics import Counter, Gauge, Histogram, exposition


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_registered", {})


def test_a_counter() -> None:
    counter = Counter("a_total", "What it\nmeans.", kind=("x", "y"))
    counter.add(kind="y")
    counter.add(2.5, kind="x")
    counter.add(kind="y")
    assert exposition([counter], process="web:1").splitlines() == [
        "# HELP a_total What it\\nmeans.",
        "# TYPE a_total counter",
        'a_total{process="web:1",kind="x"} 2.5',
        'a_total{process="web:1",kind="y"} 2',
    ]


def test_a_counter_without_labels_is_there_from_the_start() -> None:
    assert exposition([Counter("b_total", "B.")]).splitlines()[-1] == "b_total{} 0"


def test_unknown_values_of_labels_share_one_line() -> None:
    counter = Counter("c_total", "C.", kind=("x",))
    for number in range(1000):
        counter.add(kind=f"value {number}")
    assert [(dict(s.labels), s.value) for s in counter.samples()] == [({"kind": "other"}, 1000)]


def test_a_histogram_counts_what_is_at_most_its_bound() -> None:
    histogram = Histogram("d_seconds", "D.", bounds=(0.1, 1.0))
    for value in (0.1, 0.5, 7.0):
        histogram.observe(value)
    lines = exposition([histogram]).splitlines()[2:]
    assert lines == [
        'd_seconds_bucket{le="0.1"} 1',
        'd_seconds_bucket{le="1"} 2',
        'd_seconds_bucket{le="+Inf"} 3',
        "d_seconds_sum{} 7.6",
        "d_seconds_count{} 3",
    ]


def test_a_gauge_is_measured_when_asked() -> None:
    values = {"on": 1.0}
    gauge = Gauge("e", 'Quotes " and \\.', lambda: values, state=("on", "off"))
    values["off"] = 3.0
    assert exposition([gauge]).splitlines()[2:] == ['e{state="off"} 3', 'e{state="on"} 1']


def test_a_name_is_given_once() -> None:
    Counter("f_total", "F.")
    with pytest.raises(ValueError, match="exists already"):
        Counter("f_total", "F.")
