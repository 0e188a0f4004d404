"""Django application: Web."""

from django.apps import AppConfig

from chatplatform.common.database_connections import count_connections


class WebConfig(AppConfig):
    name = "chatplatform.web"
    label = "web"
    verbose_name = "Web"

    def ready(self) -> None:
        count_connections()
