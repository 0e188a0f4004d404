"""Django application: Supervisor."""

from django.apps import AppConfig


class SupervisorConfig(AppConfig):
    name = "chatplatform.supervisor"
    label = "supervisor"
    verbose_name = "Supervisor"
