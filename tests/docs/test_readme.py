"""The README: the command that CI calls, what a first start needs, and the same in both languages."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

from chatplatform.environment.variables import Environment
from chatplatform.inference.model_files.catalogue import find
from chatplatform.installation.failures import NO_COMPILER
from chatplatform.installation.parts import PARTS
from tests.docs.pages import READMES, blocks, code, links

ENGLISH, CHINESE = (page.read_text() for page in READMES)
SCREENSHOTS = {f"docs/screenshots/chat-{name}.png" for name in ("light", "dark", "phone", "zh")} | {
    "docs/screenshots/setup.png"
}


def test_ci_calls_the_test_command_of_the_readme() -> None:
    lines = [line for line in Path(".ci/run").read_text().splitlines() if line and not line.startswith("#")]
    called = shlex.split(lines[-1])
    assert called[0] == "time"
    command = " ".join(called[1:])
    for text in (ENGLISH, CHINESE):
        assert [block for block in blocks(text) if block.strip() == command]


def test_two_commands_are_enough() -> None:
    for text in (ENGLISH, CHINESE):
        assert [block.strip() for block in blocks(text)] == ["make run", "make test"]


def test_both_languages_say_the_same() -> None:
    assert sorted(set(links(ENGLISH)) - {"README.zh-Hans.md"}) == sorted(set(links(CHINESE)) - {"README.md"})
    commands = [
        [line for line in code(text) if " " in line and line.isascii()] for text in (ENGLISH, CHINESE)
    ]
    assert set(commands[0]) - {".venv/bin/python manage.py add_member ADDRESS"} == set(commands[1])
    assert headings(ENGLISH) == headings(CHINESE)


def headings(text: str) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)]


def test_each_links_to_the_other() -> None:
    assert "README.zh-Hans.md" in links(ENGLISH)
    assert "README.md" in links(CHINESE)


def test_the_pythons_are_the_supported_ones() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    assert "Python 3.11 to 3.13" in ENGLISH
    assert "Python 3.11 至 3.13" in CHINESE


def test_what_the_installer_asks_for_is_named() -> None:
    asked = set(
        re.findall(r"build-essential|python3-dev(?:el)?|gcc-c\+\+|xcode-select --install", NO_COMPILER.cure)
    )
    assert len(asked) == 5
    for text in (ENGLISH, CHINESE):
        assert {name for name in asked if name not in text} == set()


def test_disk_and_memory_are_allowed_for() -> None:
    defaults = Environment()
    models = [find(name) for name in (defaults.chat_model, defaults.quick_model, defaults.embedding_model)]
    disk = sum(part.needs_bytes for name, part in PARTS.items() if name != "dev")
    disk += sum(file.size for model in models if model for file in model.files)
    memory = sum(model.memory_bytes for model in models if model)
    for text in (ENGLISH, CHINESE):
        disk_gb, memory_gb = (int(number) for number in re.findall(r"\b(\d+) GB", text))
        assert 0.75 * disk_gb < disk / 1e9 < disk_gb
        assert 0.75 * memory_gb < memory / 1e9 < memory_gb


def test_the_screenshots_are_those_that_the_browser_suite_takes() -> None:
    suite = Path("tests/browser/test_screenshots.py").read_text()
    names = re.findall(r'take\(chat, folder, f?"([^"]+)"\)', suite)
    taken = {name.replace("{scheme}", scheme) for name in names for scheme in ("light", "dark")}
    assert {f"docs/screenshots/{name}.png" for name in taken} == SCREENSHOTS
    for text in (ENGLISH, CHINESE):
        assert {target for target in links(text) if target.endswith(".png")} == SCREENSHOTS


def test_it_is_read_in_minutes() -> None:
    assert len(ENGLISH.split()) < 900


def test_the_licence_is_the_packages() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert f"[{project['license']}](LICENSE)" in ENGLISH
    assert f"[{project['license']}](LICENSE)" in CHINESE
