"""Django application: gaps of knowledge."""

from __future__ import annotations

from django.apps import AppConfig


class GapsConfig(AppConfig):
    name = "chatplatform.knowledge.gaps"
    label = "knowledge_gaps"
    verbose_name = "Gaps of knowledge"
