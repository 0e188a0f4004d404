"""Django application: Prompts."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PromptsConfig(AppConfig):
    name = "chatplatform.prompts"
    label = "prompts"
    verbose_name = "Prompts"

    def ready(self) -> None:
        from chatplatform.prompts import receivers  # noqa: F401 - connects them
        from chatplatform.prompts.immutability import after_migrate

        post_migrate.connect(after_migrate, sender=self, dispatch_uid="prompts.immutability")
