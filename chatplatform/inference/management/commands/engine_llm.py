"""`manage.py engine_llm`: the process of the language models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, close_old_connections

from chatplatform.inference.model_files import model_choice


class Command(BaseCommand):
    help = "Run the language-model engine: models through llama.cpp behind the OpenAI protocol."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        environment = settings.ENVIRONMENT
        parser.add_argument(
            "--host", default="127.0.0.1", help="Address to listen on (default: %(default)s)."
        )
        parser.add_argument(
            "--port", type=int, default=environment.llm_port, help="Port to listen on (default: %(default)s)."
        )
        parser.add_argument(
            "--models",
            default="",
            help="Catalogue ids or paths by comma, best first; the best that is there answers as “chat”. "
            "Default: what the settings or the console choose, also later.",
        )
        parser.add_argument(
            "--quick",
            default=None,
            help="Id or path of the model that answers as “quick”; empty for none. Default: as above.",
        )

    def handle(
        self, *args: Any, host: str, port: int, models: str, quick: str | None, **options: Any
    ) -> None:
        # Only here: importing the command must not import llama.cpp.
        from chatplatform.inference.engines.llamacpp.gpu import read_wish
        from chatplatform.inference.engines.llamacpp.process import listen, serve
        from chatplatform.inference.engines.llamacpp.saving import Saving
        from chatplatform.inference.engines.llamacpp.self_benchmark import SelfBenchmark
        from chatplatform.inference.model_files import model_store

        if not settings.ENGINE_TOKEN:
            raise CommandError(
                "There is no engine token: start through manage.py, or set CHATPLATFORM_ENGINE_TOKEN."
            )
        names = _Names()
        chosen = model_choice.chosen_or_default()
        preferred = names.shown(models.split(",") if models else [chosen["chat"].reference])
        if quick is None:
            quick = chosen["quick"].reference
        quick = next(iter(names.shown([quick])), "")
        if not preferred:
            raise CommandError("Name at least one model with --models.")
        try:
            listener = listen(host, port)
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} cannot be used ({error.strerror}). Stop what listens there, "
                "or choose another with --port or CHATPLATFORM_LLM_PORT."
            ) from None
        serve(
            listener,
            preferred=preferred if models or not quick else [*preferred, quick],
            quick=quick,
            resolve=lambda name: model_store.model_path(names.reference(name)),
            sha256_of=lambda name: model_store.model_sha256(names.reference(name)),
            context_tokens=settings.ENVIRONMENT.context_tokens,
            threads=settings.ENVIRONMENT.llm_threads,
            token=settings.ENGINE_TOKEN,
            saving=Saving(
                settings.DATA_DIR / "engine-cache",
                settings.ENGINE_TOKEN,
                memory_mb=settings.ENVIRONMENT.llm_saved_memory_mb,
                disk_mb=settings.ENVIRONMENT.llm_saved_disk_mb,
            ),
            gpu_layers=read_wish(settings.ENVIRONMENT.gpu_layers),
            self_benchmark=SelfBenchmark(
                settings.DATA_DIR / "self-benchmarks" if settings.ENVIRONMENT.llm_self_benchmark else None
            ),
            offered=_offered,
            idle_s=settings.ENVIRONMENT.llm_idle_s,
            wishes=None if models else names.wishes,
        )


class _Names:
    """The names that clients see, and what they stand for: a path would tell them about this machine."""

    def __init__(self) -> None:
        self._references: dict[str, str] = {}

    def shown(self, references: Sequence[str]) -> list[str]:
        wanted = {_shown_name(each.strip()): each.strip() for each in references if each.strip()}
        self._references |= wanted
        return list(wanted)

    def reference(self, name: str) -> str:
        return self._references.get(name, name)

    def wishes(self) -> tuple[list[str], str] | None:
        """What is chosen now; None while the database does not answer."""
        try:
            close_old_connections()
            chat, quick = model_choice.engine_wishes()
        except DatabaseError:
            return None
        return self.shown(chat), self.shown([quick])[0]


def _offered() -> list[str]:
    """Chat models of the catalogue whose files are here: any of them may be asked for by its id."""
    from chatplatform.inference.model_files import catalogue, model_store

    return [
        model.id
        for model in catalogue.catalogue()
        if model.kind == "chat" and model_store.presence(model.id) in {"here", "unread"}
    ]


def _shown_name(reference: str) -> str:
    from chatplatform.inference.model_files import catalogue

    return reference if catalogue.find(reference) else Path(reference).stem
