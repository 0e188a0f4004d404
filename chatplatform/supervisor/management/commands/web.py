"""`manage.py web`: the web process alone."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chatplatform.health import ports
from chatplatform.supervisor.web_server import WebServer, web_config


class Command(BaseCommand):
    help = "Serve pages and websockets."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        config = web_config()
        if not ports.is_free(config.port, config.host):
            cause, cure = ports.port_taken(config.port, "CHATPLATFORM_PORT")
            raise CommandError(f"{cause} {cure}")
        server = WebServer(config, notice_s=settings.ENVIRONMENT.drain_notice_s)
        server.run()
        if not server.started:
            raise CommandError("The web process could not start; its messages stand above.", returncode=3)
