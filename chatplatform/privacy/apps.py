"""Django application: Privacy."""

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "chatplatform.privacy"
    label = "privacy"
    verbose_name = "Privacy"
