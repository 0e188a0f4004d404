"""How fast models read and write on this machine: measured once, kept in `.speeds.json` of the folder of models.

The folder may be shared between machines, so a measurement belongs to the processor that it was taken on.
"""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatplatform.common.clock import now
from chatplatform.inference.model_files.fit import usable_cores
from chatplatform.inference.model_files.models_folder import models_folder

# A token costs the reading of all weights, so of large models twice the bytes are half the speed. Small ones spend
# much of their time on other things: for them a power of the size comes nearer.
LARGE_BYTES = 400_000_000
LARGER, LARGER_THAN_SMALL, SMALLER = 1.0, 0.8, 0.5


class Speed(BaseModel):
    """Tokens a second of one model file, read and written by one chat alone. `file_bytes` is its size."""

    model_config = ConfigDict(frozen=True)

    reading_tokens_s: float = Field(gt=0)
    writing_tokens_s: float = Field(gt=0)
    file_bytes: int = Field(gt=0)
    measured_on: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """Speeds to expect of a model. `based_on` is the SHA-256 of the file that was measured, its own or another's."""

    reading_tokens_s: float
    writing_tokens_s: float
    based_on: str


def measured(sha256: str) -> Speed | None:
    """What was measured of this file here."""
    return _all_here().get(sha256)


def expected(sha256: str, file_bytes: int, also: Mapping[str, Speed] | None = None) -> Expected | None:
    """The speeds of a file, measured or reckoned; None before anything was measured on this machine.

    Reckoned from the files next to it in size, and rather too low than too high. `also` has measurements that are
    not kept, such as the running engine's, by SHA-256.
    """
    known = {**(also or {}), **_all_here()}
    if not known:
        return None
    if sha256 in known:
        speed = known[sha256]
        return Expected(speed.reading_tokens_s, speed.writing_tokens_s, sha256)
    smaller = max(
        (key for key in known if known[key].file_bytes <= file_bytes), key=_size_in(known), default=""
    )
    larger = min(
        (key for key in known if known[key].file_bytes > file_bytes), key=_size_in(known), default=""
    )
    if smaller and larger:
        return _between(known[smaller], known[larger], file_bytes, smaller)
    near = known[smaller or larger]
    exponent = SMALLER if larger else LARGER if near.file_bytes >= LARGE_BYTES else LARGER_THAN_SMALL
    slower = (file_bytes / near.file_bytes) ** exponent
    return Expected(near.reading_tokens_s / slower, near.writing_tokens_s / slower, smaller or larger)


def _between(smaller: Speed, larger: Speed, file_bytes: int, based_on: str) -> Expected:
    """On the line between the two, sizes and speeds in logarithms."""
    way = math.log(file_bytes / smaller.file_bytes) / math.log(larger.file_bytes / smaller.file_bytes)
    return Expected(
        smaller.reading_tokens_s ** (1 - way) * larger.reading_tokens_s**way,
        smaller.writing_tokens_s ** (1 - way) * larger.writing_tokens_s**way,
        based_on,
    )


def _size_in(known: Mapping[str, Speed]) -> Callable[[str], int]:
    return lambda sha256: known[sha256].file_bytes


def remember(sha256: str, *, reading_tokens_s: float, writing_tokens_s: float, file_bytes: int) -> Speed:
    """Keep a measurement of this machine. Raises OSError."""
    speed = Speed(
        reading_tokens_s=round(reading_tokens_s, 1),
        writing_tokens_s=round(writing_tokens_s, 1),
        file_bytes=file_bytes,
        measured_on=now().date().isoformat(),
    )
    kept = _read()
    kept.setdefault(machine_name(), {})[sha256] = speed
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(
        json.dumps({name: {key: each.model_dump() for key, each in of.items()} for name, of in kept.items()})
    )
    draft.replace(path)
    return speed


@cache
def machine_name() -> str:
    """The processor and how many cores of it may be used: what speed depends on."""
    return f"{_processor()}, {usable_cores()} cores"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _all_here() -> dict[str, Speed]:
    return _read().get(machine_name(), {})


def _read() -> dict[str, dict[str, Speed]]:
    try:
        stored = json.loads(_path().read_text(encoding="utf-8"))
        return {
            name: {key: Speed.model_validate(each) for key, each in of.items()} for name, of in stored.items()
        }
    except (OSError, ValueError, AttributeError, ValidationError):
        return {}


def _path() -> Path:
    return models_folder() / ".speeds.json"
