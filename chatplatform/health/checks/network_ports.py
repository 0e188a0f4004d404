"""The ports that the processes listen on."""

from __future__ import annotations

from django.utils.translation import gettext as _

from chatplatform.health import ports
from chatplatform.health.checks.findings import Finding, problem, right
from chatplatform.health.running import platform_runs


def ports_are_ours() -> Finding:
    """Free while the platform is stopped; while it runs, its own health tells more."""
    wanted = list(ports.our_ports().values())
    numbers = ", ".join(str(port.number) for port in wanted)
    if platform_runs():
        return right(_("in use by the platform: %(ports)s") % {"ports": numbers})
    for port in wanted:
        if not ports.is_free(port.number, port.host):
            return problem(*map(str, ports.port_taken(port.number, port.setting)))
    return right(_("free: %(ports)s") % {"ports": numbers})
