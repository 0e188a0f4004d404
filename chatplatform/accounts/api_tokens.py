"""Keys for programs: made, told, and taken back.

A secret has 333 random bits, of which a list shows 36; only its SHA-256 is kept, so a stolen database opens no
door. A token acts as its person: it can do what its scopes name and the person's role has *now*.
"""

from __future__ import annotations

import hashlib
import secrets
import string
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from time import monotonic
from types import MappingProxyType
from typing import Literal
from uuid import UUID

from django.db import transaction
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chatplatform.accounts import audit_events
from chatplatform.accounts.models import ApiToken, Membership, Role, User
from chatplatform.accounts.permissions import ROLE_PERMISSIONS, Permission
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput, NotFound, TooMany
from chatplatform.common.scope import all_workspaces, current_workspace_id, workspace_scope

SECRET_PREFIX = "cp_"  # noqa: S105  # how every secret begins, so that scanners for leaked keys know ours
TOKENS_A_PERSON = 50
NAME_CHARS = 100
LAST_USE_EVERY_S = 60

_ALPHABET = string.ascii_letters + string.digits  # a double click selects the whole secret
_SECRET_CHARS = 56
_SHOWN_CHARS = 6
_REFUSALS_KNOWN = 1000

Refusal = Literal["revoked", "expired", "suspended", "not_a_member"]


class Scope(StrEnum):
    """What a token may be used for. `write` includes reading."""

    CHAT = "chat"
    ASSISTANTS_READ = "assistants.read"
    ASSISTANTS_WRITE = "assistants.write"
    PROMPTS_READ = "prompts.read"
    PROMPTS_WRITE = "prompts.write"
    MEMBERS_READ = "members.read"
    MEMBERS_WRITE = "members.write"
    KNOWLEDGE_READ = "knowledge.read"
    KNOWLEDGE_WRITE = "knowledge.write"
    KNOWLEDGE_MANAGE = "knowledge.manage"
    JOBS_READ = "jobs.read"
    JOBS_WRITE = "jobs.write"
    AUDIT_READ = "audit.read"
    USAGE_READ = "usage.read"
    FEEDBACK_READ = "feedback.read"
    ANSWERS_REPLAY = "answers.replay"
    SHARING_WRITE = "sharing.write"
    MODELS_READ = "models.read"
    ENGINES_WRITE = "engines.write"
    WORKSPACE_WRITE = "workspace.write"

    @property
    def label(self) -> Promise:
        """What it allows, in the reader's language."""
        return _LABELS[self]


_LABELS: Mapping[Scope, Promise] = MappingProxyType(
    {
        Scope.CHAT: gettext_lazy("Chat with assistants as you"),
        Scope.ASSISTANTS_READ: gettext_lazy("Read assistants"),
        Scope.ASSISTANTS_WRITE: gettext_lazy("Change assistants"),
        Scope.PROMPTS_READ: gettext_lazy("Read prompts"),
        Scope.PROMPTS_WRITE: gettext_lazy("Change and release prompts"),
        Scope.MEMBERS_READ: gettext_lazy("Read members and groups"),
        Scope.MEMBERS_WRITE: gettext_lazy("Change members and groups"),
        Scope.KNOWLEDGE_READ: gettext_lazy("Search and read knowledge"),
        Scope.KNOWLEDGE_WRITE: gettext_lazy("Change the documents of knowledge"),
        Scope.KNOWLEDGE_MANAGE: gettext_lazy("Make and delete collections, and say who may search them"),
        Scope.JOBS_READ: gettext_lazy("Read background jobs"),
        Scope.JOBS_WRITE: gettext_lazy("Retry and cancel background jobs"),
        Scope.AUDIT_READ: gettext_lazy("Read the audit log"),
        Scope.USAGE_READ: gettext_lazy("Read usage and limits"),
        Scope.FEEDBACK_READ: gettext_lazy("Read what people say of answers"),
        Scope.ANSWERS_REPLAY: gettext_lazy("Ask a model again what it was asked for an answer"),
        Scope.SHARING_WRITE: gettext_lazy("Decide what may be shared, and end links"),
        Scope.MODELS_READ: gettext_lazy("Read models"),
        Scope.ENGINES_WRITE: gettext_lazy("Change which engines answer, and whether prompts may leave"),
        Scope.WORKSPACE_WRITE: gettext_lazy("Change what holds for the whole workspace"),
    }
)

