"""Django application: Knowledge."""

from __future__ import annotations

from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    name = "chatplatform.knowledge"
    label = "knowledge"
    verbose_name = "Knowledge"

    def ready(self) -> None:
        from chatplatform.knowledge import receivers as receivers  # connects its receivers
