"""`manage.py models …`: the model files of this machine."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, NotFound, PlatformError
from chatplatform.inference.management.model_making import Making
from chatplatform.inference.management.progress_lines import ProgressLines
from chatplatform.inference.model_files import (
    accepted_licences,
    catalogue,
    model_choice,
    model_services,
    model_store,
    model_table,
)
from chatplatform.inference.model_files.fit import machine_facts
from chatplatform.inference.model_files.forecast import forecast
from chatplatform.inference.model_files.own_files import as_candidate, look_into
from chatplatform.inference.model_files.quantizing import KINDS
from chatplatform.inference.model_files.tuning import KINDS as TUNING_KINDS

ACTOR = Actor.system("command")


class Command(BaseCommand):
    help = "List, fetch, add, check, measure, requantise, encrypt and delete the models of this machine."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)

        def action(name: str, help: str, *, many: bool = False, progress: bool = False) -> ArgumentParser:
            made: ArgumentParser = actions.add_parser(name, help=help)
            if many:
                made.add_argument("models", nargs="+", metavar="NAME")
            if progress:
                made.add_argument("--json-progress", action="store_true", help="one JSON object a line")
            return made

        action("list", "every model: what it is, needs, takes and does").add_argument(
            "--json", action="store_true", dest="as_json", help="for programs"
        )
        pull = action("pull", "fetch models that are not here", many=True, progress=True)
        pull.add_argument(
            "--accept-licence", action="store_true", help="you have read the licences and accept them"
        )
        add = action("add", "bring a GGUF file of your own", progress=True)
        add.add_argument("file", type=Path, metavar="FILE")
        add.add_argument("--id", help="short name (default: from the file's name)")
        add.add_argument("--name", help="title for people (default: what the file says)")
        add.add_argument("--licence", help="under which you have it (default: what the file says)")
        add.add_argument("--languages", default="", help="codes by comma, such as en,zh")
        add.add_argument("--copy", action="store_true", help="copy the file even where a link would do")
        action("fit", "memory, context and speed of models or files on this machine", many=True)
        verify = action("verify", "read model files from beginning to end and compare")
        verify.add_argument("models", nargs="*", metavar="NAME", help="default: those that are here")
        choose = action("choose", "have a model answer from now on")
        choose.add_argument("model", metavar="NAME")
        choose.add_argument("--role", choices=model_choice.ROLES, default="chat")
        action("remove", "delete the files of models", many=True)
        action("bench", "measure how fast models read and write here", many=True, progress=True)
        quantize = action("quantize", "make a model anew with weights of another type", progress=True)
        quantize.add_argument("model", metavar="NAME")
        quantize.add_argument("--to", required=True, metavar="TYPE", help=", ".join(KINDS))
        tune = action("tune", "find and keep the fastest type of weights for this machine", progress=True)
        tune.add_argument("model", metavar="NAME")
        tune.add_argument(
            "--to", default=",".join(TUNING_KINDS), metavar="TYPES", help="by comma (%(default)s)"
        )
        tune.add_argument("--no-questions", action="store_true", help="do not ask the sixty questions")
        for name, help in (("encrypt", "encrypt the file of a model"), ("decrypt", "the way back")):
            action(name, help, progress=True).add_argument("model", metavar="NAME")
        action("path", "print where a model is").add_argument("model", metavar="NAME")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(options)
        except PlatformError as error:
            raise CommandError(str(error.message)) from error
        except DatabaseError as error:
            raise CommandError(
                "This is recorded in the database, which cannot be used. Start the platform once: make run"
            ) from error

    def _list(self, options: dict[str, Any]) -> None:
        found = model_table.rows()
        if options["as_json"]:
            self.stdout.write(json.dumps(model_table.as_json(found), ensure_ascii=False, indent=2))
            return
        self.stdout.write(f"{model_store.models_folder()}\n")
        for line in model_table.as_table(found):
            self.stdout.write(line)

    def _pull(self, options: dict[str, Any]) -> None:
        for model_id in options["models"]:
            self._accept(model_id, accepted=options["accept_licence"], may_ask=not options["json_progress"])
            lines = ProgressLines(self.stdout, model_id, as_json=options["json_progress"])
            path = model_store.ensure(model_id, lines.show)
            lines.end(str(path))

    def _accept(self, model_id: str, *, accepted: bool, may_ask: bool) -> None:
        """See that the licence is accepted, and remember it. What is of the platform's own supply asks nobody."""
        model = catalogue.find(model_id)
        if model is None or model.own or model_store.presence(model_id) == "here":
            return
        if may_ask:
            self.stdout.write(f"{model.title}: licence {model.licence}, {model.page}")
        if accepted_licences.is_accepted(model):
            return
        asked = f"Do you accept the licence {model.licence} of {model.publisher}? [y/N] "
        if not accepted and may_ask and sys.stdin.isatty():
            accepted = input(asked).strip().lower() in {"y", "yes"}
        if not accepted:
            raise CommandError(
                f"The licence {model.licence} ({model.page}) has to be accepted: "
                f"manage.py models pull {model_id} --accept-licence"
            )
        model_services.accept_licence(model_id, actor=ACTOR)

    def _fit(self, options: dict[str, Any]) -> None:
        facts = machine_facts()
        for name in options["models"]:
            model = catalogue.find(name)
            if model is None and not Path(name).exists():
                raise NotFound("unknown_model", f"{name!r} is neither a model of the catalogue nor a file.")
            model = model or as_candidate(look_into(Path(name)))
            Making(self.stdout, ACTOR, {}).probe_once()
            for line in model_table.forecast_lines(model, forecast(model, facts), facts):
                self.stdout.write(line)

    def _verify(self, options: dict[str, Any]) -> None:
        ids = options["models"] or [m.id for m in catalogue.catalogue() if model_store.model_path(m.id)]
        wrong = False
        for model_id in ids:
            for found in model_store.verify(model_id):
                wrong = wrong or found.state != "right"
                self.stdout.write(f"{found.state:8} {found.path}")
        if wrong:
            raise CommandError("Some files are not right. Fetch them again: manage.py models pull NAME")

    def _choose(self, options: dict[str, Any]) -> None:
        model_choice.choose(options["role"], options["model"], actor=ACTOR)
        self.stdout.write(f"{options['model']} takes over as soon as it is loaded.")

    def _remove(self, options: dict[str, Any]) -> None:
        for model_id in options["models"]:
            try:
                freed = model_services.remove(model_id, actor=ACTOR)
            except Conflict as error:
                raise CommandError(f"{error.message} {_what_frees(model_id)}".strip()) from error
            self.stdout.write(f"{model_id}: {freed / 1e6:,.0f} MB freed")

    def _add(self, options: dict[str, Any]) -> None:
        Making(self.stdout, ACTOR, options).add()

    def _bench(self, options: dict[str, Any]) -> None:
        Making(self.stdout, ACTOR, options).bench(options["models"])

    def _quantize(self, options: dict[str, Any]) -> None:
        Making(self.stdout, ACTOR, options).quantize(options["model"], options["to"])

    def _tune(self, options: dict[str, Any]) -> None:
        kinds = [kind.strip() for kind in options["to"].split(",") if kind.strip()]
        Making(self.stdout, ACTOR, options).tune(
            options["model"], kinds, questions=not options["no_questions"]
        )

    def _encrypt(self, options: dict[str, Any]) -> None:
        Making(self.stdout, ACTOR, options).encrypt(options["model"])

    def _decrypt(self, options: dict[str, Any]) -> None:
        Making(self.stdout, ACTOR, options).decrypt(options["model"])

    def _path(self, options: dict[str, Any]) -> None:
        path = model_store.model_path(options["model"])
        if path is None:
            raise CommandError(
                f"{options['model']} is not here. Fetch it: manage.py models pull {options['model']}"
            )
        self.stdout.write(str(path))


def _what_frees(model_id: str) -> str:
    """Who has this model, and what takes it from them."""
    for role, chosen in model_choice.chosen_models().items():
        if chosen.reference == model_id and chosen.source == "environment":
            return f"{model_choice.SETTINGS[role]} names it: set another model there and start again."
        if chosen.reference == model_id:
            return f"It has the role {role}: manage.py models choose ANOTHER --role {role}"
    return "It is a default, which answers whenever the chosen model cannot; set CHATPLATFORM_CHAT_MODEL otherwise."
