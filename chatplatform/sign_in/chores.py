"""What sign-in cleans up."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session

from chatplatform.common.clock import now
from chatplatform.jobs.registry import chore
from chatplatform.sign_in import limits, sessions
from chatplatform.sign_in.models import MailedLink


@chore("sign_in.clean", every_s=600)
def forget_what_is_over() -> None:
    """Counts, sessions and mailed links whose time is over."""
    limits.forget_old()
    Session.objects.filter(expire_date__lt=now()).delete()
    sessions.forget_old()
    MailedLink.objects.filter(expires_at__lt=now() - timedelta(days=1)).delete()
