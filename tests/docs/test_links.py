"""What README and docs name is there: pages, headings, files, commands with their options, targets, settings, code."""

from __future__ import annotations

import re
from argparse import ArgumentParser, _SubParsersAction
from functools import cache
from pathlib import Path
from pydoc import locate

import pytest
from django.apps import apps
from django.core.management import get_commands, load_command_class

from chatplatform.accounts.api_tokens import Scope
from chatplatform.accounts.permissions import Permission
from chatplatform.audit.catalogue import catalogue as audit_catalogue
from chatplatform.jobs.registry import chores, job_kinds
from tests.docs.pages import PAGES, anchors, code, links, spans

every_page = pytest.mark.parametrize("page", PAGES, ids=str)

TOP_FOLDERS = "chatplatform|tests|docs|static|templates|locale|requirements|deploy|data"
APPS = sorted(path.name for path in Path("chatplatform").iterdir() if (path / "__init__.py").exists())


# ---------------------------------------------------------------- links


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page.read_text(), page.parent) == []


def broken_links(text: str, folder: Path) -> list[str]:
    broken = []
    for target in links(text):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = folder / name if name else None
        there = file is None or file.exists()
        heading_source = (
            text if file is None else (file.read_text() if there and file.suffix == ".md" else "")
        )
        if not there or (anchor and anchor not in anchors(heading_source)):
            broken.append(target)
    return broken


def test_every_page_can_be_found_from_the_index() -> None:
    listed = {(Path("docs") / target).resolve() for target in links(Path("docs/index.md").read_text())}
    decisions = {
        (Path("docs/adr") / target).resolve() for target in links(Path("docs/adr/README.md").read_text())
    }
    here = {page.resolve() for page in Path("docs").rglob("*.md")} - {Path("docs/index.md").resolve()}
    assert here - listed - decisions == set()


def test_a_broken_link_would_be_noticed() -> None:
    text = "# A heading\n[a](#a-heading) [b](#b) [c](README.md) [d](no.md) [e](README.md#nothing)"
    assert broken_links(text, Path()) == ["#b", "no.md", "README.md#nothing"]


# ---------------------------------------------------------------- files


@every_page
def test_named_files_exist(page: Path) -> None:
    assert missing_files(page.read_text()) == []


def missing_files(text: str) -> list[str]:
    """Paths in backticks that are nowhere: from the root, or inside the package (`chat/limits.py`)."""
    pattern = re.compile(rf"(?:{TOP_FOLDERS}|{'|'.join(APPS)})/[\w./*…-]*")
    missing = []
    for span in spans(text):
        name = span.partition("::")[0]
        # `data/…` is made by a first start
        if not pattern.fullmatch(name) or name.startswith("data/") or "…" in name:
            continue
        if not any(any(root.glob(name.rstrip("/"))) for root in (Path(), Path("chatplatform"))):
            missing.append(name)
    return missing


def test_a_missing_file_would_be_noticed() -> None:
    text = (
        "`chat/limits.py` `chatplatform/chat/limits.py` `tests/docs/*.py` `chat/nothing.py` `docs/nothing.md`"
    )
    assert missing_files(text) == ["chat/nothing.py", "docs/nothing.md"]


# ---------------------------------------------------------------- commands


@every_page
def test_commands_of_manage_py_exist(page: Path) -> None:
    assert wrong_commands(page.read_text()) == []


def wrong_commands(text: str) -> list[str]:
    wrong = []
    for line in code(text):
        for command, rest in re.findall(r"manage\.py ([a-z_]+)((?: [^\s`|&;)]+)*)", line):
            if command not in get_commands() or not _takes(command, rest.split()):
                wrong.append(f"{command}{rest}")
    return wrong


