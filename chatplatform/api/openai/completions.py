"""`POST /v1/chat/completions`: an assistant answers a list of messages. Nothing of it is kept."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse
from django.utils import translation
from ninja import Router

from chatplatform.accounts.permissions import Permission
from chatplatform.api import rates
from chatplatform.api.callers import Access, ApiRequest, Caller
from chatplatform.api.errors import openai_error
from chatplatform.api.limits import STREAM_COMMENT_S
from chatplatform.api.openai.answering import Answering, Question
from chatplatform.api.openai.assistants import prompt_of
from chatplatform.api.openai.documentation import openai_answers
from chatplatform.api.openai.shapes import ChatCompletion
from chatplatform.api.openai.wire import (
    ChatBody,
    ChosenTool,
    as_json,
    check,
    sampling,
    sampling_of_answer,
)
from chatplatform.common.errors import PlatformError
from chatplatform.common.ids import new_id
from chatplatform.inference import gateway
from chatplatform.inference.gateway import (
    Completed,
    ModelEvent,
    ReasoningDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallPart,
)
from chatplatform.privacy.clearance import clear
from chatplatform.privacy.prompt import Prompt, PromptMessage, PromptToolCall
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.text_format import opening_messages

router = Router(tags=["OpenAI protocol"])
ACCESS = Access(Permission.CHAT)
PURPOSE = "api.completion"
_TOLD = Started | TextDelta | ReasoningDelta | ToolCallPart | Completed


@router.post(
    "chat/completions",
    response=openai_answers(ChatCompletion, errors=(404, 413, 415)),
    auth=ACCESS,
    exclude_unset=True,
    summary="Complete a chat",
    openapi_extra={
        "requestBody": {
            "content": {
                "application/json": {
                    "example": {
                        "model": "default",
                        "messages": [{"role": "user", "content": "How heavy is the two-person tent?"}],
                    }
                }
            }
        },
        "responses": {
            200: {
                "content": {
                    "text/event-stream": {"schema": {"type": "string"}, "example": "data: [DONE]\n\n"}
                }
            }
        },
    },
)
def complete(request: ApiRequest, body: ChatBody) -> Any:
    """An assistant answers, as `model` of any OpenAI client. Its released prompt stands before your messages, and
    cannot be taken away by them. Neither question nor answer is kept; what is recorded is that there was a call."""
    check(body)
    choices = body.n or 1
    for _further in range(choices - 1):  # several answers cost what several requests cost
        rates.spend(request.caller.token_id or request.caller.id)
    answering = Answering(request.caller, *_questions(request.caller, body, choices))
    head = _Head(body.model)
    if not body.stream:
        return async_to_sync(_whole)(answering, head, choices)
    async_to_sync(answering.start)()
    with_usage = body.stream_options is not None and body.stream_options.include_usage
    response = StreamingHttpResponse(
        _chunks(answering, head, with_usage=with_usage, language=translation.get_language() or "en"),
        content_type="text/event-stream; charset=utf-8",
    )
    response["X-Accel-Buffering"] = "no"
    return response


def _questions(caller: Caller, body: ChatBody, choices: int) -> list[Question]:
    """The assistant's prompt and the messages, cleared for the engine once for each answer. Raises BadField,
    ModelNotFound and the errors of clearance."""
    prompt = prompt_of(body.model, reader_id=caller.id)
    opening = opening_messages(prompt.system_text)
    asked = Prompt(
        (*opening, *_folded(body)),
        platform_messages=len(opening),
        tools=as_json("tools", [tool.model_dump(exclude_none=True) for tool in body.tools or ()]),
        tool_choice=as_json(
            "tool_choice",
            body.tool_choice.model_dump() if isinstance(body.tool_choice, ChosenTool) else body.tool_choice,
        ),
        response_format=as_json(
            "response_format",
            body.response_format.model_dump(exclude_none=True, by_alias=True)
            if body.response_format
            else None,
        ),
        parallel_tool_calls=body.parallel_tool_calls,
    )
    drawn = sampling(body, prompt.sampling)
    apart = new_id() if body.store is False else None
    return [
        Question(
            clear(
                asked,
                subject=Subject.person(caller.id),
                workspace_id=caller.workspace_id,
                actor=caller.actor,
                purpose=PURPOSE,
                destination=gateway.destination(prompt.model),
            ),
            prompt.model,
            sampling_of_answer(drawn, index),
            apart,
            shows_thinking=prompt.shows_thinking,
        )
        for index in range(choices)
    ]


def _folded(body: ChatBody) -> list[PromptMessage]:
    """The caller's messages, as every model's template takes them: what the caller says as `system` goes before
    what is said next, for the system message is the assistant's own, and neighbours of one role become one."""
    folded: list[PromptMessage] = []
    for place, message in enumerate(body.messages):
        text = message.text(place)
        if message.role == "tool":
            folded.append(PromptMessage("tool", text, tool_call_id=message.tool_call_id or ""))
            continue
        role: Literal["user", "assistant"] = "assistant" if message.role == "assistant" else "user"
        calls = tuple(
            PromptToolCall(call.id, call.function.name, call.function.arguments)
            for call in message.tool_calls or ()
        )
        if folded and folded[-1].role == role and not calls and not folded[-1].tool_calls:
            text = f"{folded.pop().content}\n\n{text}"
        folded.append(PromptMessage(role, text, tool_calls=calls))
    return folded


