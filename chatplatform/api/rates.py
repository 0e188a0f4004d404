"""How many requests a caller may make in a minute, counted in rows so that every web process sees the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.utils.translation import gettext as _

from chatplatform.api.models import RequestCount
from chatplatform.common.clock import now
from chatplatform.common.errors import TooMany

KEPT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Allowance:
    """`left` requests until `reset_s` seconds have passed."""

    limit: int
    left: int
    reset_s: int

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.left),
            "X-RateLimit-Reset": str(self.reset_s),
        }

    @property
    def openai_headers(self) -> dict[str, str]:
        return {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(self.left),
            "x-ratelimit-reset-requests": f"{self.reset_s}s",
        }


class TooManyRequests(TooMany):
    """The minute's requests are used up."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(
            "too_many_requests",
            _("That was more than %(n)d requests in a minute. Wait %(s)d seconds.")
            % {"n": allowance.limit, "s": allowance.reset_s},
            retry_after_s=allowance.reset_s,
        )
        self.allowance = allowance


def spend(caller_id: UUID) -> Allowance:
    """Count one request. Raises TooManyRequests, which carries the allowance."""
    limit = settings.ENVIRONMENT.api_requests_a_minute
    moment = now()
    minute = moment.replace(second=0, microsecond=0)
    rows = RequestCount.objects.filter(caller_id=caller_id, minute=minute)
    if not rows.update(amount=F("amount") + 1):
        RequestCount.objects.bulk_create(
            [RequestCount(caller_id=caller_id, minute=minute)], ignore_conflicts=True
        )
        rows.update(amount=F("amount") + 1)
    amount = rows.values_list("amount", flat=True).first() or 1
    allowance = Allowance(limit, max(0, limit - amount), max(1, 60 - moment.second))
    if amount > limit:
        raise TooManyRequests(allowance)
    return allowance


def forget_old_counts() -> int:
    return RequestCount.objects.filter(minute__lt=now() - KEPT).delete()[0]
