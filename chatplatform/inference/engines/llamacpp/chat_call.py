"""One chat completion: from the checked request to the answers that are to be made."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from chatplatform.inference.engines.llamacpp.answer_call import AnswerCall, Wanted
from chatplatform.inference.engines.llamacpp.answer_text import AnswerText
from chatplatform.inference.engines.llamacpp.chat_template import TemplateFailed
from chatplatform.inference.engines.llamacpp.client_grammar import check_client_grammar
from chatplatform.inference.engines.llamacpp.completion import ChatShape
from chatplatform.inference.engines.llamacpp.generation import GenerationRequest
from chatplatform.inference.engines.llamacpp.http import HttpError
from chatplatform.inference.engines.llamacpp.json_grammar import SchemaRefused
from chatplatform.inference.engines.llamacpp.prompt_tokens import PromptTokens
from chatplatform.inference.engines.llamacpp.reasoning_text import ReasoningText
from chatplatform.inference.engines.llamacpp.sampling import GrammarRefused, check_grammar, openings
from chatplatform.inference.engines.llamacpp.served_model import ServedModel
from chatplatform.inference.engines.llamacpp.tool_text import ToolOutput
from chatplatform.inference.engines.llamacpp.wire import ChatRequest
from chatplatform.inference.engines.llamacpp.wire_fields import AnswerFields

P = ParamSpec("P")
R = TypeVar("R")


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `function` on a thread. A cancelled caller waits for its end: a model must not be freed beneath it."""
    task = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def read_prompt(served: ServedModel, request: ChatRequest) -> PromptTokens:
    """The request's messages as tokens of this model. Raises HttpError.

    Tools are the caller's own text: they stand in the system message, and are never shared with others.
    """
    try:
        return await in_thread(
            served.prompts.read,
            [message.as_chat() for message in request.messages],
            continue_final=request.continue_final_message,
            tools=[tool.as_told() for tool in request.tools_shown],
            must=request.must_call,
            platform_messages=request.platform_messages,
        )
    except TemplateFailed as error:
        raise HttpError(400, "invalid_request", str(error)) from None


async def read_grammar(served: ServedModel, request: AnswerFields) -> str:
    """The grammar that the answer has to follow, known to work; empty when there is none. Raises HttpError."""
    try:
        if request.grammar:
            await in_thread(check_client_grammar, request.grammar)
        grammar = request.grammar or request.own_grammar()
        if grammar:
            await in_thread(check_grammar, grammar, served.model.vocab)
        if request.grammar_after:
            await in_thread(openings, served.model, served.model.size)
    except SchemaRefused as error:
        raise HttpError(400, "schema_refused", f"The schema cannot be used: {error}") from None
    except GrammarRefused:
        code, what = ("grammar_refused", "grammar") if request.grammar else ("schema_refused", "schema")
        raise HttpError(400, code, f"The {what} cannot be used.") from None
    return grammar


def check_biases(served: ServedModel, request: AnswerFields) -> None:
    """Raises HttpError for a token that the model does not have: the library would write beside its memory."""
    if any(token >= served.model.size for token in request.logit_bias or ()):
        raise HttpError(
            400, "invalid_request", f"logit_bias: this model's tokens are 0 to {served.model.size - 1}."
        )


def cache_owner(name: str) -> str:
    """The scheduler's name for an owner whom a client calls `name`: none can be called like the platform."""
    return f"owner {name}"


def chat_call(
    served: ServedModel, request: ChatRequest, prompt: PromptTokens, grammar: str = ""
) -> AnswerCall:
    """Queue the request, each of its choices as an answer of its own. Raises HttpError when it can't be."""
    return AnswerCall(
        served.scheduler,
        [_wanted(served, request, prompt, grammar, choice) for choice in range(request.choices)],
        ChatShape(served.id, served.sha256, served.model.piece, logprobs=request.told_logprobs is not None),
        stream=request.stream,
        with_usage=request.with_usage,
    )


def _wanted(
    served: ServedModel, request: ChatRequest, prompt: PromptTokens, grammar: str, choice: int
) -> Wanted:
    names = [tool.function.name for tool in request.tools_shown]
    text = AnswerText(
        reasoning=None if request.is_bound else ReasoningText(begun=prompt.thinks, goes_on=prompt.goes_on),
        tools=ToolOutput(names) if names else None,
    )
    generation = GenerationRequest(
        tokens=prompt.tokens,
        system_tokens=prompt.system_tokens,
        owner=cache_owner(request.cache_owner) if request.cache_owner else f"once {secrets.token_hex(8)}",
        # a conversation is gone on with from its first answer
        keep=bool(request.cache_owner) and choice == 0,
        sampling=request.sampling(
            choice, grammar=grammar, grammar_after=request.grammar_after, thinks=prompt.thinks
        ),
        max_tokens=request.answer_tokens,
        stop=(*request.stop, *served.prompts.extra_stop),
        priority=request.priority,
        logprobs=request.told_logprobs,
        no_store=request.no_store,
    )
    return Wanted(generation, text)