class _Head:
    """What all objects of one completion share."""

    def __init__(self, model: str) -> None:
        self._fields: dict[str, Any] = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
        }

    def started(self, event: Started) -> None:
        if event.model_sha256:
            self._fields["system_fingerprint"] = f"fp_{event.model_sha256[:16]}"

    def object(self, kind: str, **fields: Any) -> dict[str, Any]:
        return {**self._fields, "object": kind, **fields}

    def chunk(
        self,
        index: int,
        delta: dict[str, Any],
        finish_reason: str | None = None,
        logprobs: Sequence[TokenLogprob] = (),
    ) -> dict[str, Any]:
        told = _logprobs(logprobs) if logprobs else None
        choice = {"index": index, "delta": delta, "logprobs": told, "finish_reason": finish_reason}
        return self.object("chat.completion.chunk", choices=[choice])


class _Choice:
    """One answer, as it is collected."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._thought: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self.completed: Completed | None = None

    def take(self, event: ModelEvent) -> None:
        match event:
            case TextDelta():
                self._texts.append(event.text)
                self._logprobs += event.logprobs
            case ReasoningDelta():
                self._thought.append(event.text)
            case ToolCallPart():
                call = self._calls.setdefault(event.index, _call(event))
                call["id"] = call["id"] or event.id
                call["function"]["name"] = call["function"]["name"] or event.name
                call["function"]["arguments"] += event.arguments
            case Completed():
                self.completed = event

    def told(self, index: int) -> dict[str, Any]:
        """The choice of an answer that is complete."""
        assert self.completed is not None
        text, calls = "".join(self._texts), self._calls
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if calls:
            message |= {"content": text or None, "tool_calls": [calls[at] for at in sorted(calls)]}
        if self._thought:
            message["reasoning_content"] = "".join(self._thought)
        return {
            "index": index,
            "message": message,
            "logprobs": _logprobs(self._logprobs) if self._logprobs else None,
            "finish_reason": self.completed.finish_reason,
        }


async def _whole(answering: Answering, head: _Head, choices: int) -> dict[str, Any]:
    await answering.start()
    collected = [_Choice() for _index in range(choices)]
    async for told in answering.events():
        if told is not None:
            index, event = told
            if isinstance(event, Started):
                head.started(event)
            collected[index].take(event)
    made = [choice.told(index) for index, choice in enumerate(collected)]
    completed = [choice.completed for choice in collected if choice.completed is not None]
    return head.object("chat.completion", choices=made, usage=_usage(completed))


async def _chunks(
    answering: Answering, head: _Head, *, with_usage: bool, language: str
) -> AsyncIterator[bytes]:
    spoke_at = time.monotonic()
    nothing = {"usage": None} if with_usage else {}
    begun: set[int] = set()
    completed: list[Completed] = []
    try:
        async for told in answering.events():
            chunks: list[dict[str, Any]] = []
            if told is not None:
                index, event = told
                if isinstance(event, Started):
                    head.started(event)
                if isinstance(event, _TOLD) and index not in begun:
                    begun.add(index)
                    chunks.append(head.chunk(index, {"role": "assistant", "content": ""}))
                if isinstance(event, Completed):
                    completed.append(event)
                chunks += _deltas(head, index, event)
            if chunks:
                spoke_at = time.monotonic()
                yield b"".join(_event(chunk | nothing) for chunk in chunks)
            elif time.monotonic() - spoke_at > STREAM_COMMENT_S:
                spoke_at = time.monotonic()
                yield b": still here\n\n"
        if with_usage:
            yield _event(head.object("chat.completion.chunk", choices=[], usage=_usage(completed)))
        yield b"data: [DONE]\n\n"
    except PlatformError as error:
        with translation.override(language):
            failed = _event(openai_error(error))
        yield failed
    finally:
        await answering.close()


def _deltas(head: _Head, index: int, event: ModelEvent) -> list[dict[str, Any]]:
    match event:
        case TextDelta():
            return [head.chunk(index, {"content": event.text}, logprobs=event.logprobs)]
        case ReasoningDelta():
            return [head.chunk(index, {"reasoning_content": event.text})]
        case ToolCallPart():
            return [head.chunk(index, {"tool_calls": [_call_delta(event)]})]
        case Completed():
            return [head.chunk(index, {}, event.finish_reason)]
    return []


def _call(part: ToolCallPart) -> dict[str, Any]:
    return {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": ""}}


def _call_delta(part: ToolCallPart) -> dict[str, Any]:
    if not part.id:  # it goes on
        return {"index": part.index, "function": {"arguments": part.arguments}}
    function = {"name": part.name, "arguments": part.arguments}
    return {"index": part.index, "id": part.id, "type": "function", "function": function}


def _logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    return {
        "content": [{**_likely(one), "top_logprobs": [_likely(top) for top in one.top]} for one in tokens],
        "refusal": None,
    }


def _likely(one: TokenLogprob) -> dict[str, Any]:
    return {"token": one.token, "logprob": one.logprob, "bytes": list(one.data)}


def _event(data: dict[str, Any]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}\n\n".encode(errors="replace")


def _usage(answers: Sequence[Completed]) -> dict[str, Any]:
    """What all answers cost together, as it counts towards limits."""
    prompt, written = sum(one.prompt_tokens for one in answers), sum(one.completion_tokens for one in answers)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": sum(one.cached_tokens for one in answers)},
        "completion_tokens_details": {"reasoning_tokens": sum(one.reasoning_tokens for one in answers)},
    }
