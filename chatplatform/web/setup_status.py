"""How far the set-up is: the supervisor's status file, parsed.

The file is written by another process and may be missing, old or half a release away: what cannot be read
counts as «no set-up is running».
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from pydantic import BaseModel, ConfigDict, ValidationError

from chatplatform.common.clock import now

StepState = Literal["waiting", "running", "done", "failed"]
Phase = Literal["installing", "starting", "ready", "failed"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Step(_Part):
    """One step; `fraction` is 0 to 1, or None when it cannot be told. `cure` says what to do about a failure."""

    id: str
    title: str
    state: StepState = "waiting"
    fraction: float | None = None
    detail: str = ""
    cure: str = ""


class Process(_Part):
    name: str
    state: str
    pid: int | None = None
    restarts: int = 0
    last_error: str = ""


class Model(_Part):
    serving: str | None = None
    preferred: str | None = None


class SetupStatus(_Part):
    updated_at: datetime
    phase: Phase
    steps: list[Step] = []
    processes: list[Process] = []
    model: Model = Model()

    @property
    def can_chat(self) -> bool:
        """Whether a question would be answered now: ready, or on the small model while a better one comes."""
        return self.phase == "ready" or self.model.serving is not None

    @property
    def in_general_terms(self) -> SetupStatus:
        """Without details, cures and processes: they may name paths and hosts."""
        steps = [step.model_copy(update={"detail": "", "cure": ""}) for step in self.steps]
        return self.model_copy(update={"steps": steps, "processes": []})


def read_setup_status(path: Path | None = None) -> SetupStatus:
    """The current status; `ready` without steps when there is no readable file."""
    file = path or settings.DATA_DIR / "run" / "status.json"
    try:
        found: Any = json.loads(file.read_bytes())
        return SetupStatus.model_validate(found)
    except (OSError, ValueError, ValidationError):
        return SetupStatus(updated_at=now(), phase="ready")