SCOPE_PERMISSIONS: Mapping[Scope, frozenset[Permission]] = MappingProxyType(
    {
        Scope.CHAT: frozenset({Permission.CHAT}),
        Scope.ASSISTANTS_READ: frozenset({Permission.ASSISTANTS_READ}),
        Scope.ASSISTANTS_WRITE: frozenset({Permission.ASSISTANTS_READ, Permission.ASSISTANTS_MANAGE}),
        Scope.PROMPTS_READ: frozenset({Permission.PROMPTS_READ}),
        Scope.PROMPTS_WRITE: frozenset(
            {Permission.PROMPTS_READ, Permission.PROMPTS_EDIT, Permission.PROMPTS_RELEASE}
        ),
        Scope.MEMBERS_READ: frozenset({Permission.MEMBERS_READ}),
        Scope.MEMBERS_WRITE: frozenset(
            {Permission.MEMBERS_READ, Permission.MEMBERS_MANAGE, Permission.GROUPS_MANAGE}
        ),
        Scope.KNOWLEDGE_READ: frozenset({Permission.KNOWLEDGE_READ}),
        Scope.KNOWLEDGE_WRITE: frozenset({Permission.KNOWLEDGE_READ, Permission.KNOWLEDGE_EDIT}),
        Scope.KNOWLEDGE_MANAGE: frozenset({Permission.KNOWLEDGE_READ, Permission.KNOWLEDGE_MANAGE}),
        Scope.JOBS_READ: frozenset({Permission.JOBS_READ}),
        Scope.JOBS_WRITE: frozenset({Permission.JOBS_READ, Permission.JOBS_MANAGE}),
        Scope.AUDIT_READ: frozenset({Permission.AUDIT_READ}),
        Scope.USAGE_READ: frozenset({Permission.USAGE_READ}),
        Scope.FEEDBACK_READ: frozenset({Permission.FEEDBACK_READ}),
        Scope.ANSWERS_REPLAY: frozenset({Permission.ANSWERS_REPLAY}),
        Scope.SHARING_WRITE: frozenset({Permission.SHARING_MANAGE}),
        Scope.MODELS_READ: frozenset({Permission.MODELS_READ}),
        Scope.ENGINES_WRITE: frozenset({Permission.MODELS_READ, Permission.SYSTEM_MANAGE}),
        Scope.WORKSPACE_WRITE: frozenset({Permission.WORKSPACE_MANAGE}),
    }
)


def scopes_for(role: Role) -> tuple[Scope, ...]:
    """The scopes whose every right this role has: what its people may put into a token."""
    return tuple(scope for scope in Scope if SCOPE_PERMISSIONS[scope] <= ROLE_PERMISSIONS[role])


@dataclass(frozen=True, slots=True)
class Made:
    """A new token. `secret` exists here and with whoever is shown it, and nowhere else."""

    token_id: UUID
    secret: str


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """Whom a valid token speaks for, and what it may be used for."""

    user: User
    workspace_id: UUID
    role: Role
    scopes: frozenset[Scope]
    token_id: UUID

    def may(self, permission: Permission) -> bool:
        """Whether the scopes name the right and the person's role has it."""
        return permission in ROLE_PERMISSIONS[self.role] and any(
            permission in SCOPE_PERMISSIONS[scope] for scope in self.scopes
        )


def make_token(
    name: str,
    scopes: Collection[Scope],
    *,
    expires_at: datetime | None,
    actor: Actor,
    user_id: UUID | None = None,
) -> Made:
    """Make a token for `user_id`, or for the acting person, in the open workspace scope.

    Raises InvalidInput for an empty or too long name, no scope, a scope beyond the person's role, or an expiry
    that is over; NotFound when the person is no active member; TooMany above TOKENS_A_PERSON living tokens.
    """
    owner_id = user_id or UUID(actor.id)
    name = " ".join(name.replace("\x00", "").split())
    if not name:
        raise InvalidInput("tokens.name_empty", _("Give the token a name that says what uses it."))
    if len(name) > NAME_CHARS:
        raise InvalidInput(
            "tokens.name_too_long", _("A name has at most %(n)d characters.") % {"n": NAME_CHARS}
        )
    if not scopes:
        raise InvalidInput("tokens.no_scope", _("Choose at least one thing that the token may do."))
    if expires_at is not None and expires_at <= now():
        raise InvalidInput("tokens.expiry_over", _("Choose an end that lies in the future."))
    workspace_id = current_workspace_id()
    secret = SECRET_PREFIX + "".join(secrets.choice(_ALPHABET) for _n in range(_SECRET_CHARS))
    with transaction.atomic():
        # locked, so that two requests at once cannot pass the limit together
        place = (
            Membership.objects.select_for_update()
            .filter(workspace_id=workspace_id, user_id=owner_id, suspended_at=None, user__is_active=True)
            .first()
        )
        if place is None:
            raise NotFound("tokens.no_member", _("This person is not an active member of the workspace."))
        wanted = frozenset(Scope(scope) for scope in scopes)
        if not wanted <= frozenset(scopes_for(Role(place.role))):
            raise InvalidInput(
                "tokens.scope_beyond_role", _("A token cannot do more than its person. Choose fewer rights.")
            )
        if _living(owner_id).count() >= TOKENS_A_PERSON:
            raise TooMany(
                "tokens.too_many",
                _("There are %(n)d tokens already. Revoke one that is not used any more.")
                % {"n": TOKENS_A_PERSON},
            )
        token = ApiToken.objects.create(
            workspace_id=workspace_id,
            user_id=owner_id,
            name=name,
            prefix=secret[: len(SECRET_PREFIX) + _SHOWN_CHARS],
            token_hash=_digest(secret),
            scopes=sorted(wanted),
            expires_at=expires_at,
        )
        record(
            audit_events.TOKEN_MADE,
            actor=actor,
            workspace_id=workspace_id,
            target=Target("api_token", str(token.id)),
            details={
                "owner": str(owner_id),
                "scopes": ",".join(sorted(wanted)),
                "expires_at": expires_at.isoformat() if expires_at else None,
            },
        )
    return Made(token.id, secret)


