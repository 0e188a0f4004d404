"""The steps of the set-up: what this installation needs, with what it is done, and how to see that it is done."""

from __future__ import annotations

import sys
from functools import partial

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections
from django.utils.translation import gettext_noop as _

from chatplatform.health.database_state import databases_are_current
from chatplatform.inference.model_files.model_choice import chosen_or_default
from chatplatform.inference.model_files.model_store import model_path
from chatplatform.installation.parts import PARTS, Part
from chatplatform.installation.stamps import is_installed, read_stamp
from chatplatform.supervisor.steps import Step

PACKAGES, MODELS, DATABASE = "packages", "models", "database"


def manage(*arguments: str) -> tuple[str, ...]:
    """The command line of `manage.py` with this Python."""
    return (sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments)


def plan() -> tuple[Step, ...]:
    """Every step, in the order of their worth for whoever waits. Parts that run elsewhere need no steps here."""
    environment = settings.ENVIRONMENT
    steps = [_database()]
    if not environment.llm_url:
        chosen = chosen_or_default()
        steps.append(_packages("llm", _("Build the engine for language models")))
        steps.append(_model("quick_model", _("Fetch the small chat model"), chosen["quick"].reference))
        steps.append(_model("chat_model", _("Fetch the chat model"), chosen["chat"].reference))
    if not environment.encoder_url:
        steps.append(_packages("torch", _("Install PyTorch"), required=False))
        steps.append(_packages("encoder", _("Install the engine for embeddings"), required=False))
        steps.append(
            _model(
                "embedding_model",
                _("Fetch the embedding model"),
                environment.embedding_model,
                needs=("encoder",),
                required=False,
            )
        )
    if not environment.chroma_url:
        steps.append(_packages("chroma", _("Install the vector store"), required=False))
    return tuple(steps)


def _database() -> Step:
    commands = [
        manage("migrate", "--no-input", "--verbosity", "0", "--database", alias)
        for alias in settings.DATABASES
    ]
    return Step(
        id="database",
        title=_("Set up the database"),
        lane=DATABASE,
        commands=tuple(commands),
        look=_look_at_databases,
        niceness=0,
    )


def _look_at_databases() -> str | None:
    try:
        return "" if databases_are_current() else None
    except DatabaseError:
        return None  # migrating says what is wrong
    finally:
        connections.close_all()  # they are this thread's, which has no other use for them


def _packages(part: str, title: str, *, required: bool = True) -> Step:
    return Step(
        id=part,
        title=title,
        lane=PACKAGES,
        commands=((sys.executable, "-m", "chatplatform.installation", "install", part, "--json-progress"),),
        look=partial(_look_at_part, PARTS[part]),
        environment={"PYTHONPATH": str(settings.BASE_DIR)},
        required=required,
    )


def _model(
    step_id: str, title: str, model: str, *, needs: tuple[str, ...] = (), required: bool = True
) -> Step:
    return Step(
        id=step_id,
        title=title,
        lane=MODELS,
        commands=(manage("models", "pull", model, "--json-progress"),),
        look=partial(_look_at_model, model),
        needs=needs,
        required=required,
        may_pass=True,
    )


def _look_at_part(part: Part) -> str | None:
    stamp = read_stamp(part)
    return stamp.detail if stamp is not None and is_installed(part) else None


def _look_at_model(model: str) -> str | None:
    return model if model_path(model) is not None else None
