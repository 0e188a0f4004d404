"""Django application: Audit log."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules


class AuditConfig(AppConfig):
    name = "chatplatform.audit"
    label = "audit"
    verbose_name = "Audit log"

    def ready(self) -> None:
        """Load every app's `audit_events`, and put the triggers back after each migration."""
        autodiscover_modules("audit_events")
        post_migrate.connect(_reinstall_triggers, sender=self, dispatch_uid="audit.triggers")


def _reinstall_triggers(*, using: str, **kwargs: Any) -> None:
    from chatplatform.audit.triggers import install_triggers

    install_triggers(connections[using])
