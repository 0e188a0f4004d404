"""When a member was last here, for the list of members. Needs no audit event: nothing that a person made changes."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import DatabaseError, transaction

from chatplatform.accounts.models import Membership
from chatplatform.accounts.queries import MembershipView
from chatplatform.common.clock import now

logger = logging.getLogger(__name__)

EXACT_TO = timedelta(minutes=10)


def note_seen(place: MembershipView) -> None:
    """Remember that the member is here now, with a write every ten minutes at most; it never stands in the way."""
    moment = now()
    if place.last_seen_at is not None and moment - place.last_seen_at < EXACT_TO:
        return
    try:
        with transaction.atomic():
            Membership.objects.filter(user_id=place.user_id, workspace_id=place.workspace_id).update(
                last_seen_at=moment
            )
    except DatabaseError:  # a full disk, say: pages can still be read
        logger.warning("the time at which a member was seen could not be noted")
