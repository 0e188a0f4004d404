"""Whether somebody who was let in may still be here: asked again and again by what runs for long."""

from __future__ import annotations

from chatplatform.accounts.models import ApiToken
from chatplatform.accounts.queries import membership_of
from chatplatform.api.callers import Caller
from chatplatform.common.clock import now
from chatplatform.common.scope import workspace_scope


def still_allowed(caller: Caller) -> bool:
    """False once the person was suspended or left, or the token was revoked or is over."""
    place = membership_of(caller.id, caller.workspace_id)
    if place is None or not place.is_active:
        return False
    if caller.token_id is None:
        return True
    with workspace_scope(caller.workspace_id):
        row = ApiToken.objects.filter(id=caller.token_id, revoked_at=None).values_list("expires_at").first()
    return row is not None and (row[0] is None or row[0] > now())
