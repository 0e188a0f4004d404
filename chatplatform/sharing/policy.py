"""What a workspace lets its members share by link: nothing, until somebody who may says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from chatplatform.accounts.authority import require_authority
from chatplatform.accounts.permissions import Permission
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput
from chatplatform.common.scope import current_workspace_id
from chatplatform.sharing import audit_events as events
from chatplatform.sharing.endings import end_share
from chatplatform.sharing.limits import EXPIRY_DAYS, USUAL_EXPIRY_DAYS
from chatplatform.sharing.models import Audience, Share, SharingPolicy

_MOMENT: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which links may be made, and for how many days at most."""

    workspace_links: bool = False
    public_links: bool = False
    longest_days: int = EXPIRY_DAYS[-1]

    def permits(self, audience: str) -> bool:
        return self.public_links if audience == Audience.PUBLIC else self.workspace_links

    @property
    def audiences(self) -> tuple[Audience, ...]:
        return tuple(audience for audience in Audience if self.permits(audience))

    @property
    def days(self) -> tuple[int, ...]:
        """The lengths of life to choose from."""
        return tuple(days for days in EXPIRY_DAYS if days <= self.longest_days)

    @property
    def usual_days(self) -> int:
        return min(USUAL_EXPIRY_DAYS, self.longest_days)


def sharing_policy() -> Policy:
    """The policy of the open workspace."""
    row = SharingPolicy.objects.filter(workspace_id=current_workspace_id()).first()
    return Policy(row.workspace_links, row.public_links, row.longest_days) if row else Policy()


def set_policy(policy: Policy, *, actor: Actor) -> int:
    """Let `policy` hold from now on; how many links it ended. Raises NotAllowed and InvalidInput.

    A link that is not permitted any more ends for good: switching the policy back does not open it again.
    """
    if policy.longest_days not in EXPIRY_DAYS:
        raise InvalidInput("sharing.bad_days", _("Choose one of the lengths of life that are offered."))
    with transaction.atomic():
        require_authority(actor, Permission.SHARING_MANAGE)
        workspace_id = current_workspace_id()
        before = sharing_policy()
        SharingPolicy.objects.update_or_create(
            workspace_id=workspace_id,
            defaults={
                "workspace_links": policy.workspace_links,
                "public_links": policy.public_links,
                "longest_days": policy.longest_days,
                "changed_at": now(),
            },
        )
        closed = [audience for audience in Audience if not policy.permits(audience)]
        ended = 0
        for share in Share.objects.select_for_update().filter(audience__in=closed, ended_at=None):
            end_share(share, Share.Ended.POLICY, actor=actor)
            ended += 1
        shortened = _shorten(policy.longest_days)
        if policy != before or ended or shortened:
            record(
                events.POLICY_CHANGED,
                actor=actor,
                workspace_id=workspace_id,
                target=Target("workspace", str(workspace_id)),
                details={
                    "workspace_links": policy.workspace_links,
                    "public_links": policy.public_links,
                    "longest_days": policy.longest_days,
                    "links_ended": ended,
                    "links_shortened": shortened,
                },
            )
    return ended


def _shorten(longest_days: int) -> int:
    """No open link lives longer than one that is made now could; how many did."""
    longest = timedelta(days=longest_days)
    # the row was written a moment after its end was reckoned
    too_long = Share.objects.filter(ended_at=None, expires_at__gt=F("created_at") + longest + _MOMENT)
    return too_long.update(expires_at=F("created_at") + longest)
