"""Django application: Files."""

from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "chatplatform.files"
    label = "files"
    verbose_name = "Files"

    def ready(self) -> None:
        from chatplatform.files import receivers as receivers  # connects its receivers
