"""Mail is sent in the background. A worker that dies in between sends twice rather than never."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.invitations import invitation_link
from chatplatform.accounts.models import Invitation, User
from chatplatform.jobs.registry import RunningJob, job_handler
from chatplatform.privacy.mail_door import send_mail
from chatplatform.sign_in import letters, mailed_links
from chatplatform.sign_in.mail import INVITATION_KIND


@job_handler(INVITATION_KIND, title=_("Send an invitation by e-mail"), timeout_s=60)
def send_invitation(job: RunningJob) -> None:
    """In the workspace's scope. An invitation that is no longer open fails the job, and says so."""
    invitation = Invitation.objects.filter(id=UUID(job.args["invitation_id"])).first()
    if invitation is None or not invitation.email:
        return
    link = invitation_link(invitation.id, actor=job.actor)
    letter = letters.invitation(invitation.email, link)
    send_mail(letter, purpose="invitation", actor=job.actor, workspace_id=job.workspace_id)


@job_handler(
    mailed_links.JOB_KIND, title=_("Send a sign-in link by e-mail"), max_attempts=3, timeout_s=60, urgent=True
)
def send_sign_in_link(job: RunningJob) -> None:
    """The link is made here and nowhere kept. For an id of nobody there is nothing to do."""
    user = User.objects.filter(id=UUID(job.args["user_id"])).first()
    if user is None:
        return
    link = mailed_links.make(user, actor=job.actor)
    letter = letters.sign_in_link(user, link, minutes=mailed_links.TTL_S // 60)
    send_mail(letter, purpose="sign_in_link", actor=job.actor, workspace_id=None)
