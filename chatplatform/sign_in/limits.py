"""How often something may be tried, counted in rows so that every web process counts together.

A count begins with the first attempt and is forgotten when its window is over. Keys are hashed with a key of this
installation: the table tells nobody's address, and nobody can make a count of somebody else's grow by collision.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import ngettext

from chatplatform.common.clock import now
from chatplatform.common.errors import TooMany
from chatplatform.sign_in.models import AttemptCount


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` attempts in `window_s` seconds."""

    name: str
    most: int
    window_s: int


# a person who forgot which of five passwords it was stays under it; a guesser gets nowhere
BY_ACCOUNT = Limit("account", 10, 15 * 60)
# many people may share an address, so it is wider
BY_ADDRESS = Limit("address", 60, 15 * 60)
LINKS_BY_ACCOUNT = Limit("mailed_links", 3, 15 * 60)
LINKS_BY_ADDRESS = Limit("mailed_links_address", 20, 15 * 60)
CODE_ONCE = Limit("code_once", 1, 120)
TEST_MAILS = Limit("test_mails", 10, 15 * 60)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A counted attempt. `is_first_over` marks the one that reached past the limit, to be recorded once."""

    limit: Limit
    key: bytes
    amount: int
    resets_at: datetime

    @property
    def is_over(self) -> bool:
        return self.amount > self.limit.most

    @property
    def is_first_over(self) -> bool:
        return self.amount == self.limit.most + 1

    def too_many(self) -> TooMany:
        """What to tell who tried too often."""
        wait_s = max(1.0, (self.resets_at - now()).total_seconds())
        minutes = math.ceil(wait_s / 60)
        return TooMany(
            "sign_in.too_many",
            ngettext(
                "Too many attempts. Wait %(minutes)d minute and try again.",
                "Too many attempts. Wait %(minutes)d minutes and try again.",
                minutes,
            )
            % {"minutes": minutes},
            retry_after_s=wait_s,
        )


def count(limit: Limit, subject: str) -> Attempt:
    """Count an attempt of `subject`, before it is made, and say how many there were. Committed at once."""
    key = _key(limit, subject)
    while True:
        moment = now()
        with transaction.atomic():
            known = AttemptCount.objects.select_for_update().filter(key=key).first()
            if known is not None:
                is_over = known.resets_at <= moment
                known.amount = 1 if is_over else known.amount + 1
                if is_over:
                    known.resets_at = moment + timedelta(seconds=limit.window_s)
                known.save(update_fields=["amount", "resets_at"])
                return Attempt(limit, key, known.amount, known.resets_at)
        resets_at = moment + timedelta(seconds=limit.window_s)
        try:
            with transaction.atomic():
                AttemptCount.objects.create(key=key, amount=1, resets_at=resets_at)
        except IntegrityError:
            continue  # somebody else made the first one
        return Attempt(limit, key, 1, resets_at)


def take_back(*attempts: Attempt) -> None:
    """An attempt that succeeded does not count."""
    AttemptCount.objects.filter(key__in=[each.key for each in attempts], amount__gt=0).update(
        amount=F("amount") - 1
    )


def forget_old() -> int:
    """Delete counts whose window is over; how many."""
    return AttemptCount.objects.filter(resets_at__lt=now()).delete()[0]


def _key(limit: Limit, subject: str) -> bytes:
    named = f"{limit.name}\0{subject}".encode(errors="replace")
    return hmac.new(settings.SECRET_KEY.encode(), b"sign-in limit\0" + named, hashlib.sha256).digest()
