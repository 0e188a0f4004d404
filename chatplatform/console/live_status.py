"""How the platform is at this moment, in few figures, each only for who may see it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from asgiref.sync import async_to_sync
from django.conf import settings

from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import Person
from chatplatform.health.checks.disk import LITTLE_BYTES
from chatplatform.health.processes import ProcessView, supervised_processes
from chatplatform.inference import gateway
from chatplatform.inference.gateway import EngineFigures
from chatplatform.jobs.queries import JobCounts, job_counts


@dataclass(frozen=True, slots=True)
class DiskSpace:
    free_bytes: int
    share_used: float
    is_little: bool


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """What the person may not see is None; without a supervisor there are no processes."""

    processes: tuple[ProcessView, ...] | None
    ready: int
    engine: EngineFigures | None
    jobs: JobCounts | None
    disk: DiskSpace | None


def live_status(person: Person) -> LiveStatus:
    """Asks the engine too, for two seconds at most."""
    may_see = person.may(Permission.HEALTH_READ)
    processes = supervised_processes() if may_see else None
    return LiveStatus(
        processes=processes,
        ready=sum(process.state == "ready" for process in processes or ()),
        engine=async_to_sync(gateway.engine_figures)("llm") if may_see else None,
        jobs=job_counts(person.workspace_id) if person.may(Permission.JOBS_READ) else None,
        disk=disk_space() if may_see else None,
    )


def disk_space() -> DiskSpace | None:
    """Where the data lie; None when the folder cannot be asked."""
    try:
        usage = shutil.disk_usage(settings.DATA_DIR)
    except OSError:
        return None
    return DiskSpace(usage.free, usage.used / usage.total if usage.total else 0.0, usage.free < LITTLE_BYTES)
