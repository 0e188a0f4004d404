"""The engines beside the machine's own."""

from __future__ import annotations

import asyncio

from django.utils.translation import gettext as _

from chatplatform.common.errors import PlatformError
from chatplatform.health.checks.findings import Finding, notice, problem, right
from chatplatform.inference.endpoints.endpoint_watch import ask
from chatplatform.inference.endpoints.outbound import HEALTH
from chatplatform.inference.endpoints.registry import from_row
from chatplatform.inference.models import EngineEndpoint


def other_engines_answer() -> Finding:
    """Asks those on this machine. Nothing is sent elsewhere for a check: of those it says that they are in use."""
    rows = list(EngineEndpoint.objects.order_by("name"))
    on = [row for row in rows if row.is_on]
    if not on:
        return right(_("none is in use"))
    silent = [row.name for row in on if not _is_usable(row)]
    if silent:
        return problem(
            _("These do not answer, or their key cannot be opened: %(names)s.")
            % {"names": ", ".join(silent)},
            _("Look at them on the console's page “Engines”, or test them: manage.py engines test NAME"),
        )
    elsewhere = [row.name for row in on if row.place != EngineEndpoint.Place.MACHINE]
    if elsewhere:
        return notice(
            _("Prompts may leave this machine for: %(names)s.") % {"names": ", ".join(elsewhere)},
            _("Switch off on the console's page “Engines” what you do not mean."),
        )
    return right(", ".join(row.name for row in on))


def _is_usable(row: EngineEndpoint) -> bool:
    endpoint = from_row(row)
    if endpoint is None:
        return False
    if not endpoint.is_local:
        return True
    try:
        asyncio.run(ask(endpoint, HEALTH))
    except PlatformError:
        return False
    return True
