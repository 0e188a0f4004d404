"""The refusal at a limit, in words."""

from __future__ import annotations

from django.utils import formats
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chatplatform.common.clock import now
from chatplatform.common.errors import TooMany
from chatplatform.usage.limits import LimitView
from chatplatform.usage.models import QuotaRule, Unit, Window


class QuotaExceeded(TooMany):
    """A limit is used up; `limit` is the one that stays closed longest, `retry_after_s` until it resets."""

    def __init__(self, limit: LimitView) -> None:
        self.limit = limit
        super().__init__(
            "quota_exceeded",
            refusal_words(limit),
            retry_after_s=max(1.0, (limit.resets_at - now()).total_seconds()),
        )


def refusal_words(limit: LimitView) -> str:
    """What is used up, what is left and when it resets, in the active language."""
    values = {
        "limit": limit_words(limit.unit, limit.window, limit.limit),
        "left": formats.number_format(limit.left, force_grouping=True),
        "time": formats.time_format(limit.resets_at, "H:i"),
        "wait": timeuntil(limit.resets_at, now(), depth=2).replace("\xa0", " "),
    }
    match limit.source:
        case _ if not limit.limit:  # waiting does not help
            text = _("Nothing can be asked now: the limit is %(limit)s. An administrator can change it.")
        case QuotaRule.Subject.TOKEN:
            text = _(
                "This token's limit is %(limit)s: %(left)s left. It resets in %(wait)s, at %(time)s UTC."
            )
        case QuotaRule.Subject.GROUP if limit.together:
            text = _(
                "Your group's limit is %(limit)s: %(left)s left. It resets in %(wait)s, at %(time)s UTC."
            )
        case QuotaRule.Subject.EVERYONE if limit.together:
            text = _(
                "The workspace's limit is %(limit)s: %(left)s left. It resets in %(wait)s, at %(time)s UTC."
            )
        case _:
            text = _("Your limit is %(limit)s: %(left)s left. It resets in %(wait)s, at %(time)s UTC.")
    return text % values


def limit_words(unit: Unit, window: Window, limit: int) -> str:
    """«20 answers a day», in the active language."""
    if unit == Unit.TURNS:
        text = {
            Window.HOUR: ngettext("%(n)s answer an hour", "%(n)s answers an hour", limit),
            Window.DAY: ngettext("%(n)s answer a day", "%(n)s answers a day", limit),
            Window.MONTH: ngettext("%(n)s answer a month", "%(n)s answers a month", limit),
        }[window]
    else:
        text = {
            Window.HOUR: ngettext("%(n)s token an hour", "%(n)s tokens an hour", limit),
            Window.DAY: ngettext("%(n)s token a day", "%(n)s tokens a day", limit),
            Window.MONTH: ngettext("%(n)s token a month", "%(n)s tokens a month", limit),
        }[window]
    return text % {"n": formats.number_format(limit, force_grouping=True)}
