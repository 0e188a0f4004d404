"""`manage.py models list|pull|verify|path`: the model files of this machine."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatplatform.common.errors import PlatformError
from chatplatform.inference import catalogue, model_store

LINE_EVERY_S = 1.0
JSON_EVERY_S = 0.25


class Command(BaseCommand):
    help = "List, fetch and check model files."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="every model of the catalogue, and whether it is here")
        pull = actions.add_parser("pull", help="fetch models that are not here")
        pull.add_argument("models", nargs="+", metavar="ID")
        pull.add_argument("--json-progress", action="store_true", help="one JSON object a line, for programs")
        verify = actions.add_parser("verify", help="read model files from beginning to end and compare")
        verify.add_argument("models", nargs="*", metavar="ID", help="default: those that are here")
        path = actions.add_parser("path", help="print where a model is")
        path.add_argument("model", metavar="ID")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            match options["action"]:
                case "list":
                    self._list()
                case "pull":
                    for model_id in options["models"]:
                        self._pull(model_id, as_json=options["json_progress"])
                case "verify":
                    self._verify(options["models"])
                case _:
                    self._path(options["model"])
        except PlatformError as error:
            raise CommandError(str(error.message)) from error

    def _list(self) -> None:
        self.stdout.write(f"{model_store.models_folder()}\n")
        for model in catalogue.catalogue():
            here = "here" if model_store.model_path(model.id) else "-"
            size = f"{model.download_bytes / 1e6:,.0f} MB"
            facts = f"{model.kind:10} {size:>10}  {model.licence:12} {','.join(model.roles):16}"
            self.stdout.write(f"{model.id:24} {facts} {here}")

    def _pull(self, model_id: str, *, as_json: bool) -> None:
        said = _Said()

        def progress(fraction: float, detail: str) -> None:
            if as_json and said.is_time(JSON_EVERY_S, done=fraction >= 1.0):
                line = {"model": model_id, "fraction": round(fraction, 4), "detail": detail}
                sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
                sys.stdout.flush()
            elif not as_json and said.is_time(LINE_EVERY_S, done=fraction >= 1.0):
                self.stdout.write(f"{model_id} {fraction:4.0%} {detail}")
                self.stdout.flush()

        path = model_store.ensure(model_id, progress)
        if not said.finished:
            progress(1.0, str(path))

    def _verify(self, wanted: list[str]) -> None:
        ids = wanted or [m.id for m in catalogue.catalogue() if model_store.model_path(m.id)]
        wrong = False
        for model_id in ids:
            for found in model_store.verify(model_id):
                wrong = wrong or found.state != "right"
                self.stdout.write(f"{found.state:8} {found.path}")
        if wrong:
            raise CommandError("Some files are not right. Fetch them again: manage.py models pull ID")

    def _path(self, model_id: str) -> None:
        path = model_store.model_path(model_id)
        if path is None:
            raise CommandError(f"{model_id} is not here. Fetch it: manage.py models pull {model_id}")
        self.stdout.write(str(path))


class _Said:
    """When progress was last told, so that a terminal gets a line a second and not a thousand."""

    def __init__(self) -> None:
        self._at = 0.0
        self.finished = False

    def is_time(self, every_s: float, *, done: bool) -> bool:
        moment = time.monotonic()
        if self.finished or not (done or moment - self._at >= every_s):
            return False
        self._at = moment
        self.finished = done
        return True
