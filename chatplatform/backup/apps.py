"""Django application: Backup."""

from django.apps import AppConfig


class BackupConfig(AppConfig):
    name = "chatplatform.backup"
    label = "backup"
    verbose_name = "Backup"
