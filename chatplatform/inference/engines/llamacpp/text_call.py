"""Bare texts: completing them, and what tokens they are. What was typed is never read as a control token."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from chatplatform.inference.engines.llamacpp.answer_call import AnswerCall, Wanted
from chatplatform.inference.engines.llamacpp.answer_text import AnswerText
from chatplatform.inference.engines.llamacpp.chat_call import (
    cache_owner,
    check_biases,
    in_thread,
    read_grammar,
)
from chatplatform.inference.engines.llamacpp.completion import TextShape
from chatplatform.inference.engines.llamacpp.generation import GenerationRequest
from chatplatform.inference.engines.llamacpp.http import HttpError
from chatplatform.inference.engines.llamacpp.served_model import ServedModel
from chatplatform.inference.engines.llamacpp.wire_texts import (
    CompletionRequest,
    DetokenizeRequest,
    TokenizeRequest,
)


async def completion_call(served: ServedModel, request: CompletionRequest) -> AnswerCall:
    """Queue every choice of every prompt. Raises HttpError when they can't be."""
    check_biases(served, request)
    grammar = await read_grammar(served, request)
    prompts = await asyncio.gather(*(in_thread(served.prompts.read_text, text) for text in request.prompt))
    wanted = [
        Wanted(_generation(request, tokens, grammar, place, choice), AnswerText(), prompt=place)
        for place, tokens in enumerate(prompts)
        for choice in range(request.choices)
    ]
    return AnswerCall(
        served.scheduler,
        wanted,
        TextShape(served.id, served.sha256, served.model.piece, logprobs=request.logprobs is not None),
        stream=request.stream,
        with_usage=request.with_usage,
    )


def _generation(
    request: CompletionRequest, tokens: tuple[int, ...], grammar: str, place: int, choice: int
) -> GenerationRequest:
    return GenerationRequest(
        tokens=tokens,
        system_tokens=0,
        owner=cache_owner(request.cache_owner) if request.cache_owner else f"once {secrets.token_hex(8)}",
        keep=bool(request.cache_owner) and place == choice == 0,
        sampling=request.sampling(choice, grammar=grammar),
        max_tokens=request.answer_tokens,
        stop=tuple(request.stop),
        priority=request.priority,
        logprobs=request.logprobs,
        no_store=request.no_store,
    )


def tokenize(served: ServedModel, request: TokenizeRequest) -> dict[str, Any]:
    """The answer to a request. Blocks. Raises TemplateFailed."""
    if request.content is not None:
        tokens = served.prompts.read_text(request.content) if request.add_special else None
        if tokens is None:
            tokens = tuple(served.model.tokenise(request.content, control=False))
        return {"tokens": [_piece(served, token) for token in tokens] if request.with_pieces else tokens}
    if request.texts is not None:
        counts = [served.prompts.count_text(text) for text in request.texts]
        return {"tokens": sum(counts), "counts": counts}
    if request.messages is not None:
        return {"tokens": len(served.prompts.read(request.as_chat()).tokens)}
    return {"tokens": served.prompts.count_text(request.text or "")}


def _piece(served: ServedModel, token: int) -> dict[str, Any]:
    """A token with its text, or with its bytes where these are no text by themselves."""
    piece = served.model.piece(token)
    try:
        return {"id": token, "piece": piece.decode()}
    except UnicodeDecodeError:
        return {"id": token, "piece": list(piece)}


def detokenize(served: ServedModel, request: DetokenizeRequest) -> dict[str, Any]:
    """The text of tokens; control tokens have none. Blocks. Raises HttpError."""
    if any(token >= served.model.size for token in request.tokens):
        raise HttpError(400, "invalid_request", f"tokens: this model's are 0 to {served.model.size - 1}.")
    data = b"".join(served.model.piece(token) for token in request.tokens)
    return {"content": data.decode("utf-8", errors="replace")}
