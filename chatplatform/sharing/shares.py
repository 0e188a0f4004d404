"""Links to conversations: made, brought up to date, ended by their owner. All run in the workspace's scope."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.accounts.authority import require_authority
from chatplatform.accounts.models import User
from chatplatform.accounts.permissions import Permission
from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Target, record
from chatplatform.chat.models import Conversation
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotAllowed, NotFound, TooMany
from chatplatform.common.ids import new_id
from chatplatform.privacy.content import decrypt_bytes, decrypt_text, encrypt_bytes, encrypt_text
from chatplatform.privacy.subjects import Subject
from chatplatform.sharing import audit_events as events
from chatplatform.sharing import limits
from chatplatform.sharing.endings import destroy_keys_of_ended, end_share
from chatplatform.sharing.models import Audience, Share, SharePage
from chatplatform.sharing.policy import sharing_policy
from chatplatform.sharing.reading import Said, own_conversation, shown_path, title_or_none

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Wish:
    """What a link is to be: for whom, how long, and whether the person's name is shown."""

    audience: str
    days: int
    shows_name: bool = False


def make_share(conversation_id: UUID, wish: Wish, *, actor: Actor) -> Share:
    """A link to what the conversation shows now.

    Raises NotFound, NotAllowed where the policy does not permit it, InvalidInput, TooMany, and Conflict for a
    conversation in which nothing is said yet.
    """
    person_id = UUID(actor.id)
    with transaction.atomic():
        conversation = own_conversation(person_id, conversation_id)
        _permitted(wish)
        if Share.objects.filter(owner_id=person_id, ended_at=None).count() >= limits.OPEN_SHARES_A_PERSON:
            raise TooMany(
                "sharing.too_many_links",
                _("You have %(n)d links. Revoke some that are not needed any more.")
                % {"n": limits.OPEN_SHARES_A_PERSON},
            )
        share_id, token = new_id(), secrets.token_urlsafe(_TOKEN_BYTES)
        share = Share.objects.create(
            id=share_id,
            workspace_id=conversation.workspace_id,
            owner_id=person_id,
            conversation=conversation,
            audience=wish.audience,
            token_hash=token_hash(token),
            token=encrypt_text(Subject.person(person_id), token, context=f"share-token:{share_id}"),
            shows_name=wish.shows_name,
            expires_at=now() + timedelta(days=wish.days),
        )
        _take_snapshot(share, conversation)
        _record(events.SHARE_MADE, share, actor)
    return share


def update_share(
    share_id: UUID, *, days: int | None = None, shows_name: bool | None = None, actor: Actor
) -> Share:
    """Let the same link show what the conversation shows now, `days` from now on when given.

    Raises NotFound for a link that has ended too, NotAllowed, InvalidInput and Conflict.
    """
    with transaction.atomic():
        share = own_share(UUID(actor.id), share_id, lock=True)
        _permitted(Wish(share.audience, sharing_policy().usual_days if days is None else days))
        if days is not None:
            share.expires_at = now() + timedelta(days=days)
        if shows_name is not None:
            share.shows_name = shows_name
        if share.conversation is None:
            raise _no_share()
        SharePage.objects.filter(share=share).delete()
        _take_snapshot(share, share.conversation)
        _record(events.SHARE_UPDATED, share, actor)
    return share


def revoke_share(share_id: UUID, *, actor: Actor) -> None:
    """End one's own link for ever. Raises NotFound."""
    with transaction.atomic():
        end_share(own_share(UUID(actor.id), share_id, lock=True), Share.Ended.REVOKED, actor=actor)
    destroy_keys_of_ended(actor=actor)


def revoke_share_of_workspace(share_id: UUID, *, actor: Actor) -> None:
    """End anybody's link, for those who may. Raises NotFound and NotAllowed."""
    with transaction.atomic():
        require_authority(actor, Permission.SHARING_MANAGE)
        share = Share.objects.select_for_update().filter(id=share_id, ended_at=None).first()
        if share is None:
            raise _no_share()
        end_share(share, Share.Ended.REVOKED, actor=actor)
    destroy_keys_of_ended(actor=actor)


