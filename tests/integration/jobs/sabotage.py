"""Ways to break the protection on purpose: a test that stays green then proves nothing."""

from __future__ import annotations

from typing import Any

from chatplatform.common.scope import all_workspaces
from chatplatform.jobs import claims
from chatplatform.jobs.claims import Claim
from chatplatform.jobs.models import Job


def remove_fence() -> None:
    """Let every worker finish a job, whether or not its claim is still good."""
    claims.succeed = succeed_without_fence


def succeed_without_fence(claim: Claim, **_: Any) -> bool:
    with all_workspaces("sabotage"):
        return bool(Job.objects.filter(id=claim.job_id).update(state="succeeded", claim_token=None))
