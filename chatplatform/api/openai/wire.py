"""What clients of the OpenAI protocol may send. What would change the answer and cannot be done is refused by name."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from ninja import Field
from pydantic import BaseModel, ConfigDict

from chatplatform.api.errors import BadField
from chatplatform.api.schemas import Body, Text
from chatplatform.inference.events import Sampling

MAX_MESSAGES = 2048
MAX_STOPS = 4
MAX_STOP_CHARS = 200
MAX_BIASES = 300
MAX_TOKEN_DIGITS = 9
MAX_ANSWERS = 4
SEEDS = 2**64

Finite = Annotated[float, Field(allow_inf_nan=False)]


class TextPart(Body):
    type: Literal["text"]
    text: Text


class OtherPart(Body):
    """A part that the models here cannot read: an image, a sound, a file."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["image_url", "input_audio", "file", "refusal"]


class CalledFunction(Body):
    name: Text = Field(..., min_length=1, max_length=64)
    arguments: Text = Field(..., description="JSON.")


class CallIn(Body):
    """A call that the model made earlier."""

    id: Text = Field(..., min_length=1, max_length=200)
    type: Literal["function"]
    function: CalledFunction


class FunctionIn(Body):
    name: str = Field(..., pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: Text | None = Field(None, max_length=10_000)
    parameters: dict[str, Any] | None = Field(None, description="A JSON schema of an object.")
    strict: bool | None = Field(None, description="Refuse what the answer cannot be held to.")


class ToolIn(Body):
    type: Literal["function"]
    function: FunctionIn


class ChosenFunction(Body):
    name: Text = Field(..., min_length=1, max_length=64)


class ChosenTool(Body):
    type: Literal["function"]
    function: ChosenFunction


class SchemaIn(Body):
    name: Text = Field(..., min_length=1, max_length=64)
    description: Text | None = Field(None, max_length=10_000)
    schema_: dict[str, Any] = Field({}, alias="schema")
    strict: bool | None = None


class ResponseFormat(BaseModel):  # ninja's own schema has a method of that name
    """`json_schema` holds the answer to a schema, `json_object` to any object."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaIn | None = None


class MessageIn(Body):
    """One message. `system` and `developer` add to the assistant's own prompt, and never replace it."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | list[TextPart | OtherPart] | None = None
    tool_calls: list[CallIn] | None = Field(None, max_length=64)
    tool_call_id: Text | None = Field(None, max_length=200)
    name: Text | None = Field(None, max_length=64)
    refusal: Text | None = None

    def text(self, place: int) -> str:
        """The message's words. Raises BadField for parts that are none."""
        if isinstance(self.content, str):
            return self.content
        words = []
        for part in self.content or ():
            if not isinstance(part, TextPart):
                raise BadField(
                    f"messages.{place}.content",
                    _("The models here read text only."),
                    code="unsupported_content",
                )
            words.append(part.text)
        return "".join(words)


class StreamOptions(Body):
    include_usage: bool = False
    include_obfuscation: bool = False


class ChatBody(Body):
    """`POST /v1/chat/completions`. `model` is an assistant: its id, its name, or `default`."""

    model: Text = Field(..., min_length=1, max_length=200)
    messages: list[MessageIn] = Field(..., min_length=1, max_length=MAX_MESSAGES)
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: Finite | None = Field(None, ge=0, le=2)
    top_p: Finite | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1, le=1_000_000)
    max_completion_tokens: int | None = Field(None, ge=1, le=1_000_000)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: Text | list[Text] | None = None
    n: int | None = Field(
        None,
        ge=1,
        le=MAX_ANSWERS,
        description="So many answers, each as if it had been asked for alone: with a `seed`, each has the next one.",
    )
    frequency_penalty: Finite | None = Field(None, ge=-2, le=2)
    presence_penalty: Finite | None = Field(None, ge=-2, le=2)
    tools: list[ToolIn] | None = Field(None, max_length=64)
    tool_choice: Literal["none", "auto", "required"] | ChosenTool | None = None
    response_format: ResponseFormat | None = None
    # taken, without an effect: they do not change the answer
    user: Text | None = Field(None, max_length=512, description="Not used: the token says who asks.")
    safety_identifier: Text | None = Field(None, max_length=512, description="Not used.")
    prompt_cache_key: Text | None = Field(None, max_length=512, description="Not used.")
    metadata: dict[str, Any] | None = Field(None, description="Not kept.")
    service_tier: Literal["auto", "default"] | None = Field(None, description="There is one.")
    parallel_tool_calls: bool | None = Field(
        None, description="Several calls in one turn; one unless it is true."
    )
    logprobs: bool | None = Field(None, description="Tell how likely each token was.")
    top_logprobs: int | None = Field(
        None, ge=0, le=20, description="And so many of the likeliest in its place."
    )
    logit_bias: dict[str, Finite] | None = Field(
        None, max_length=MAX_BIASES, description="Numbers of the model's tokens, each with -100 to 100."
    )
    # taken only with the value that changes nothing
    store: bool | None = Field(
        None, description="Only false: nothing is kept; then engines of ours write down nothing of it either."
    )


