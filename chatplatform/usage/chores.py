"""The chores of usage."""

from __future__ import annotations

from datetime import timedelta

from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs.registry import chore
from chatplatform.usage.models import UsageCounter, Window

# hours are for limits alone; days and months are what reports are made of
KEPT = {
    Window.HOUR: timedelta(days=3),
    Window.DAY: timedelta(days=400),
    Window.MONTH: timedelta(days=5 * 366),
}


@chore("usage.old_counters", every_s=3600)
def forget_old_counters() -> None:
    with all_workspaces("counters of every workspace grow old alike"):
        for window, kept in KEPT.items():
            UsageCounter.objects.filter(window=window, starts_at__lt=now() - kept).delete()
