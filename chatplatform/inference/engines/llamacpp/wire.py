"""What clients may send: the OpenAI protocol's fields and ours, checked. Unknown fields are dropped."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from chatplatform.inference.engines.llamacpp.json_grammar import any_object, of_calls, of_schema
from chatplatform.inference.engines.llamacpp.prompt_tokens import ChatMessage
from chatplatform.inference.engines.llamacpp.tool_text import CLOSING, OPENING
from chatplatform.inference.engines.llamacpp.wire_fields import (
    MAX_TOP_LOGPROBS,
    AnswerFields,
    Request,
    listed,
)

MAX_MESSAGES = 4096
MAX_TOOLS = 64
MAX_CALLS = 8
"""Calls in one turn, where a client takes several: small models go on calling when they may."""


def _joined(value: object) -> object:
    """Content may come as a list of text parts."""
    if isinstance(value, list) and all(
        isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
        for part in value
    ):
        return "".join(part["text"] for part in value)
    return value


class FunctionCall(Request):
    name: str = Field(max_length=64)
    arguments: str = ""


class ToolCall(Request):
    id: str = Field("", max_length=200)
    type: Literal["function"] = "function"
    function: FunctionCall


class Message(Request):
    """An assistant's message may have calls instead of content; a tool's is what the call gave. `reasoning_content` is
    read of a last message that is to be continued; templates leave it out of earlier ones."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Annotated[str, BeforeValidator(_joined)] | None = None
    tool_calls: Annotated[list[ToolCall], Field(max_length=MAX_TOOLS), BeforeValidator(listed)] = []
    tool_call_id: str = Field("", max_length=200)
    reasoning_content: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.content is None and not (self.role == "assistant" and self.tool_calls):
            raise ValueError("content is a text, or a list of text parts")
        return self

    def as_chat(self) -> ChatMessage:
        calls = tuple((call.function.name, call.function.arguments) for call in self.tool_calls)
        thinking = self.reasoning_content or "" if self.role == "assistant" else ""
        return ChatMessage(self.role, self.content or "", calls, thinking)


class Function(Request):
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str = ""
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Request):
    type: Literal["function"]
    function: Function

    def as_told(self) -> dict[str, Any]:
        """What the model is told of it."""
        return {
            "type": "function",
            "function": self.function.model_dump(exclude={"strict"}, exclude_none=True),
        }


class NamedFunction(Request):
    name: str


class NamedTool(Request):
    type: Literal["function"]
    function: NamedFunction


class JsonSchema(Request):
    """`schema` is what the whole answer has to be."""

    name: str = ""
    schema_: Any = Field(None, alias="schema")
    strict: bool | None = None


class ResponseFormat(Request):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class ChatRequest(AnswerFields):
    """`POST /v1/chat/completions`."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    max_completion_tokens: int | None = Field(None, ge=1, le=1_000_000)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=MAX_TOP_LOGPROBS)
    tools: Annotated[list[Tool], Field(max_length=MAX_TOOLS), BeforeValidator(listed)] = []
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    continue_final_message: bool = False
    platform_messages: int | None = Field(None, ge=0, le=MAX_MESSAGES)

    @model_validator(mode="after")
    def _final_message(self) -> Self:
        if self.continue_final_message and (len(self.messages) < 2 or self.messages[-1].role != "assistant"):
            raise ValueError(
                "continue_final_message needs an assistant message at the end, after another one"
            )
        return self

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        names = [tool.function.name for tool in self.tools]
        if len(set(names)) < len(names):
            raise ValueError("two tools have the same name")
        if isinstance(self.tool_choice, NamedTool) and self.tool_choice.function.name not in names:
            raise ValueError("tool_choice names a tool that is not among tools")
        if self.tool_choice == "required" and not names:
            raise ValueError("tool_choice is required, and there are no tools")
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs")
        if (self.is_bound or self.tools_shown) and self.ignore_eos:
            raise ValueError("an answer that a grammar may bind cannot go on past its end")
        if self.is_bound and self.continue_final_message:
            raise ValueError("an answer of a fixed shape cannot be continued")
        if bool(self.tools_shown) + self.response_format_is_json + bool(self.grammar) > 1:
            raise ValueError("an answer is either a call of a tool, or of response_format, or of a grammar")
        return self

    @property
    def tools_shown(self) -> list[Tool]:
        """The tools that the model may use now."""
        return [] if self.tool_choice == "none" else self.tools

    @property
    def must_call(self) -> str | None:
        """The tool that has to be used, "" for any one of them; None when none has to."""
        if isinstance(self.tool_choice, NamedTool):
            return self.tool_choice.function.name
        return "" if self.tool_choice == "required" else None

    @property
    def response_format_is_json(self) -> bool:
        return self.response_format is not None and self.response_format.type != "text"

    @property
    def is_bound(self) -> bool:
        """Whether a grammar says what the answer looks like."""
        return self.must_call is not None or self.response_format_is_json or bool(self.grammar)

    @property
    def grammar_after(self) -> str:
        return OPENING if self.tools_shown and self.must_call is None else ""

    def own_grammar(self) -> str:
        if self.tools_shown:
            functions = [
                (tool.function.name, tool.function.parameters, bool(tool.function.strict))
                for tool in self.tools
                if self.must_call in (None, "", tool.function.name)
            ]
            return of_calls(
                functions,
                opening=OPENING,
                closing=CLOSING,
                most=MAX_CALLS if self.parallel_tool_calls else 1,
                begun=bool(self.grammar_after),
                lenient=self.must_call is None,
            )
        wanted = self.response_format
        if wanted is None or wanted.type == "text":
            return ""
        if wanted.type == "json_object" or wanted.json_schema is None:
            return any_object()
        return of_schema(wanted.json_schema.schema_ or {}, strict=bool(wanted.json_schema.strict))

    @property
    def answer_tokens(self) -> int:
        """How long the answer may be, in tokens; the newer name counts."""
        return self.max_completion_tokens or super().answer_tokens

    @property
    def told_logprobs(self) -> int | None:
        """How many of the likeliest tokens are told beside each one; None when nothing of it is."""
        return (self.top_logprobs or 0) if self.logprobs else None


class WarmRequest(Request):
    """`POST /v1/warm`: messages of the platform's own, to be read before anyone asks."""

    model: str = Field("chat", max_length=400)
    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]


class ForgetRequest(Request):
    """`POST /v1/forget`."""

    cache_owner: str = Field(min_length=1, max_length=200)


class CancelRequest(Request):
    """`POST /v1/cancel`."""

    request_id: str = Field(min_length=1, max_length=200)


def explain(error: ValidationError) -> str:
    """What is wrong with a request, in one line that quotes nothing of it."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = (
        first["loc"][:1] if first["loc"][:1] == ("logit_bias",) else first["loc"]
    )  # its keys are the client's
    where = ".".join(str(part) for part in place)
    return f"{where}: {first['msg']}" if where else str(first["msg"])