def revoke_token(token_id: UUID, *, actor: Actor, owner_id: UUID | None = None) -> None:
    """End a token at once, in every process. Revoking it again changes nothing.

    With `owner_id`, only a token of that person. Raises NotFound for one that is missing or another's: the two
    look the same.
    """
    with transaction.atomic():
        rows = ApiToken.objects.filter(id=token_id)
        if owner_id is not None:
            rows = rows.filter(user_id=owner_id)
        token = rows.first()
        if token is None:
            raise NotFound("tokens.not_found", _("This token does not exist, or it is not yours."))
        if ApiToken.objects.filter(id=token_id, revoked_at=None).update(revoked_at=now()):
            record(
                audit_events.TOKEN_REVOKED,
                actor=actor,
                workspace_id=token.workspace_id,
                target=Target("api_token", str(token.id)),
                details={"owner": str(token.user_id)},
            )


def authenticate(secret: str, *, ip: str = "") -> TokenHolder | None:
    """Whom the secret speaks for, or None: unknown, expired and revoked ones, and those of suspended or removed
    people, look the same.

    Reads the rows each time, so that what was revoked or suspended ends with the next request. The time of use is
    written at most once a minute. Refusals of known tokens are recorded, at most once a minute for each in a
    process; unknown ones name nobody and are not, so that a stranger cannot fill the log.
    """
    with all_workspaces("a secret names its workspace only once it is found"):
        # whatever is sent is hashed and looked up in the same way
        row = (
            ApiToken.objects.filter(token_hash=_digest(secret))
            .annotate(
                place=FilteredRelation(
                    "user__memberships", condition=Q(user__memberships__workspace=F("workspace_id"))
                ),
                role=F("place__role"),
                suspended_at=F("place__suspended_at"),
            )
            .select_related("user")
            .first()
        )
    if row is None:
        return None
    refusal = _refusal(row, row.role, row.suspended_at)
    if refusal is not None:
        _record_refusal(row, refusal, ip)
        return None
    _note_use(row)
    return TokenHolder(row.user, row.workspace_id, Role(row.role), _known(row.scopes), row.id)


def _refusal(row: ApiToken, role: str | None, suspended_at: datetime | None) -> Refusal | None:
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is not None and row.expires_at <= now():
        return "expired"
    if role is None:
        return "not_a_member"
    return "suspended" if suspended_at is not None or not row.user.is_active else None


def _known(scopes: Iterable[str]) -> frozenset[Scope]:
    """A scope that a later version wrote and this one does not know gives nothing."""
    return frozenset(Scope(scope) for scope in scopes if scope in set(Scope))


def _note_use(row: ApiToken) -> None:
    moment = now()
    if row.last_used_at is not None and moment - row.last_used_at < timedelta(seconds=LAST_USE_EVERY_S):
        return
    with workspace_scope(row.workspace_id):
        # compared again: of many requests at once one writes
        ApiToken.objects.filter(id=row.id, last_used_at=row.last_used_at).update(last_used_at=moment)


_recorded: OrderedDict[tuple[UUID, Refusal], float] = OrderedDict()


def _record_refusal(row: ApiToken, refusal: Refusal, ip: str) -> None:
    key = (row.id, refusal)
    last = _recorded.get(key)
    if last is not None and monotonic() - last < LAST_USE_EVERY_S:
        return
    _recorded[key] = monotonic()
    _recorded.move_to_end(key)
    while len(_recorded) > _REFUSALS_KNOWN:
        _recorded.popitem(last=False)
    with workspace_scope(row.workspace_id), transaction.atomic():
        record(
            audit_events.TOKEN_REFUSED,
            actor=Actor.person(row.user_id, ip=ip),
            workspace_id=row.workspace_id,
            target=Target("api_token", str(row.id)),
            details={"reason": refusal},
            outcome="refused",
        )


def _living(owner_id: UUID) -> QuerySet[ApiToken]:
    alive = Q(expires_at=None) | Q(expires_at__gt=now())
    return ApiToken.objects.filter(alive, user_id=owner_id, revoked_at=None)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="replace")).digest()
