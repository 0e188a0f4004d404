"""Every check, in the order in which a person would look."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.health.checks import (
    accelerator,
    clock,
    databases,
    disk,
    engines,
    jobs,
    keys,
    models,
    more_engines,
    network_ports,
    packages,
    secret_files,
    translations,
    vector_store,
)
from chatplatform.health.checks.findings import Check


def all_checks() -> tuple[Check, ...]:
    return (
        Check("python", _("Python"), packages.python_version),
        Check("packages", _("Packages"), packages.packages_are_locked),
        Check("disk", _("Disk space"), disk.disk_space),
        Check("clock", _("Clock"), clock.clock_goes_forward),
        Check("secrets", _("Secret files"), secret_files.secrets_are_private),
        Check("databases", _("Databases"), databases.databases_answer),
        Check("migrations", _("Database migrations"), databases.migrations_are_done),
        Check("audit", _("Audit log protection"), databases.audit_triggers_are_there),
        Check("workspaces", _("Separation of workspaces"), databases.workspaces_are_apart),
        Check("prompts", _("Prompt versions"), databases.prompt_guard_stands),
        Check("keys", _("Key store"), keys.key_store_opens),
        Check("broker", _("Broker of background jobs"), jobs.broker_takes_jobs),
        Check("ports", _("Ports"), network_ports.ports_are_ours),
        Check("models", _("Model files"), models.model_files_are_right, models.model_files_are_here),
        Check("llm", _("Engine for language models"), engines.language_engine_answers),
        Check("engines", _("Further engines"), more_engines.other_engines_answer),
        Check("accelerator", _("Accelerator"), accelerator.accelerator_is_used),
        Check("encoder", _("Engine for embeddings"), engines.encoder_answers),
        Check("chroma", _("Vector store"), vector_store.chroma_answers),
        Check("translations", _("Translations"), translations.translations_are_compiled),
    )
