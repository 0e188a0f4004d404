"""Django application: quality of collections."""

from __future__ import annotations

from django.apps import AppConfig


class QualityConfig(AppConfig):
    name = "chatplatform.knowledge.quality"
    label = "knowledge_quality"
    verbose_name = "Quality of collections"
