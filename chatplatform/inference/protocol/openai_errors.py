"""The errors of servers of the OpenAI protocol, as ours. Each kind of server has its own words for them."""

from __future__ import annotations

import json
import re
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

LONGEST_WAIT_S = 600.0

# llama-server's name for it stands beside OpenAI's
_OVERFLOW = {"context_length_exceeded", "exceed_context_size_error"}
# vLLM, and clouds of its kind, have a sentence for it and no code
_OVERFLOW_WORDS = re.compile(
    r"maximum context length|maximum model length|context window|exceeds? the (?:available )?context|"
    r"context length of only|max_model_len",
    re.IGNORECASE,
)
_CONTEXT_TOKENS = re.compile(
    r"(?:context length|model length|context window|context length of only|max_model_len)\D{0,20}?(\d{3,8})",
    re.IGNORECASE,
)
# the prompt by itself first: some count the wished answer in
_PROMPT_TOKENS = re.compile(
    r"^.*?(\d{1,8}) (?:in the messages|input tokens|prompt tokens)|"
    r"^.*?(?:resulted in|request has|prompt \(length|requested(?: about)?)\s*(\d{1,8})",
    re.IGNORECASE | re.DOTALL,
)
# of a cloud that was not paid: waiting does not help, unlike with its limits of rate
_NO_CREDIT = {"insufficient_quota", "billing_hard_limit_reached", "insufficient_balance"}


def error_from_response(status: int, body: bytes, headers: Mapping[str, str]) -> PlatformError:
    """The error that a reply with a status of 400 or more stands for. The server's words are not repeated:
    they may quote the prompt."""
    return error_from_object(_error_object(body), status, retry_after=headers.get("retry-after", ""))


def error_from_object(error: Mapping[str, Any], status: int, *, retry_after: str = "") -> PlatformError:
    """The same for an error object, as it may come in the middle of a stream."""
    names = {name for name in (error.get("code"), error.get("type")) if isinstance(name, str)}
    words = str(error.get("message") or "")
    if names & _OVERFLOW or (status < HTTPStatus.INTERNAL_SERVER_ERROR and _OVERFLOW_WORDS.search(words)):
        return ContextOverflow(
            prompt_tokens=_number(error, "prompt_tokens", "n_prompt_tokens") or _found(_PROMPT_TOKENS, words),
            context_tokens=_number(error, "context_tokens", "n_ctx") or _found(_CONTEXT_TOKENS, words),
        )
    if "schema_refused" in names:
        return SchemaUnusable()
    if "model_loading" in names or (status == HTTPStatus.SERVICE_UNAVAILABLE and words == "Loading model"):
        return EngineUnavailable("model_loading", _("The model is being loaded. It answers in a moment."))
    if "grammar_left" in names:
        return EngineRefused(
            "answer_left_grammar",
            _("The answer could not be held to the schema any further. Simplify the schema."),
        )
    if names & _NO_CREDIT:
        return EngineRefused(
            "engine_no_credit",
            _("The account at the model's server is used up. An administrator has to look."),
        )
    # Ollama turns people away with 503 when too many wait
    is_busy = status == HTTPStatus.SERVICE_UNAVAILABLE and "busy" in words
    if "queue_full" in names or status == HTTPStatus.TOO_MANY_REQUESTS or is_busy:
        return QueueFull(retry_after_s=_seconds(retry_after))
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
    except (ValueError, RecursionError):
        return {}
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else {}
    if isinstance(error, str):  # Ollama's own addresses
        return {"message": error}
    return error if isinstance(error, dict) else {}


def _number(error: Mapping[str, Any], *names: str) -> int:
    return next((error[name] for name in names if isinstance(error.get(name), int)), 0)


def _found(pattern: re.Pattern[str], words: str) -> int:
    found = pattern.search(words[:2000])
    return int(next((group for group in found.groups() if group), 0)) if found else 0


def _seconds(retry_after: str) -> float | None:
    """Seconds; a date, which is allowed too, is not read: a wait of our own choice stands in for it."""
    try:
        return min(max(float(retry_after), 0.0), LONGEST_WAIT_S)
    except ValueError:
        return None
