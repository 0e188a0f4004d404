"""The pictures of the README, taken from the real thing.

    SCREENSHOTS=docs/screenshots pytest tests/browser/test_screenshots.py

Without the variable they go to `test-results/screenshots`, and the test shows that they can be taken.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.browser.conftest import ChatPage, NewVisitor, Site
from tests.browser.test_access import PHONE

WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 880}, "device_scale_factor": 2}
NAME = "Support"
NAME_ZH = "陈晓"
QUESTION = "Which tent is right for two people in autumn?"
EARLIER = ["How do I wash a down sleeping bag?", "A reply for a parcel that is late"]
QUESTION_ZH = "秋天两个人用，哪顶帐篷好？"
EARLIER_ZH = ["羽绒睡袋怎么清洗？", "给包裹延误的顾客写一封回信"]
SET_UP: dict[str, Any] = {
    "updated_at": "2026-01-01T00:00:00Z",
    "phase": "installing",
    "steps": [
        {"id": "database", "title": "Set up the database", "state": "done", "fraction": 1.0},
        {"id": "llm", "title": "Build the engine for language models", "state": "done", "fraction": 1.0},
        {"id": "small", "title": "Fetch the small chat model", "state": "running", "fraction": 0.71},
        {"id": "chat", "title": "Fetch the chat model", "state": "waiting"},
        {"id": "encoder", "title": "Install the engine for embeddings", "state": "waiting"},
    ],
}


@pytest.fixture(scope="module")
def folder() -> Path:
    path = Path(settings.BASE_DIR) / os.environ.get("SCREENSHOTS", "test-results/screenshots")
    path.mkdir(parents=True, exist_ok=True)
    return path


def take(chat: ChatPage, folder: Path, name: str) -> None:
    path = folder / f"{name}.png"
    # the caret blinks
    chat.page.screenshot(path=path, animations="disabled", caret="hide")
    assert path.stat().st_size > 20_000


def converse(chat: ChatPage, name: str, question: str, earlier: list[str]) -> None:
    chat.page.goto(chat.url + "/settings/")
    chat.page.locator("[name=display_name]").fill(name)
    chat.page.locator("[data-settings] [type=submit]").click()
    for words in earlier:
        chat.open()
        chat.ask(words)
        chat.answered()
    chat.open()
    chat.ask(question)
    chat.answered()
    chat.page.mouse.move(700, 20)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_conversation(new_visitor: NewVisitor, folder: Path, scheme: str) -> None:
    chat = new_visitor(color_scheme=scheme, **WIDE).chat()
    converse(chat, NAME, QUESTION, EARLIER)
    take(chat, folder, f"chat-{scheme}")


def test_in_chinese(new_visitor: NewVisitor, folder: Path) -> None:
    chat = new_visitor(locale="zh-CN", **WIDE).chat()
    converse(chat, NAME_ZH, QUESTION_ZH, EARLIER_ZH)
    take(chat, folder, "chat-zh")


def test_on_a_phone(new_visitor: NewVisitor, folder: Path) -> None:
    chat = new_visitor(**PHONE).chat()
    chat.field.fill(QUESTION)
    chat.page.get_by_role("button", name="Send").tap()
    chat.answered()
    chat.page.locator("body").evaluate("() => document.activeElement.blur()")
    take(chat, folder, "chat-phone")


def test_the_set_up(site: Site, new_visitor: NewVisitor, folder: Path) -> None:
    file = site.processes.folder / "data" / "run" / "status.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(SET_UP))
    try:
        chat = new_visitor(stranger=True, **WIDE).chat(None)
        chat.page.goto(chat.url + "/setup/")
        expect(chat.page.get_by_text("Fetch the small chat model")).to_be_visible()
        take(chat, folder, "setup")
    finally:
        file.unlink()
