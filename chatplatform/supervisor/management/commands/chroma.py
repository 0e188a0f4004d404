"""`manage.py chroma`: the vector store's server alone."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chatplatform.health import ports
from chatplatform.supervisor.chroma_server import run_chroma


class Command(BaseCommand):
    help = "Serve the vector store on loopback, from the data folder."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        port = settings.ENVIRONMENT.chroma_port
        if not ports.is_free(port):
            cause, cure = ports.port_taken(port, "CHATPLATFORM_CHROMA_PORT")
            raise CommandError(f"{cause} {cure}")
        try:
            run_chroma(settings.DATA_DIR / "chroma", port)
        except ImportError as error:
            raise CommandError(
                "Chroma is not installed. Install it: python -m chatplatform.installation install chroma"
            ) from error
