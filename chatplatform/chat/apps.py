"""Django application: Chat."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chatplatform.chat"
    label = "chat"
    verbose_name = "Chat"

    def ready(self) -> None:
        from chatplatform.chat import suspension as suspension  # connects its receivers
