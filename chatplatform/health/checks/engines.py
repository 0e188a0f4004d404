"""The engines, asked for their health."""

from __future__ import annotations

import asyncio

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.health.checks.findings import Finding, notice, problem, right
from chatplatform.health.probes import engine_probe, fetch
from chatplatform.health.running import platform_runs


def language_engine_answers() -> Finding:
    environment = settings.ENVIRONMENT
    if environment.llm_url:
        return _elsewhere(settings.LLM_URL, "CHATPLATFORM_LLM_URL")
    return _ours(environment.llm_port)


def encoder_answers() -> Finding:
    environment = settings.ENVIRONMENT
    if environment.encoder_url:
        return _elsewhere(settings.ENCODER_URL, "CHATPLATFORM_ENCODER_URL")
    return _ours(environment.encoder_port)


def _ours(port: int) -> Finding:
    if not platform_runs():
        return right(_("not running"))
    health = asyncio.run(engine_probe(f"http://127.0.0.1:{port}", token=settings.ENGINE_TOKEN)())
    if not health.alive:
        return problem(
            _("It does not answer."),
            _("The supervisor starts it again; its lines in the log say why it ended."),
        )
    if not health.ready:
        return notice(health.detail or _("It is loading its model."), _("Wait a moment and look again."))
    if health.lacking:
        return notice(
            health.lacking,
            _(
                "Searches go on without it. Check CHATPLATFORM_RERANKER, and that its files are on this machine."
            ),
        )
    return right(health.serving or _("it answers"))


def _elsewhere(url: str, setting: str) -> Finding:
    answer = asyncio.run(fetch(f"{url}/models", token=settings.ENGINE_TOKEN))
    if answer is None:
        return problem(
            _("%(url)s does not answer.") % {"url": url},
            _("Check that it runs and that %(setting)s is right.") % {"setting": setting},
        )
    if answer.status_code in {401, 403}:
        return problem(
            _("%(url)s refuses our token.") % {"url": url}, _("Set CHATPLATFORM_ENGINE_TOKEN to its token.")
        )
    return right(url)
