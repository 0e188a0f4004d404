"""Django application: Text search."""

from __future__ import annotations

from django.apps import AppConfig


class TextSearchConfig(AppConfig):
    name = "chatplatform.text_search"
    label = "text_search"
    verbose_name = "Text search"

    def ready(self) -> None:
        from chatplatform.text_search import receivers as receivers  # connects them
