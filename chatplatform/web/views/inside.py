"""The drawer on an answer: what it was made of, the exact text that was sent, and asking the same again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.http import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.accounts.standing import Standing
from chatplatform.chat.inside.queries import inside_of_turn, own_turn, prompt_of_turn
from chatplatform.chat.inside.rebuilding import RebuiltPart
from chatplatform.chat.inside.replay_lines import ReplayWish, replay_lines
from chatplatform.chat.inside.view import InsideView, Shown, WindowView
from chatplatform.common.errors import InvalidInput
from chatplatform.common.threads import in_thread
from chatplatform.privacy.content import ContentErased
from chatplatform.prompts.comparison import difference
from chatplatform.web.error_pages import expected_errors

BAR_WIDTH: Final = 1000

ORIGIN_NAMES: dict[str, Promise] = {
    "system": gettext_lazy("Instructions of the assistant"),
    "folder": gettext_lazy("Instructions of the folder"),
    "memory": gettext_lazy("Memories"),
    "summary": gettext_lazy("Summary of earlier messages"),
    "history": gettext_lazy("Earlier messages"),
    "file": gettext_lazy("Files"),
    "source": gettext_lazy("Passages of sources"),
    "question": gettext_lazy("Question"),
    "thinking": gettext_lazy("Thinking"),
    "answer": gettext_lazy("Answer so far"),
    "template": gettext_lazy("Marks between messages"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the bar: what it stands for, where, and how long."""

    kind: str
    name: str | Promise
    tokens: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table behind the bar; `read_before` is what of it the engine had."""

    kind: str
    name: str | Promise
    parts: int | None
    tokens: int
    read_before: int | None


@dataclass(frozen=True, slots=True)
class Words:
    """A part of the prompt as text. `name` says where it comes from, `text` is None where that is not known now."""

    kind: str
    name: str | Promise
    role: str
    text: str | None
    fidelity: str


@require_safe
@requires(Permission.CHAT)
@expected_errors
def inside(request: PersonRequest, turn_id: UUID) -> HttpResponseBase:
    """The drawer's content, as HTML. `?request=` chooses one of several requests."""
    view = inside_of_turn(request.person.id, turn_id, number=_number(request))
    may = request.person.may
    context = {
        "inside": view,
        "pieces": _pieces(view),
        "sampling": sorted(view.sampling.items()),
        "rows": _rows(view),
        "asked_again": range(1, view.requests + 1) if view.requests > 1 else (),
        "may_audit": may(Permission.AUDIT_READ),
        "may_models": may(Permission.MODELS_READ),
        "may_prompts": may(Permission.PROMPTS_READ),
        "may_replay": may(Permission.ANSWERS_REPLAY) and view.is_over and view.request > 0,
    }
    return render(request, "chat/inside.html", context)


@require_safe
@requires(Permission.CHAT)
@expected_errors
def prompt(request: PersonRequest, turn_id: UUID) -> HttpResponseBase:
    """The exact text of the request, part by part, as far as it can be shown."""
    try:
        rebuilt = prompt_of_turn(request.person.id, turn_id, number=_number(request))
    except ContentErased:
        return render(request, "chat/inside_prompt.html", {"is_erased": True})
    if rebuilt is None:
        return render(request, "chat/inside_prompt.html", {"is_unknown": True})
    words = [_words(part) for part in rebuilt.parts]
    return render(
        request,
        "chat/inside_prompt.html",
        {
            "words": words,
            "is_proven": rebuilt.is_proven,
            "missing": sum(part.text is None for part in rebuilt.parts),
            "continue_final": rebuilt.continue_final,
        },
    )


@require_POST
@requires(Permission.ANSWERS_REPLAY)
@expected_errors
def replay(request: PersonRequest, turn_id: UUID) -> HttpResponseBase:
    """Ask the same again: lines of JSON while the model speaks. Closing the connection stops it."""
    person = request.person
    own_turn(person.id, turn_id)  # theirs, or not found
    standing = Standing(person.id, person.workspace_id, person.role, request.session.session_key or "")
    wish = ReplayWish(
        turn_id=turn_id,
        workspace_id=person.workspace_id,
        actor=person.actor,
        language=translation.get_language(),
        holds=in_thread(standing.holds),
        done=_compared,
    )
    response = StreamingHttpResponse(replay_lines(wish), content_type="application/x-ndjson")
    response.headers["X-Accel-Buffering"] = "no"  # a proxy in front passes each line on at once
    return response


def _number(request: PersonRequest) -> int | None:
    text = request.GET.get("request", "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise InvalidInput("request_invalid", _("There was no such request for this answer."))
    return int(text)


def _pieces(view: InsideView) -> list[Piece]:
    """The window as a bar: the prompt by origin, the answer, what is kept for it, and what is free."""
    window = view.window
    if window is None or not window.tokens:
        return []
    lengths: list[tuple[str, str | Promise, int]] = [
        (part.origin, ORIGIN_NAMES[part.origin], part.tokens) for part in view.origins
    ]
    lengths += _written(view, window)
    lengths.append(("reserved", _("Kept free for the answer"), window.reserved))
    whole = max(window.tokens, sum(tokens for _kind, _name, tokens in lengths))
    pieces, x = [], 0.0
    for kind, name, tokens in lengths:
        width = round(BAR_WIDTH * tokens / whole, 2)
        if tokens:
            pieces.append(Piece(kind, name, tokens, round(x, 2), width))
        x += width
    return pieces


def _written(view: InsideView, window: WindowView) -> list[tuple[str, str | Promise, int]]:
    """What the model wrote: what it thought, where all of that was in one request, and the answer."""
    thought = min(view.thinking_tokens, window.answer_tokens) if view.requests == 1 else 0
    answer = ("written", _("Answer"), window.answer_tokens - thought)
    return [("thinking", ORIGIN_NAMES["thinking"], thought), answer] if thought else [answer]


def _rows(view: InsideView) -> list[Row]:
    rows = [
        Row(part.origin, ORIGIN_NAMES[part.origin], part.parts, part.tokens, part.cached_tokens)
        for part in view.origins
    ]
    window = view.window
    if window is not None:
        rows += [Row(kind, name, None, tokens, None) for kind, name, tokens in _written(view, window)]
        rows.append(Row("reserved", _("Kept free for the answer"), None, window.reserved, None))
        rows.append(Row("free", _("Free"), None, max(0, window.free), None))
    return rows


def _words(part: RebuiltPart) -> Words:
    kind: Shown = part.placed.origin
    return Words(kind, ORIGIN_NAMES[kind], part.role, part.text, part.fidelity)


def _compared(before: str, after: str) -> dict[str, Any]:
    context = {"difference": difference(before, after), "is_same": before == after}
    return {"is_same": before == after, "html": render_to_string("chat/inside_replay.html", context)}
