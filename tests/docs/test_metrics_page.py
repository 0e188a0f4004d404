"""docs/metrics.md lists every metric with its kind, labels and meaning."""

from __future__ import annotations

import re
from pathlib import Path

from chatplatform.common.metrics import all_metrics
from chatplatform.health import gauges
from chatplatform.inference.engines.llamacpp.step_figures import STEP_FIGURES

PAGE = Path("docs/metrics.md").read_text()


def test_every_metric_is_described() -> None:
    assert {gauges.SOCKETS, *STEP_FIGURES} <= set(all_metrics())
    described = {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels)), meaning)
        for name, kind, labels, meaning in re.findall(
            r"^\| `(chatplatform_\w+)` \| (\w+) \|([^|]*)\| ([^|]+) \|$", PAGE, re.MULTILINE
        )
    }
    assert described == {
        metric.name: (metric.kind, frozenset(metric.labels), metric.meaning) for metric in all_metrics()
    }