def check(body: ChatBody) -> None:
    """Raises BadField for what the engine would have to ignore."""
    if body.store:
        raise _unsupported("store", _("Nothing of a request is kept: leave `store` out, or send false."))
    if body.top_logprobs and not body.logprobs:
        raise BadField("top_logprobs", _("`top_logprobs` goes with `logprobs` only."))
    for token, bias in (body.logit_bias or {}).items():
        if not (
            token.isascii() and token.isdigit() and len(token) <= MAX_TOKEN_DIGITS and -100 <= bias <= 100
        ):
            raise BadField("logit_bias", _("`logit_bias` has numbers of tokens, each with -100 to 100."))
    if body.stream_options is not None and not body.stream:
        raise BadField("stream_options", _("`stream_options` goes with `stream` only."))
    for stop in stops(body):
        if not 0 < len(stop) <= MAX_STOP_CHARS:
            raise BadField("stop", _("A stop text has 1 to %(n)d characters.") % {"n": MAX_STOP_CHARS})
    if len(stops(body)) > MAX_STOPS:
        raise BadField("stop", _("At most %(n)d stop texts are possible.") % {"n": MAX_STOPS})

    _check_tools(body)


def _check_tools(body: ChatBody) -> None:
    names = [tool.function.name for tool in body.tools or ()]
    if len(set(names)) < len(names):
        raise BadField("tools", _("Two tools have the same name."))
    if body.tool_choice == "required" and not names:
        raise BadField("tool_choice", _("`tool_choice` asks for a tool, and there is none."))
    if isinstance(body.tool_choice, ChosenTool) and body.tool_choice.function.name not in names:
        raise BadField("tool_choice", _("`tool_choice` names a tool that is not there."))
    wanted = body.response_format
    if wanted is not None and wanted.type == "json_schema" and wanted.json_schema is None:
        raise BadField("response_format", _("Send the schema as `json_schema`."))
    must_call = body.tool_choice == "required" or isinstance(body.tool_choice, ChosenTool)
    if must_call and wanted is not None and wanted.type != "text":
        raise BadField("response_format", _("An answer is either a tool's call or of a format."))
    for place, message in enumerate(body.messages):
        if (message.role == "tool") != (message.tool_call_id is not None):
            raise BadField(
                f"messages.{place}.tool_call_id",
                _("A tool's message, and no other, names the call it answers."),
            )
        if message.tool_calls and message.role != "assistant":
            raise BadField(f"messages.{place}.tool_calls", _("Only an assistant's message has calls."))


def as_json(param: str, value: Any) -> str:
    """`value` as JSON that every engine can read; empty for none. Raises BadField."""
    if not value:
        return ""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError:  # UnicodeEncodeError is one
        raise BadField(param, _("This is not valid JSON: it holds half a character, or no number.")) from None
    return text


def stops(body: ChatBody) -> tuple[str, ...]:
    if body.stop is None:
        return ()
    return (body.stop,) if isinstance(body.stop, str) else tuple(body.stop)


def sampling(body: ChatBody, own: Sampling) -> Sampling:
    """The assistant's own sampling, with what the request says instead."""
    asked: dict[str, Any] = {
        "temperature": body.temperature,
        # 0 would leave no token: the protocol means the likeliest alone
        "top_p": None if body.top_p is None else max(body.top_p, 1e-6),
        "seed": body.seed,
        "frequency_penalty": body.frequency_penalty,
        "presence_penalty": body.presence_penalty,
        "max_tokens": body.max_completion_tokens or body.max_tokens,
        "logit_bias": tuple((int(token), bias) for token, bias in (body.logit_bias or {}).items()) or None,
        "logprobs": (body.top_logprobs or 0) if body.logprobs else None,
        "stop": (*own.stop, *stops(body)) if body.stop is not None else None,
    }
    return replace(own, **{name: value for name, value in asked.items() if value is not None})


def sampling_of_answer(drawn: Sampling, index: int) -> Sampling:
    """The sampling of answer number `index`: with a seed, each has one of its own."""
    if drawn.seed is None or not index:
        return drawn
    seed = (drawn.seed + index + SEEDS // 2) % SEEDS - SEEDS // 2  # beyond the last one comes the first
    return replace(drawn, seed=seed)


def _unsupported(param: str, message: str) -> BadField:
    return BadField(param, message, code="unsupported_parameter")


class EmbeddingBody(Body):
    """`POST /v1/embeddings`. Queries and passages are embedded differently: say which with `input_type`."""

    model: Text = Field(..., min_length=1, max_length=200)
    input: Text | list[Text] = Field(..., description="A text, or a list of texts.")
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1, le=100_000, description="Only the model's own number.")
    user: Text | None = Field(None, max_length=512, description="Not used: the token says who asks.")
    input_type: Literal["query", "passage"] = Field("passage", description="An extension of ours.")
