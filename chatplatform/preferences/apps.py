"""Django application: preferences."""

from __future__ import annotations

from django.apps import AppConfig


class PreferencesConfig(AppConfig):
    name = "chatplatform.preferences"
    label = "preferences"
    verbose_name = "Preferences"
