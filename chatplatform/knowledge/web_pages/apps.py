"""Django application: web pages as documents."""

from __future__ import annotations

from django.apps import AppConfig


class WebPagesConfig(AppConfig):
    name = "chatplatform.knowledge.web_pages"
    label = "knowledge_web_pages"
    verbose_name = "Web pages as documents"
