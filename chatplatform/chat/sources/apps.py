"""Django application: sources of answers."""

from __future__ import annotations

from django.apps import AppConfig


class SourcesConfig(AppConfig):
    name = "chatplatform.chat.sources"
    label = "chat_sources"
    verbose_name = "Sources of answers"
