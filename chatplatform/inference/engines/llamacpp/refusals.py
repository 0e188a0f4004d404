"""Why the scheduler does not take a request, and how it ends one without an answer."""

from __future__ import annotations

from chatplatform.inference.engines.llamacpp.generation import Failed

ENGINE_ERROR = Failed(500, "engine_error", "The engine met an error. Please try again.")
GRAMMAR_LEFT = Failed(
    422, "grammar_left", "The answer could not be held to the schema or grammar any further. Simplify it."
)
STOPPING = Failed(503, "engine_stopping", "The engine is stopping. Please try again.")
WAITED = Failed(429, "queue_full", "The engine is too busy. Please try again later.")
TOO_SLOW = Failed(504, "timeout", "The answer took too long and was ended.")


class QueueFull(Exception):
    """Too many requests wait already."""


class Stopped(Exception):
    """The scheduler takes no more requests."""


class TooLong(Exception):
    """The prompt leaves no room for an answer in a context of `context_tokens`."""

    def __init__(self, prompt_tokens: int, context_tokens: int) -> None:
        super().__init__()
        self.prompt_tokens = prompt_tokens
        self.context_tokens = context_tokens
