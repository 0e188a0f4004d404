"""How far something is, for a terminal or for a program."""

from __future__ import annotations

import json
import time

from django.core.management.base import OutputWrapper

LINE_EVERY_S = 1.0
JSON_EVERY_S = 0.25


class ProgressLines:
    """A line a second on a terminal; or JSON objects, `{"model", "fraction", "detail"}`, for programs."""

    def __init__(self, out: OutputWrapper, model_id: str, *, as_json: bool) -> None:
        self._out = out
        self._model_id = model_id
        self._as_json = as_json
        self._every_s = JSON_EVERY_S if as_json else LINE_EVERY_S
        self._at = 0.0
        self._finished = False
        self._told = (-1, "")

    def show(self, fraction: float, detail: str) -> None:
        moment, done = time.monotonic(), fraction >= 1.0
        if self._finished or not (done or moment - self._at >= self._every_s):
            return
        self._at, self._finished = moment, done
        told, self._told = self._told, (int(100 * fraction), detail)
        if told == self._told and not self._as_json:
            return
        if self._as_json:
            line = {"model": self._model_id, "fraction": round(fraction, 4), "detail": detail}
            self._out.write(json.dumps(line, ensure_ascii=False))
        else:
            self._out.write(f"{self._model_id} {fraction:4.0%} {detail}")
        self._out.flush()

    def end(self, detail: str) -> None:
        """The last line, unless it was said."""
        self.show(1.0, detail)
