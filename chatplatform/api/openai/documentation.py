"""The errors that routes of the OpenAI protocol may answer with."""

from __future__ import annotations

from typing import Any

from chatplatform.api.openai.shapes import OpenAIError

_ALWAYS = (400, 401, 403, 429, 502, 503)


def openai_answers(success: Any, *, errors: tuple[int, ...] = ()) -> dict[int, Any]:
    return {200: success, **dict.fromkeys(sorted({*_ALWAYS, *errors}), OpenAIError)}