def _takes(command: str, words: list[str]) -> bool:
    """Whether the command knows the subcommand and the options among `words`."""
    parser = _parser(command)
    actions = [action for action in parser._actions if isinstance(action, _SubParsersAction)]
    if actions and words and re.fullmatch(r"[a-z_]+(\|[a-z_]+)*", words[0]):
        choices = words[0].split("|")
        if not set(choices) <= set(actions[0].choices):
            return False
        parser = actions[0].choices[choices[0]]
    options = {word.strip("[]").partition("=")[0] for word in words if word.strip("[").startswith("--")}
    return options <= set(parser._option_string_actions)


@cache
def _parser(command: str) -> ArgumentParser:
    app = get_commands()[command]
    loaded = load_command_class(app, command) if isinstance(app, str) else app
    return loaded.create_parser("manage.py", command)


def test_a_wrong_command_would_be_noticed() -> None:
    text = (
        "`manage.py audit verify` `manage.py audit destroy` `manage.py nothing` `manage.py models pull ID` "
        "`manage.py worker --concurrency 4` `manage.py worker --hurry`"
    )
    assert wrong_commands(text) == ["audit destroy", "nothing", "worker --hurry"]


@every_page
def test_targets_of_make_exist(page: Path) -> None:
    assert wrong_targets(page.read_text()) == []


def wrong_targets(text: str) -> list[str]:
    targets = set(re.findall(r"^([a-z][a-z-]*):", Path("Makefile").read_text(), re.MULTILINE))
    call = re.compile(r"(?:^|[;&(] ?)(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]*)")
    named = [name for line in code(text) for name in call.findall(line.strip())]
    return [name for name in named if name not in targets]


def test_a_wrong_target_would_be_noticed() -> None:
    assert wrong_targets("`make test` `make tea` `X=1 make coffee` `apt install make gcc`") == [
        "tea",
        "coffee",
    ]


# ---------------------------------------------------------------- settings and code


@every_page
def test_named_variables_are_read_somewhere(page: Path) -> None:
    assert set(re.findall(r"\bCHATPLATFORM_[A-Z_]*[A-Z]\b", page.read_text())) - _variables() == set()


@cache
def _variables() -> frozenset[str]:
    """Settings, and what tests and tools read besides."""
    from chatplatform.environment.variables import PREFIX, Environment

    sources = [path.read_text() for root in ("chatplatform", "tests") for path in Path(root).rglob("*.py")]
    read = re.findall(r"[\"'](CHATPLATFORM_[A-Z_]+)[\"']", "\n".join(sources))
    return frozenset({PREFIX + name.upper() for name in Environment.model_fields} | set(read))


@every_page
def test_named_code_exists(page: Path) -> None:
    assert unknown_names(page.read_text()) == []


def unknown_names(text: str) -> list[str]:
    """Dotted names that begin with a package and are no module, object, model, audit event, job or chore."""
    pattern = re.compile(rf"(?:chatplatform\.)?(?:{'|'.join(APPS)})(?:\.\w+)+")
    unknown = []
    for span in spans(text):
        name = span.partition("(")[0]
        is_file = name.endswith(
            (".py", ".md", ".toml", ".log", ".key", ".json", ".jsonl", ".sqlite3", ".css", ".js")
        )
        if not pattern.fullmatch(name) or is_file or name in _codes():
            continue
        if locate(f"chatplatform.{name.removeprefix('chatplatform.')}") is None and not _is_model(name):
            unknown.append(name)
    return unknown


def _is_model(label: str) -> bool:
    try:
        return bool(apps.get_model(label))
    except (LookupError, ValueError):
        return False


@cache
def _codes() -> frozenset[str]:
    return frozenset(
        {event.code for event in audit_catalogue()}
        | {kind.kind for kind in job_kinds()}
        | {chore.name for chore in chores()}
        | {right.value for right in (*Permission, *Scope)}
    )


def test_an_unknown_name_would_be_noticed() -> None:
    known = "`common.ids.new_id` `jobs.Job` `chat.turn.started` `chatplatform.chat.limits` "
    text = f"{known} `common.ids.old_id` `audit.nothing`"
    assert unknown_names(text) == ["common.ids.old_id", "audit.nothing"]
