"""The processes that the supervisor of this machine keeps, as they are now."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import psutil
from django.conf import settings

from chatplatform.common.words import NO_WORDS, Words
from chatplatform.health.ports import our_ports
from chatplatform.health.running import supervisor_pid


@dataclass(frozen=True, slots=True)
class ProcessView:
    """One process. Memory is that of the process with its children; None where the system does not tell."""

    name: str
    state: str
    pid: int | None
    restarts: int
    uptime_s: float | None
    memory_bytes: int | None
    port: int | None
    last_error: Words


def supervised_processes() -> tuple[ProcessView, ...]:
    """Every process of the supervisor's list; none when no supervisor runs on this data folder."""
    supervisor = supervisor_pid()
    if supervisor is None:
        return ()
    ports = our_ports()
    found = []
    for entry in _entries():
        name, pid = str(entry.get("name", "")), entry.get("pid")
        process = child_of(supervisor, pid) if isinstance(pid, int) else None
        port = ports.get(name)
        found.append(
            ProcessView(
                name=name,
                # a dead one is dead before its supervisor has noticed
                state=str(entry.get("state", "")) if process or pid is None else "restarting",
                pid=process.pid if process else None,
                restarts=int(entry.get("restarts") or 0),
                uptime_s=_uptime_s(process),
                memory_bytes=_memory_bytes(process),
                port=port.number if port else None,
                last_error=Words.parsed(entry.get("last_error")) or NO_WORDS,
            )
        )
    return tuple(found)


def child_of(supervisor: int, pid: int) -> psutil.Process | None:
    """The living process `pid`, if it is a child of this supervisor."""
    try:
        process = psutil.Process(pid)
        if process.ppid() == supervisor and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except psutil.Error:
        return None
    return None


def _entries() -> list[dict[str, Any]]:
    """The list of the status file, which another process writes: what cannot be read is an empty one."""
    try:
        found = json.loads((settings.DATA_DIR / "run" / "status.json").read_bytes())
        return [entry for entry in found["processes"] if isinstance(entry, dict)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _uptime_s(process: psutil.Process | None) -> float | None:
    if process is None:
        return None
    try:
        return max(0.0, time.time() - process.create_time())
    except psutil.Error:
        return None


def _memory_bytes(process: psutil.Process | None) -> int | None:
    if process is None:
        return None
    try:
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)
    except psutil.Error:
        return None
