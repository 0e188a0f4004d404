"""What sign-in keeps for itself: attempts, and links that were mailed."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id


class AttemptCount(models.Model):
    """How often something was tried since the first time. `key` is a keyed hash: it names nobody."""

    key = models.BinaryField(max_length=32, primary_key=True)
    amount = models.PositiveIntegerField(default=1)
    resets_at = models.DateTimeField(db_index=True)


class MailedLink(models.Model):
    """A link that went out by e-mail. It proves a mailbox, so one-time codes are asked for all the same.

    Links of `accounts.SignInLink` come from whoever runs the machine or the workspace and open the door alone.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token_hash = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
