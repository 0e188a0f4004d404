"""Telling how far the set-up is: as lines for people, or as JSON lines for the supervisor."""

from __future__ import annotations

import json
import sys
import time
from typing import Protocol

from chatplatform.installation.failures import Failure

QUIET_S = 5.0


class Progress(Protocol):
    """`fraction` is from 0 to 1, or None when it is not known."""

    def step(self, detail: str, fraction: float | None = None) -> None: ...

    def say(self, line: str) -> None: ...

    def failed(self, failure: Failure) -> None: ...


class ConsoleProgress:
    """Lines for people: changes of `detail`, but not more than one every few seconds."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._shown_at = 0.0

    def step(self, detail: str, fraction: float | None = None) -> None:
        if time.monotonic() - self._shown_at >= QUIET_S or fraction == 1.0:
            self._shown_at = time.monotonic()
            share = "" if fraction is None else f"{fraction:4.0%} "
            print(f"  {self._title}: {share}{detail}", flush=True)

    def say(self, line: str) -> None:
        print(f"  {self._title}: {line}", flush=True)

    def failed(self, failure: Failure) -> None:
        print(
            f"\n{self._title} failed.\nCause: {failure.cause}\nCure:  {failure.cure}",
            file=sys.stderr,
            flush=True,
        )


class JsonProgress:
    """One JSON object a line: {"part", "fraction", "detail"}, {"part", "line"} or {"part", "failure"}."""

    def __init__(self, part: str) -> None:
        self._part = part

    def step(self, detail: str, fraction: float | None = None) -> None:
        self._write({"fraction": fraction, "detail": detail})

    def say(self, line: str) -> None:
        self._write({"line": line})

    def failed(self, failure: Failure) -> None:
        self._write(
            {
                "failure": {
                    "code": failure.code,
                    "cause": failure.cause,
                    "cure": failure.cure,
                    "is_passing": failure.is_passing,
                }
            }
        )

    def _write(self, values: dict[str, object]) -> None:
        print(json.dumps({"part": self._part, **values}), flush=True)