def own_share(person_id: UUID, share_id: UUID, *, lock: bool = False) -> Share:
    """Raises NotFound for a link that has ended or is another person's."""
    rows = Share.objects.select_for_update() if lock else Share.objects.all()
    share = rows.filter(id=share_id, owner_id=person_id, ended_at=None, expires_at__gt=now()).first()
    if share is None:
        raise _no_share()
    return share


def token_of(share: Share) -> str:
    """The token, for the owner alone."""
    return decrypt_text(Subject.person(share.owner_id), bytes(share.token), context=f"share-token:{share.id}")


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


def page_of(share: Share, number: int) -> object:
    """What a page of the snapshot holds. Raises ContentErased, and NotFound for a page that is none."""
    row = SharePage.objects.filter(share=share, number=number).first()
    if row is None:
        raise _no_share()
    context = _context(share, number)
    inner = decrypt_bytes(Subject.person(share.owner_id), bytes(row.content), context=context)
    return json.loads(decrypt_bytes(Subject.share(share.id), inner, context=context))


# ---------------------------------------------------------------- parts of the acts


def _permitted(wish: Wish) -> None:
    policy = sharing_policy()
    if wish.audience not in Audience.values:
        raise InvalidInput("sharing.bad_audience", _("Choose for whom the link is."))
    if not policy.permits(wish.audience):
        raise NotAllowed(
            "sharing.not_permitted",
            _("Links of this kind are switched off in this workspace. Ask an administrator."),
        )
    if wish.days not in policy.days:
        raise InvalidInput(
            "sharing.bad_days", _("A link lives at most %(n)d days here.") % {"n": policy.longest_days}
        )


def _take_snapshot(share: Share, conversation: Conversation) -> None:
    """Page 0 is the head, the others hold messages. One transaction, so nobody reads half of it."""
    said = islice(shown_path(conversation), limits.SHARED_MESSAGES + 1)
    count = 0
    for number, batch in enumerate(_batches(said), start=1):
        count += len(batch)
        _put_page(share, number, batch)
    if not count:
        raise Conflict("sharing.empty", _("There is nothing to share yet: say something first."))
    if count > limits.SHARED_MESSAGES:
        raise InvalidInput(
            "sharing.too_long",
            _("A link shows %(n)d messages at most. Export the conversation instead.")
            % {"n": limits.SHARED_MESSAGES},
        )
    name = ""
    if share.shows_name:
        owner = User.objects.get(id=share.owner_id)
        name = owner.display_name or owner.email.partition("@")[0]
    _put_page(share, 0, {"title": title_or_none(conversation), "name": name})
    share.messages = count
    share.snapshot_at = now()
    share.save(update_fields=["messages", "snapshot_at", "expires_at", "shows_name"])


def _batches(said: Iterable[Said]) -> Iterator[list[dict[str, str]]]:
    each = iter(said)
    while batch := [
        {"role": one.role, "text": one.text, "at": one.created_at.isoformat()}
        for one in islice(each, limits.PAGE_MESSAGES)
    ]:
        yield batch


def _put_page(share: Share, number: int, value: object) -> None:
    context = _context(share, number)
    plain = json.dumps(value).encode()
    inner = encrypt_bytes(Subject.share(share.id), plain, context=context)
    SharePage.objects.create(
        workspace_id=share.workspace_id,
        share=share,
        number=number,
        content=encrypt_bytes(Subject.person(share.owner_id), inner, context=context),
    )


def _context(share: Share, number: int) -> str:
    return f"share-page:{share.id}:{number}"


def _record(event: AuditEventType, share: Share, actor: Actor) -> None:
    record(
        event,
        actor=actor,
        workspace_id=share.workspace_id,
        target=Target("share", str(share.id)),
        details={
            "conversation_id": str(share.conversation_id),
            "audience": share.audience,
            "messages": share.messages,
            "shows_name": share.shows_name,
            "expires_at": share.expires_at.isoformat(),
        },
    )


def _no_share() -> NotFound:
    return NotFound("sharing.no_link", _("This link has ended, or it is not yours."))
