"""Whether the engine for language models uses the accelerator that it could or should use."""

from __future__ import annotations

import asyncio

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.health.checks.findings import Finding, notice, right
from chatplatform.health.probes import fetch
from chatplatform.health.running import platform_runs
from chatplatform.installation.machine import look_at_machine


def accelerator_is_used() -> Finding:
    """What the running engine says; before it runs, what the machine has."""
    environment = settings.ENVIRONMENT
    if environment.llm_url:
        return right(_("the language models run elsewhere"))
    if not platform_runs():
        machine = look_at_machine()
        has_one = machine.has_nvidia_gpu or machine.is_apple_silicon
        return right(_("there is one") if has_one else _("there is none that we know"))
    answer = asyncio.run(fetch(f"http://127.0.0.1:{environment.llm_port}/health"))
    notices = answer.json().get("notices", []) if answer is not None else []
    if notices:
        return notice(
            "; ".join(str(each) for each in notices),
            _(
                "Build the engine for the accelerator (docs/operations.md), free its memory, or set "
                "CHATPLATFORM_GPU_LAYERS=0 if the CPU is meant."
            ),
        )
    return right(_("nothing falls back to the CPU"))
