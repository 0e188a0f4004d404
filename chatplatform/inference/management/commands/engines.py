"""`manage.py engines list|add|on|off|test|remove`: engines beside the machine's own."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.inference.endpoints.endpoint_queries import EndpointView, endpoint_list, endpoint_named
from chatplatform.inference.endpoints.endpoint_services import (
    EndpointSpec,
    add_endpoint,
    remove_endpoint,
    switch_endpoint,
)
from chatplatform.inference.endpoints.endpoint_trial import try_endpoint
from chatplatform.inference.models import EngineEndpoint

_COMMAND = Actor.system("command")


class Command(BaseCommand):
    help = "List, add, switch, test and remove engines beside the machine's own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("list", help="list the engines")
        adding = acts.add_parser("add", help="add an engine; one elsewhere is off until it is switched on")
        adding.add_argument("name")
        adding.add_argument("url", help="such as https://llm.example.org/v1 or unix:///run/llm.sock")
        adding.add_argument("--kind", choices=EngineEndpoint.Kind.values, default="openai")
        adding.add_argument("--place", choices=EngineEndpoint.Place.values, required=True)
        adding.add_argument("--order", choices=EngineEndpoint.Order.values, default="before")
        adding.add_argument("--chat", default="", metavar="MODEL", help="what it calls the model for chat")
        adding.add_argument("--quick", default="", metavar="MODEL", help="the one for titles and the like")
        adding.add_argument("--context", type=int, default=0, metavar="TOKENS", help="how much it reads")
        adding.add_argument(
            "--key-file",
            metavar="FILE",
            help="file that holds its key, - for standard input: never an argument",
        )
        on = acts.add_parser("on", help="use an engine")
        on.add_argument("name")
        on.add_argument(
            "--prompts-may-leave",
            action="store_true",
            help="what people write may leave this machine for this engine",
        )
        for act, what in (
            ("off", "stop using an engine"),
            ("test", "ask an engine which models it has; no prompt is sent"),
            ("remove", "remove an engine and its key"),
        ):
            acts.add_parser(act, help=what).add_argument("name")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        try:
            match act:
                case "list":
                    for view in endpoint_list():
                        self.stdout.write(_line(view))
                case "add":
                    self._add(options)
                case "test":
                    self._test(options["name"])
                case "remove":
                    remove_endpoint(endpoint_named(options["name"]).id, actor=_COMMAND)
                case _:
                    switch_endpoint(
                        endpoint_named(options["name"]).id,
                        act == "on",
                        prompts_may_leave=options.get("prompts_may_leave", False),
                        actor=_COMMAND,
                    )
        except PlatformError as error:
            raise CommandError(str(error.message)) from error

    def _add(self, options: dict[str, Any]) -> None:
        row = add_endpoint(
            EndpointSpec(
                name=options["name"],
                url=options["url"],
                kind=options["kind"],
                place=options["place"],
                order=options["order"],
                chat_model=options["chat"],
                quick_model=options["quick"],
                context_tokens=options["context"],
                key=_key(options["key_file"]),
            ),
            actor=_COMMAND,
        )
        self.stdout.write(_line(endpoint_named(row.name)))
        if not row.is_on:
            self.stdout.write(
                f"It is off. Prompts may leave for it after: engines on {row.name!r} --prompts-may-leave"
            )

    def _test(self, name: str) -> None:
        trial = try_endpoint(endpoint_named(name).id, actor=_COMMAND)
        if trial.error:
            raise CommandError(f"{trial.error} ({trial.code})")
        for model in trial.models:
            self.stdout.write(model)
        if trial.missing:
            raise CommandError(f"It does not list: {', '.join(trial.missing)}")


def _key(source: str | None) -> str | None:
    if source is None:
        return None
    try:
        return sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{source} cannot be read") from error


def _line(view: EndpointView) -> str:
    row = view.row
    state = "on" if row.is_on else "off"
    models = " ".join(
        f"{role}={name}" for role, name in (("chat", row.chat_model), ("quick", row.quick_model)) if name
    )
    key = "with key" if view.has_key else "without key"
    return f"{row.name:20} {state:4} {row.kind:13} {row.place:8} {row.order:7} {row.url}  {models}  {key}"
