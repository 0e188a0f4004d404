"""Style sheets, scripts and templates keep the rules of the house."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from chatplatform.console.knowledge_words import KNOWLEDGE_STRINGS as OF_KNOWLEDGE
from chatplatform.sign_in.views.page_strings import STRINGS as OF_SIGN_IN
from chatplatform.web.browser_strings import STRINGS as OF_THE_REST

ROOT: Path = settings.BASE_DIR
STRINGS = OF_THE_REST | OF_SIGN_IN | OF_KNOWLEDGE
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


def test_a_block_of_the_chat_is_styled_in_one_file() -> None:
    """Two features that give one name to two things would spoil each other's looks."""
    linked = re.findall(r"css/[^']+", (ROOT / "templates" / "chat" / "chat.html").read_text())
    styled: dict[str, set[str]] = {}
    for name in linked:
        for block in re.findall(r"^\.([\w-]+) \{", (ROOT / "static" / name).read_text(), re.MULTILINE):
            styled.setdefault(block, set()).add(name)
    in_print = "css/chat/print.css"  # which is there to style what others are
    assert {block: names for block, names in styled.items() if len(names - {in_print}) > 1} == {}


def test_a_message_that_comes_is_styled_alone() -> None:
    """No «tag + tag» in what the chat loads, and no `:has()` of a place of messages that looks at descendants: each of
    them would have the browser look through all messages whenever one comes."""
    pages = "".join((ROOT / "templates" / name).read_text() for name in ("base.html", "chat/chat.html"))
    linked = [name for name in re.findall(r"css/[^']+", pages) if "print" not in name]
    assert len(linked) > 10
    texts = [
        re.sub(r"/\*.*?\*/", "", (ROOT / "static" / name).read_text(), flags=re.DOTALL) for name in linked
    ]
    selectors = [
        one.strip()
        for text in texts
        for group in re.findall(r"([^{};]+)\{", text)
        for one in group.split("\n")
    ]
    assert [one for one in selectors if re.search(r"[+~] (\*|[a-z]+\b)", one)] == []
    holds_no_messages = r"\.(tail|conversation|place|toast|finder__form|palette__field)\b.*:has\("
    has = [one for one in selectors if re.search(r":has\((?![>~+] )", one)]
    assert [one for one in has if not re.search(holds_no_messages, one)] == []


def test_every_token_that_is_used_exists() -> None:
    styles = [path.read_text() for path in STYLES]
    made = {name for text in styles for name in re.findall(r"(?<![\w-])(--[\w-]+):", text)}
    used = {name for text in styles for name in re.findall(r"var\((--[\w-]+)", text)}
    assert used <= made
    assert made <= used


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_templates_have_no_inline_code(path: Path) -> None:
    # a file that is taken away brings its style along
    style = "" if path.name == "file_head.html" else "<style|"
    assert not re.search(rf"\son\w+=|\sstyle=|{style}javascript:|https?://", path.read_text())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_every_static_file_that_is_named_exists(path: Path) -> None:
    for name in re.findall(r"{% asset '([^']+)' %}", path.read_text()):
        assert finders.find(name), name


def loaded_at_start(*names: str) -> set[Path]:
    """The scripts with these names and all that they import before they run."""
    waiting, found = [ROOT / "static" / name for name in names], set[Path]()
    while waiting:
        path = waiting.pop().resolve()
        if path not in found:
            found.add(path)
            imports = re.findall(
                r'^(?:import|export)\b[^;"]*?"(\.\.?/[^"]+)"', path.read_text(), re.MULTILINE
            )
            waiting += [path.parent / name for name in imports]
    return found


def test_the_chat_page_loads_little_script_at_start() -> None:
    templates = [ROOT / "templates" / name for name in ("base.html", "shell.html", "chat/chat.html")]
    names = {
        name
        for path in templates
        for name in re.findall(r"<script[^>]*{% asset '([^']+)' %}", path.read_text())
    }
    assert "js/chat.js" in names
    scripts = loaded_at_start(*names)
    assert ROOT / "static" / "js" / "socket.js" in scripts, "what is imported counts"
    size = sum(path.stat().st_size for path in scripts)
    assert size < 120 * 1024, f"{size:,} bytes: load with import() what is not needed at start"


def test_every_import_of_a_script_exists() -> None:
    for path in SCRIPTS:
        for name in re.findall(r'from "(\./[^"]+)"|import "(\./[^"]+)"', path.read_text()):
            assert (path.parent / (name[0] or name[1])).is_file()
