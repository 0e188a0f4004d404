"""Django application: Jobs."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    name = "chatplatform.jobs"
    label = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        """Let every app register its handlers and chores."""
        autodiscover_modules("jobs", "chores")
