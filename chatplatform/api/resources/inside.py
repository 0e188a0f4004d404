"""Routes of what an answer was made of: the parts of its prompt, the exact text, and the same asked again."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils import translation
from ninja import Field, Query, Router, Schema

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import CHANGES, FINDS, answers
from chatplatform.api.liveness import still_allowed
from chatplatform.api.resources.turns import LeftOutOut, State
from chatplatform.api.schemas import Moment
from chatplatform.chat.inside.queries import inside_of_turn, own_turn, prompt_of_turn
from chatplatform.chat.inside.replay_lines import ReplayWish, replay_lines
from chatplatform.chat.inside.view import InsideView
from chatplatform.common.threads import in_thread

router = Router(tags=["Turns"])
ACCESS = Access(Permission.CHAT)
REPLAY = Access(Permission.ANSWERS_REPLAY)

Origin = Literal[
    "system",
    "folder",
    "memory",
    "summary",
    "file",
    "source",
    "history",
    "question",
    "thinking",
    "answer",
    "template",
]
LINES = {
    "description": "Lines of JSON",
    "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
}


class WhichRequest(Schema):
    request: int | None = Field(
        None, ge=1, le=1_000_000, description="Which of the turn's requests; the last one if left out."
    )


class PartOut(Schema):
    """A part of the prompt, in order. `ref` names the row it was made of; `template` is what stands between messages.
    `cached_tokens` were read in an earlier turn."""

    origin: Origin
    role: str
    message: int
    tokens: int
    cached_tokens: int
    ref: str


class WindowOut(Schema):
    """In tokens. `reserved` is still kept free for the answer."""

    tokens: int
    used: int
    reserved: int
    free: int


class TimingOut(Schema):
    """In seconds; null where that has not come yet."""

    queue_s: float | None
    reading_s: float | None
    first_word_s: float | None
    writing_s: float | None
    tokens_a_second: float | None


class MadeAtOut(Schema):
    """A call of a model: what for (`chat` is the answer), and where it went."""

    id: UUID
    purpose: str
    state: str
    destination: str
    host: str
    is_local: bool
    model: str
    opened_at: Moment


class AuditEntryOut(Schema):
    """An entry of the audit log; `index` is its leaf in the tree, null until it has one."""

    id: int
    code: str
    at: Moment
    index: int | None


class CitedOut(Schema):
    number: int
    kind: str
    title: str


class InsideOut(Schema):
    """What an answer was made of, as far as it is known: more while it runs. `request` is 0 when nothing was sent yet.
    `commitment` is a salted hash of the prompt, which the audit log holds too. `thinking_tokens` of what was
    written were thought, in `thought_s` seconds."""

    turn_id: UUID
    state: State
    request: int
    requests: int
    parts: list[PartOut]
    window: WindowOut | None
    left_out: LeftOutOut | None
    sources: list[CitedOut]
    looked_up: str = Field(
        ..., description="What sources were searched for, where that is more than the question; else empty."
    )
    timing: TimingOut | None
    sampling: dict[str, Any]
    model: str
    model_sha256: str
    prompt_version_id: UUID | None
    assistant_id: UUID | None
    calls: list[MadeAtOut]
    audit: list[AuditEntryOut]
    commitment: str
    thinking_tokens: int
    thought_s: float | None


class PromptPartOut(Schema):
    """`text` is null where it was changed or deleted since, as `fidelity` says."""

    origin: Origin
    role: str
    message: int
    text: str | None
    fidelity: Literal["same", "changed", "gone"]


class PromptTextOut(Schema):
    """What was sent. `proven`: all parts are here and have, together, the hash that was written down when it was sent.
    With `continue_final`, the model was asked to go on with the last message."""

    parts: list[PromptPartOut]
    proven: bool
    continue_final: bool


@router.get(
    "turns/{uuid:turn_id}/inside",
    response=answers(InsideOut, errors=FINDS),
    auth=ACCESS,
    summary="Look inside an answer",
)
def get_inside(request: ApiRequest, turn_id: UUID, which: Query[WhichRequest]) -> InsideOut:
    """The parts of the prompt by origin, the window, timings, sampling, and where the answer was made."""
    return _inside(inside_of_turn(request.caller.id, turn_id, number=which.request))


@router.get(
    "turns/{uuid:turn_id}/prompt",
    response=answers(PromptTextOut, errors=FINDS),
    auth=ACCESS,
    summary="Get the prompt of an answer",
)
def get_prompt_text(request: ApiRequest, turn_id: UUID, which: Query[WhichRequest]) -> PromptTextOut:
    """The exact text that was sent, rebuilt from what it was made of. Without parts where nothing was written down."""
    rebuilt = prompt_of_turn(request.caller.id, turn_id, number=which.request)
    if rebuilt is None:
        return PromptTextOut(parts=[], proven=False, continue_final=False)
    parts = [
        PromptPartOut(
            origin=part.placed.origin,
            role=part.role,
            message=part.placed.message,
            text=part.text,
            fidelity=part.fidelity,
        )
        for part in rebuilt.parts
    ]
    return PromptTextOut(parts=parts, proven=rebuilt.is_proven, continue_final=rebuilt.continue_final)


@router.post(
    "turns/{uuid:turn_id}/replay",
    response=answers(None, errors=CHANGES),
    auth=REPLAY,
    summary="Ask the same again",
    openapi_extra={"responses": {200: LINES}},
)
def replay(request: ApiRequest, turn_id: UUID) -> Any:
    """The same prompt to the same model with the same seed. Answers lines of JSON: `before` with the answer of then,
    `delta` with text, `done` with `is_same`, or `error`. Nothing is kept but an entry in the audit log."""
    caller = request.caller
    own_turn(caller.id, turn_id)  # theirs, or not found
    wish = ReplayWish(
        turn_id=turn_id,
        workspace_id=caller.workspace_id,
        actor=caller.actor,
        language=translation.get_language(),
        holds=lambda: in_thread(still_allowed)(caller),
        done=lambda before, after: {"is_same": before == after},
    )
    response = StreamingHttpResponse(replay_lines(wish), content_type="application/x-ndjson")
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _inside(view: InsideView) -> InsideOut:
    window, timing = view.window, view.timing
    return InsideOut(
        turn_id=view.turn_id,
        state=view.state,
        request=view.request,
        requests=view.requests,
        parts=[
            PartOut(
                origin=part.origin,
                role=part.role,
                message=part.message,
                tokens=part.tokens,
                cached_tokens=part.cached_tokens,
                ref=part.ref,
            )
            for part in view.parts
        ],
        window=WindowOut(
            tokens=window.tokens, used=window.used, reserved=window.reserved, free=max(0, window.free)
        )
        if window
        else None,
        left_out=LeftOutOut(messages=view.left_out.messages, reason=view.left_out.reason)
        if view.left_out
        else None,
        looked_up=view.looked_up,
        sources=[CitedOut(number=each.number, kind=each.kind, title=each.title) for each in view.sources],
        timing=TimingOut(
            queue_s=timing.queue_s,
            reading_s=timing.reading_s,
            first_word_s=timing.first_word_s,
            writing_s=timing.writing_s,
            tokens_a_second=timing.tokens_a_second,
        )
        if timing
        else None,
        sampling=view.sampling,
        model=view.model,
        model_sha256=view.model_sha256,
        prompt_version_id=view.prompt_version_id,
        assistant_id=view.assistant_id,
        calls=[
            MadeAtOut(
                id=call.id,
                purpose=call.purpose,
                state=call.state,
                destination=call.destination,
                host=call.host,
                is_local=call.is_local,
                model=call.model,
                opened_at=call.opened_at,
            )
            for call in view.calls
        ],
        audit=[
            AuditEntryOut(id=entry.id, code=entry.code, at=entry.at, index=entry.index)
            for entry in view.audit
        ],
        commitment=view.commitment,
        thinking_tokens=view.thinking_tokens,
        thought_s=view.thought_s,
    )
