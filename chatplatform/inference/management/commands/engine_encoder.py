"""`manage.py engine_encoder`: the engine for embeddings, a process of its own."""

from __future__ import annotations

import errno
import os
import socket
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chatplatform.inference.engines.encoder.app import EncoderApp
from chatplatform.inference.engines.encoder.precision_choice import PrecisionChoice
from chatplatform.inference.engines.encoder.service import EncoderService

# Before torch and its friends are imported: no hub, one thread, and no spinning while waiting.
LIBRARY_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
}


class Command(BaseCommand):
    help = "Serve embeddings, and a reranker if one is named, over HTTP on this machine."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.ENVIRONMENT.encoder_port)
        parser.add_argument("--model", default=settings.ENVIRONMENT.embedding_model, metavar="ID_OR_FOLDER")
        parser.add_argument("--reranker", default=settings.ENVIRONMENT.reranker, metavar="NAME_OR_FOLDER")

    def handle(self, *args: Any, **options: Any) -> None:
        os.environ.update(LIBRARY_ENVIRONMENT)
        listener = _listen(options["host"], options["port"])
        choice = PrecisionChoice(settings.DATA_DIR / "encoder-precisions")
        service = EncoderService(options["model"], choice, reranker=options["reranker"])
        app = EncoderApp(service, token=settings.ENGINE_TOKEN)
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", ws="none")
        with listener:
            uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), reuse_port=False)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"Port {port} is in use. Stop what uses it, or set CHATPLATFORM_ENCODER_PORT."
            ) from error
        raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}") from error
