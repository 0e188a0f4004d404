"""Questions about assistants and released prompts, in the open workspace scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.models import GroupMembership
from chatplatform.common.errors import NotFound
from chatplatform.inference.events import Sampling
from chatplatform.prompts.models import Assistant, AssistantGroup, PromptLabel
from chatplatform.prompts.sampling import parse_sampling

T = TypeVar("T")

# the engine's name for the model that answers unless an assistant asks for another one
CHAT_MODEL = "chat"


@dataclass(frozen=True, slots=True)
class AssistantView:
    """An assistant in the reader's language."""

    id: UUID
    name: str
    description: str
    starters: tuple[str, ...]
    is_default: bool
    is_demo: bool


@dataclass(frozen=True, slots=True)
class ReleasedPrompt:
    """What an assistant says to the model now; `sha256` is of `system_text`, in hexadecimal.

    `system_text` is the whole text of the version, with its examples: `opening_messages` makes messages of it. `model`
    is what the gateway is asked for. `first_word_s` is the assistant's own wish, None where it follows the settings;
    `summaries` whether the older messages of long chats may be summarised, `shows_thinking` whether people see what
    the model thinks before it answers; what they are not to see is not kept either.
    """

    assistant_id: UUID
    version_id: UUID
    version_number: int
    sha256: str
    system_text: str = field(repr=False)
    sampling: Sampling
    model: str = CHAT_MODEL
    first_word_s: float | None = None
    summaries: bool = True
    shows_thinking: bool = True


def assistants(language: str | None = None, *, reader_id: UUID | None = None) -> list[AssistantView]:
    """What `reader_id` may choose from, the default first, in `language` (None: the active one).

    Without a reader: every assistant in use, for the platform's own purposes.
    """
    code = language or get_language() or "en"
    rows = Assistant.objects.filter(_in_use(reader_id)).order_by("-is_default", "name")
    return [_view(row, code) for row in rows]


def may_use(assistant_id: UUID | None, *, reader_id: UUID) -> bool:
    """Whether the assistant (None: the default one) is there, in use and open to this person."""
    return Assistant.objects.filter(_wanted(assistant_id), _in_use(reader_id)).exists()


def is_default(assistant_id: UUID) -> bool:
    """Whether it answers where nobody chose an assistant."""
    return Assistant.objects.filter(id=assistant_id, is_default=True).exists()


def released_prompt(assistant_id: UUID | None, *, reader_id: UUID | None = None) -> ReleasedPrompt:
    """The `production` version of the assistant's prompt; None means the default assistant.

    Raises NotFound when there is no such assistant (any more), or `reader_id` is not in its audience: the two
    look the same.
    """
    wanted = _wanted(assistant_id) & _in_use(reader_id)
    # every turn asks: one row of plain values, and what is wrong only when there is none
    row = (
        Assistant.objects.filter(wanted, prompt__labels__name=PromptLabel.PRODUCTION)
        .values_list(
            "id",
            "sampling",
            "model",
            "prompt__labels__version__id",
            "prompt__labels__version__number",
            "prompt__labels__version__sha256",
            "prompt__labels__version__text",
        )
        .first()
    )
    if row is None:
        if Assistant.objects.filter(wanted).exists():
            raise NotFound("assistant_not_released", _("This assistant has no released prompt yet."))
        raise NotFound("assistant_unknown", _("This assistant is no longer here. Start a new chat."))
    found_id, sampling, model, version_id, number, sha256, text = row
    own = parse_sampling(sampling)
    return ReleasedPrompt(
        found_id,
        version_id,
        number,
        sha256,
        text,
        own.resolved(),
        model or CHAT_MODEL,
        own.first_word_s,
        summaries=own.summaries is not False,
        shows_thinking=own.thinking is not False,
    )


def _wanted(assistant_id: UUID | None) -> Q:
    return Q(is_default=True) if assistant_id is None else Q(id=assistant_id)


def _in_use(reader_id: UUID | None) -> Q:
    """Assistants that are not archived and, with a reader, that this person belongs to the audience of."""
    in_use = Q(archived_at__isnull=True)
    if reader_id is None:
        return in_use
    groups = GroupMembership.objects.filter(membership__user_id=reader_id).values("group_id")
    theirs = AssistantGroup.objects.filter(assistant=OuterRef("pk"), group_id__in=groups)
    return in_use & (Q(audience=Assistant.Audience.EVERYBODY) | Q(Exists(theirs)))


def assistant_by_name(name: str) -> UUID:
    """The id of the assistant with this name, whatever the case; raises NotFound."""
    found = Assistant.objects.filter(name__iexact=name).values_list("id", flat=True).first()
    if found is None:
        raise NotFound("assistant_unknown", _("There is no assistant with this name."))
    return found


def _view(row: Assistant, code: str) -> AssistantView:
    words = _in_language(row.translations, code, {})
    return AssistantView(
        id=row.id,
        name=words.get("name") or row.name,
        description=words.get("description") or row.description,
        starters=tuple(_in_language(row.starters, code, row.starters.get("en", []))),
        is_default=row.is_default,
        is_demo=row.is_demo,
    )


def _in_language(by_language: Mapping[str, T], code: str, otherwise: T) -> T:
    """The entry of `code`, else of a relative (`zh-cn` reads `zh-hans`, `en-gb` reads `en`), else `otherwise`."""
    code = code.lower()
    if code in by_language:
        return by_language[code]
    base = code.split("-")[0]
    return next((value for key, value in by_language.items() if key.split("-")[0] == base), otherwise)
