"""Messages by e-mail, where the operator named a mail server. Jobs carry ids: links are made when they are sent."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from chatplatform.accounts.models import User
from chatplatform.common.actors import Actor
from chatplatform.jobs.services import enqueue
from chatplatform.privacy.mail_door import send_mail
from chatplatform.sign_in import letters
from chatplatform.sign_in.limits import TEST_MAILS, count

INVITATION_KIND = "sign_in.mail_invitation"


def is_possible() -> bool:
    """Whether the operator named a mail server."""
    return settings.MAIL_SERVER is not None


def mail_invitation(
    sender: object, invitation_id: UUID, workspace_id: UUID, email: str, actor: Actor, **more: object
) -> None:
    """Have an invitation sent to its address. The signal `invitation_made` calls it, in its transaction."""
    if email and is_possible():
        args = {"invitation_id": str(invitation_id)}
        enqueue(INVITATION_KIND, args=args, actor=actor, workspace_id=workspace_id)


def send_test(user: User, *, actor: Actor, workspace_id: UUID | None) -> None:
    """Send a test message to the person's own address, at once, so that what is wrong is said.

    Raises TooMany, EgressRefused and EgressFailed.
    """
    attempt = count(TEST_MAILS, str(user.id))
    if attempt.is_over:
        raise attempt.too_many()
    send_mail(letters.test(user.email), purpose="test", actor=actor, workspace_id=workspace_id)
