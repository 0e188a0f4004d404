"""docs/architecture.md names every package, in the layers that import-linter enforces, and only places that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PAGE = Path("docs/architecture.md").read_text()


def section(heading: str) -> str:
    return PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]


def enforced_layers() -> list[list[str]]:
    contracts = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return [[name.strip() for name in re.split("[|:]", layer)] for layer in layers]


def described_layers() -> list[list[str]]:
    first_cells = re.findall(r"^\| (`[^|]*) \|", section("Layers"), re.MULTILINE)
    return [re.findall(r"`([\w.]+)`", cell) for cell in first_cells]


def test_the_layers_are_the_enforced_ones() -> None:
    assert described_layers() == enforced_layers()


def test_every_package_and_root_module_is_named() -> None:
    here = {
        f"chatplatform.{path.stem}"
        for path in Path("chatplatform").iterdir()
        if (path.is_dir() and (path / "__init__.py").exists()) or path.suffix == ".py"
    } - {"chatplatform.__init__"}
    assert {name for name in here if f"`{name}`" not in PAGE} == set()


def test_audit_lies_below_accounts() -> None:
    order = [name for layer in enforced_layers() for name in layer]
    assert order.index("chatplatform.audit") > order.index("chatplatform.accounts")


def test_every_place_for_a_change_exists() -> None:
    second_cells = re.findall(r"^\| [^|]+ \|([^|]+)\|$", section("Where to change what"), re.MULTILINE)
    places = [name for cell in second_cells for name in re.findall(r"`((?:\w+/)+[\w.]*)`", cell)]
    assert len(places) > 15
    assert [place for place in places if not Path(place).exists()] == []


def test_the_life_of_a_turn_names_modules_that_exist() -> None:
    modules = re.findall(r"\b(\w+/\w+\.py)\b", section("The life of a turn"))
    assert len(modules) >= 10
    assert [name for name in modules if not Path("chatplatform", name).exists()] == []


def test_every_model_of_the_data_is_drawn() -> None:
    from django.apps import apps

    drawn = set(re.findall(r"\b[A-Z]\w+\b", section("The data")))
    # the bookkeeping of single modules: explained where it lives
    notes = {"SequencerState", "PeriodicJob", "BeatLease"}
    ours = {model.__name__ for model in apps.get_models() if model.__module__.startswith("chatplatform.")}
    assert ours - notes - drawn == set()


def test_every_process_can_be_started_alone() -> None:
    from django.core.management import get_commands

    commands = re.findall(r"^\| \w+ \| `manage\.py (\w+)`", section("Processes"), re.MULTILINE)
    assert len(commands) == 6
    assert [name for name in commands if name not in get_commands()] == []
