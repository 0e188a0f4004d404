"""The errors of servers of the OpenAI protocol, as ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import PlatformError
from chatplatform.inference.errors import (
    ContextOverflow,
    EngineRefused,
    EngineUnavailable,
    QueueFull,
    SchemaUnusable,
)

# llama-server's name for it stands beside OpenAI's
_OVERFLOW = {"context_length_exceeded", "exceed_context_size_error"}


def error_from_response(status: int, body: bytes, headers: Mapping[str, str]) -> PlatformError:
    """The error that a reply with a status of 400 or more stands for. The server's words are not repeated:
    they may quote the prompt."""
    return error_from_object(_error_object(body), status, retry_after=headers.get("retry-after", ""))


def error_from_object(error: Mapping[str, Any], status: int, *, retry_after: str = "") -> PlatformError:
    """The same for an error object, as it may come in the middle of a stream."""
    names = {error.get("code"), error.get("type")}
    if names & _OVERFLOW:
        return ContextOverflow(
            prompt_tokens=_number(error, "prompt_tokens", "n_prompt_tokens"),
            context_tokens=_number(error, "context_tokens", "n_ctx"),
        )
    if "schema_refused" in names:
        return SchemaUnusable()
    if "model_loading" in names:
        return EngineUnavailable("model_loading", _("The model is being loaded. It answers in a moment."))
    if "queue_full" in names or status == HTTPStatus.TOO_MANY_REQUESTS:
        return QueueFull(retry_after_s=float(retry_after) if retry_after.isdigit() else None)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return EngineUnavailable("engine_failed")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return EngineRefused(
            "engine_unauthorized",
            _("The model's server does not accept our token. An administrator has to look."),
        )
    if status == HTTPStatus.NOT_FOUND:
        return EngineRefused(
            "engine_model_unknown",
            _("The model's server does not have this model. An administrator has to look."),
        )
    return EngineRefused()


def _error_object(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else {}
    return error if isinstance(error, dict) else {}


def _number(error: Mapping[str, Any], *names: str) -> int:
    return next((error[name] for name in names if isinstance(error.get(name), int)), 0)
