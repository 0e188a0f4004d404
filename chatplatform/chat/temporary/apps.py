"""Django application: Temporary chats."""

from django.apps import AppConfig


class TemporaryConfig(AppConfig):
    name = "chatplatform.chat.temporary"
    label = "temporary"
    verbose_name = "Temporary chats"
