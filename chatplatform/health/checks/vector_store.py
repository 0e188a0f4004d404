"""The Chroma server."""

from __future__ import annotations

import asyncio

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.health.checks.findings import Finding, problem, right
from chatplatform.health.probes import fetch
from chatplatform.health.running import platform_runs


def chroma_answers() -> Finding:
    if not settings.ENVIRONMENT.chroma_url and not platform_runs():
        return right(_("not running"))
    answer = asyncio.run(fetch(f"{settings.CHROMA_URL}/api/v2/heartbeat"))
    if answer is None or answer.status_code != 200:
        return problem(
            _("%(url)s does not answer.") % {"url": settings.CHROMA_URL},
            _(
                "Chat works without it. Its lines in the log say why it ended; CHATPLATFORM_CHROMA_URL names another."
            ),
        )
    return right(settings.CHROMA_URL)
