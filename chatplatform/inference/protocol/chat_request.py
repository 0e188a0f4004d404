"""One chat completion as it is put to a server, in the server's own dialect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from chatplatform.inference.events import Priority, Sampling
from chatplatform.inference.protocol.dialects import Dialect
from chatplatform.inference.protocol.token_estimate import estimate_tokens
from chatplatform.privacy.prompt import Prompt, PromptMessage


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat completion. `cache_owner` is opaque: what was read for one owner is never used for another. With
    `no_store` an engine of ours never writes down what it has read."""

    request_id: str
    model: str
    prompt: Prompt
    sampling: Sampling
    priority: Priority
    cache_owner: str
    no_store: bool = False

    @property
    def so_far(self) -> str:
        """The beginning of the answer, where the prompt asks to have one continued."""
        return self.prompt.messages[-1].content if self.prompt.continue_final else ""

    @property
    def is_in_thinking(self) -> bool:
        """Whether what is to be continued broke off before the first word of the answer."""
        return self.prompt.continue_final and not self.so_far and bool(self.prompt.messages[-1].thinking)


def chat_body(request: ChatRequest, dialect: Dialect) -> dict[str, Any]:
    """The body of the request. Fields that the server does not know are left out; what they were to do then
    does not happen, which changes how an answer is drawn and never to whom it goes."""
    prompt, sampling = request.prompt, request.sampling
    messages, max_tokens = prompt.messages, sampling.max_tokens
    continues = prompt.continue_final
    if not dialect.extended:  # where thinking is put into a prompt, each server has its own way
        messages = tuple(
            replace(message, thinking="") if message.thinking else message for message in messages
        )
        if request.is_in_thinking:
            messages, continues = messages[:-1], False
    if continues and dialect.continuation == "restart":
        # it writes again what has been shown already, and is given room for that
        max_tokens += estimate_tokens(messages[-1:])
        messages = messages[:-1]
    body: dict[str, Any] = {
        "model": request.model,
        "messages": messages_json(messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": max_tokens,
    }
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.frequency_penalty:
        body["frequency_penalty"] = sampling.frequency_penalty
    if sampling.presence_penalty:
        body["presence_penalty"] = sampling.presence_penalty
    if sampling.logit_bias:
        body["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias}
    if sampling.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": sampling.logprobs}
    if prompt.tools and prompt.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = prompt.parallel_tool_calls
    for name in ("tools", "tool_choice", "response_format"):
        if value := getattr(prompt, name):
            body[name] = json.loads(value)
    for ours, theirs in dialect.samplers.items():
        body[theirs] = getattr(sampling, ours)
    if continues and dialect.continuation in {"flag", "template"}:
        body["continue_final_message"] = True
        if dialect.continuation == "template":
            body["add_generation_prompt"] = False
    if dialect.extended:
        body |= {
            "cache_owner": request.cache_owner,
            "priority": request.priority,
            "request_id": request.request_id,
        }
        if request.no_store:
            body["no_store"] = True
        if prompt.platform_messages is not None:
            body["platform_messages"] = prompt.platform_messages
    return body


def messages_json(messages: Sequence[PromptMessage]) -> list[dict[str, Any]]:
    """The messages as the protocol has them."""
    return [_message(message) for message in messages]


def _message(message: PromptMessage) -> dict[str, Any]:
    plain: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.thinking:
        plain["reasoning_content"] = message.thinking
    if message.tool_calls:
        plain["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        plain["tool_call_id"] = message.tool_call_id
    return plain
