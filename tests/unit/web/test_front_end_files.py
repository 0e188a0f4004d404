"""Style sheets, scripts and templates keep the rules of the house."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from chatplatform.sign_in.views.page_strings import STRINGS as OF_SIGN_IN
from chatplatform.web.browser_strings import STRINGS as OF_THE_REST

ROOT: Path = settings.BASE_DIR
STRINGS = OF_THE_REST | OF_SIGN_IN
SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))
STYLES = sorted((ROOT / "static" / "css").rglob("*.css"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def test_scripts_ask_for_known_texts_only() -> None:
    asked = {name for path in SCRIPTS for name in re.findall(r'\btext\(\s*"(\w+)"', path.read_text())}
    # texts that are chosen by a variable stand as words in the script
    words = {word for path in SCRIPTS for word in re.findall(r'"(\w+)"', path.read_text())}
    assert asked <= STRINGS.keys()
    assert STRINGS.keys() <= words, "no text is handed over in vain"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_insert_html_in_one_place(path: Path) -> None:
    source = path.read_text()
    if path.name != "html.js":
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", source)
    assert not re.search(r"\beval\(|new Function|https?://(?!\S*\$\{)", source)


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_colours_come_from_the_tokens(path: Path) -> None:
    if path.name != "tokens.css":
        assert not re.search(r"#[0-9a-f]{3,8}\b|\brgb|\bhsl", path.read_text())


def test_every_token_that_is_used_exists() -> None:
    styles = [path.read_text() for path in STYLES]
    made = {name for text in styles for name in re.findall(r"(?<![\w-])(--[\w-]+):", text)}
    used = {name for text in styles for name in re.findall(r"var\((--[\w-]+)", text)}
    assert used <= made
    assert made <= used


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_templates_have_no_inline_code(path: Path) -> None:
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:|https?://", path.read_text())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_every_static_file_that_is_named_exists(path: Path) -> None:
    for name in re.findall(r"{% asset '([^']+)' %}", path.read_text()):
        assert finders.find(name), name


def test_every_import_of_a_script_exists() -> None:
    for path in SCRIPTS:
        for name in re.findall(r'from "(\./[^"]+)"|import "(\./[^"]+)"', path.read_text()):
            assert (path.parent / (name[0] or name[1])).is_file()
