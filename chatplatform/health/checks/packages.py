"""Python and what is installed."""

from __future__ import annotations

import platform
import sys

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.health.checks.findings import Finding, notice, problem, right
from chatplatform.installation.parts import PARTS
from chatplatform.installation.stamps import is_installed, read_stamp
from chatplatform.installation.virtual_environment import NEWEST, OLDEST


def python_version() -> Finding:
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return problem(
            _("Python %(version)s is not supported.") % {"version": platform.python_version()},
            _("Use Python 3.11, 3.12 or 3.13."),
        )
    return right(platform.python_version())


def packages_are_locked() -> Finding:
    """Whether what is installed is what the locks say; an engine that runs elsewhere is not missed."""
    environment = settings.ENVIRONMENT
    wanted = ["base"]
    wanted += [] if environment.llm_url else ["llm"]
    wanted += [] if environment.encoder_url else ["torch", "encoder"]
    wanted += [] if environment.chroma_url else ["chroma"]
    missing = [name for name in wanted if not is_installed(PARTS[name])]
    if missing:
        return notice(
            _("Not installed from the current locks: %(parts)s.") % {"parts": ", ".join(missing)},
            _("Start with `make run`, or run: python -m chatplatform.installation install %(parts)s")
            % {"parts": " ".join(missing)},
        )
    llm = read_stamp(PARTS["llm"])
    return right(_("llama.cpp: %(build)s") % {"build": llm.detail} if llm else ", ".join(wanted))
