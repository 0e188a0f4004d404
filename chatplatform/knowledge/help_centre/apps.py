"""Django application: the demo's help centre."""

from __future__ import annotations

from django.apps import AppConfig


class HelpCentreConfig(AppConfig):
    name = "chatplatform.knowledge.help_centre"
    label = "knowledge_help_centre"
    verbose_name = "Help centre of the demo"

    def ready(self) -> None:
        from chatplatform.knowledge.help_centre import receivers as receivers  # connects its receivers
