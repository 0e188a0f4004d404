"""What an engine found out about this machine, kept as JSON for its next start."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

log = logging.getLogger(__name__)

Kept = TypeVar("Kept", bound=BaseModel)


def read_choice(path: Path, kind: type[Kept]) -> Kept | None:
    """None where there is none, or none that this version understands."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def write_choice(path: Path, kept: BaseModel) -> None:
    """Keep a choice; without room for it, it is made anew the next time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(kept.model_dump(), indent=2), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        log.warning("What was found out about this machine could not be kept (%s).", error.strerror)
