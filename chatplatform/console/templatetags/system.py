"""Template tags for figures of machines."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()


@register.filter
def gigabytes(count: float | None) -> str:
    """Bytes as people buy them: 1.1 GB, 98 MB; nothing for what is not known."""
    if count is None:
        return ""
    if count < 1e9:
        return _("%(size)s MB") % {"size": number_format(round(count / 1e6))}
    return _("%(size)s GB") % {"size": number_format(count / 1e9, 1)}


@register.filter
def duration(seconds: float | None) -> str:
    """A time that has passed, in its largest unit or two."""
    if seconds is None:
        return ""
    whole = int(seconds)
    days, hours, minutes = whole // 86400, whole % 86400 // 3600, whole % 3600 // 60
    if days:
        return ngettext("%(days)d day, %(hours)d h", "%(days)d days, %(hours)d h", days) % {
            "days": days,
            "hours": hours,
        }
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": whole % 60}
    return _("%(seconds)d s") % {"seconds": whole}
