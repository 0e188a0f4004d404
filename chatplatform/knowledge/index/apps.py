"""Django application: Words of collections."""

from __future__ import annotations

from django.apps import AppConfig


class KnowledgeIndexConfig(AppConfig):
    name = "chatplatform.knowledge.index"
    label = "knowledge_index"
    verbose_name = "Words of collections"
