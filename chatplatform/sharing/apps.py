"""Django application: Sharing."""

from django.apps import AppConfig


class SharingConfig(AppConfig):
    name = "chatplatform.sharing"
    label = "sharing"
    verbose_name = "Sharing"

    def ready(self) -> None:
        from chatplatform.sharing import endings as endings  # connects its receiver
