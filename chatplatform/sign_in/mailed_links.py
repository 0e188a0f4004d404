"""Sign-in links by e-mail, for who forgot a password or lost a passkey. Only where a mail server is named."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.models import User
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput
from chatplatform.common.ids import new_id
from chatplatform.jobs.services import enqueue
from chatplatform.sign_in.audit_events import LINK_MAILED
from chatplatform.sign_in.limits import LINKS_BY_ACCOUNT, LINKS_BY_ADDRESS, count
from chatplatform.sign_in.models import MailedLink
from chatplatform.sign_in.passwords import may_come_in, refuse
from chatplatform.sign_in.sessions import workspace_of

TTL_S = 15 * 60
JOB_KIND = "sign_in.mail_link"


def ask(email: str, *, actor: Actor) -> None:
    """Have a link sent to the person with this address, if there is one; the same work is done if not.

    Raises TooMany. The link itself is made by the job, so that it lies nowhere in between.
    """
    for limit, subject in ((LINKS_BY_ADDRESS, actor.ip), (LINKS_BY_ACCOUNT, email.casefold())):
        attempt = count(limit, subject)
        if attempt.is_over:
            raise attempt.too_many()
    user = User.objects.filter(email__iexact=email).first()
    # for somebody unknown a job that finds nobody: the queue, the time and the answer are the same
    user_id = user.id if user is not None and may_come_in(user) else new_id()
    with transaction.atomic():
        enqueue(JOB_KIND, args={"user_id": str(user_id)}, actor=actor, workspace_id=None)


def make(user: User, *, actor: Actor) -> str:
    """An absolute address that signs `user` in once, within TTL_S seconds, after which codes are asked for."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        MailedLink.objects.filter(expires_at__lt=now()).delete()
        MailedLink.objects.create(
            user=user, token_hash=_digest(token), expires_at=now() + timedelta(seconds=TTL_S)
        )
        record(
            LINK_MAILED,
            actor=actor,
            workspace_id=workspace_of(user),
            target=Target("person", str(user.id)),
            details={"ttl_s": TTL_S},
        )
    return f"{settings.PUBLIC_URL}{reverse('accounts:mailed_link', args=[token])}"


def consume(token: str, request: HttpRequest) -> User:
    """Use the link up and return its person. Raises InvalidInput, the same for every reason."""
    link = MailedLink.objects.select_related("user").filter(token_hash=_digest(token)).first()
    if link is not None:
        taken = MailedLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now()).update(
            used_at=now()
        )
        if taken and may_come_in(link.user):
            MailedLink.objects.filter(user=link.user, used_at=None).update(used_at=now())
            return link.user
        refuse(request, link.user.email, method="mail", reason="suspended" if taken else "used")
    raise InvalidInput(
        "accounts.link_not_valid", _("This link was used already or has expired. Ask for a new one.")
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(b"mailed link\0" + token.encode(errors="replace")).digest()
