"""The console's pages about the system, in a real browser, before the real supervisor with a real model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from chatplatform.testing.fixtures import TOKEN
from chatplatform.testing.site_process import SiteProcesses, free_port
from tests.browser.test_access import PHONE

pytestmark = [pytest.mark.model, pytest.mark.faults]

OWNER = """
import django
django.setup()
from django.test import Client
from chatplatform.accounts.models import User
from chatplatform.accounts.services import bootstrap_owner
user = bootstrap_owner()
browser = Client()
browser.force_login(user)
print(browser.cookies["sessionid"].value)
"""
COMES_BACK_MS = 120_000


@pytest.fixture(scope="module")
def supervised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcesses]:
    site = SiteProcesses(
        tmp_path_factory.mktemp("supervised"),
        engine_url="",
        engine_token=TOKEN,
        CHATPLATFORM_LLM_PORT=str(free_port()),
        CHATPLATFORM_ENCODER_PORT=str(free_port()),
        CHATPLATFORM_CHROMA_PORT=str(free_port()),
        CHATPLATFORM_CHAT_MODEL="smollm2-135m",
        CHATPLATFORM_QUICK_MODEL="smollm2-135m",
        CHATPLATFORM_CONTEXT_TOKENS="2048",
    )
    site.migrate()
    site.start("run")
    try:
        site.wait_for_web()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def session(supervised: SiteProcesses) -> str:
    return supervised.script(OWNER).splitlines()[-1]


@pytest.fixture
def page(browser: Browser, supervised: SiteProcesses, session: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": session, "url": supervised.url}])
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    yield opened
    context.close()
    assert problems == []


def ready(page: Page, url: str, *names: str) -> None:
    """Wait until these processes are ready, as the health page says."""
    page.goto(f"{url}/console/health/")
    for name in names:
        row = page.locator("tr", has=page.get_by_role("cell", name=name, exact=True))
        expect(row.get_by_text("Ready")).to_be_visible(timeout=COMES_BACK_MS)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("process", ["llm", "web", "worker"])
def test_a_pulled_plug_loses_nothing(supervised: SiteProcesses, page: Page, process: str) -> None:
    ready(page, supervised.url, "llm", "web", "worker")
    page.goto(f"{supervised.url}/console/plug/")
    page.locator(f".choice__item:has([value={process}])").click()
    page.get_by_role("button", name="Pull the plug").click()
    page.get_by_role("button", name="Kill it").click()
    log = page.locator("[data-plug-log]")
    expect(log).to_contain_text("kill -9", timeout=COMES_BACK_MS)
    verdict = page.locator("[data-plug-verdict]")
    expect(verdict).to_be_visible(timeout=2 * COMES_BACK_MS)
    expect(log).to_contain_text(f"{process} runs again after")
    expect(log).to_contain_text("The answer is complete.")
    words, jobs, _seconds = verdict.locator("b").all_inner_texts()
    assert (words, jobs) == ("0", "0"), log.inner_text()


@pytest.mark.timeout(200)
def test_health_fills_itself_and_is_live(supervised: SiteProcesses, page: Page) -> None:
    ready(page, supervised.url, "llm", "web", "worker")
    checks = page.locator(".findings .finding")
    expect(page.locator(".finding:not([data-level])")).to_have_count(0, timeout=60_000)
    assert checks.count() >= 15
    expect(page.locator("#check-databases")).to_have_attribute("data-level", "right")
    expect(page.locator("#check-llm")).to_contain_text("smollm2-135m")


@pytest.mark.timeout(200)
def test_models_say_why_they_cannot_be_chosen(supervised: SiteProcesses, page: Page) -> None:
    page.goto(f"{supervised.url}/console/models/")
    expect(page.get_by_text("set by CHATPLATFORM_CHAT_MODEL")).to_be_visible()
    card = page.locator('[data-model="qwen2.5-14b-instruct"]')
    card.get_by_role("button", name="Fetch").click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("Apache-2.0")
    dialog.get_by_role("button", name="Fetch").click()
    expect(dialog).to_be_visible()  # the licence is not accepted yet
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()


@pytest.mark.timeout(300)
def test_pictures(supervised: SiteProcesses, browser: Browser, session: str) -> None:
    """Every page, wide and on a phone, light and dark, in both languages: nothing overflows."""
    folder = Path(settings.BASE_DIR) / os.environ.get("SCREENSHOTS", "test-results/screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    looks: dict[str, dict[str, Any]] = {
        "light": {"viewport": {"width": 1280, "height": 900}},
        "dark-zh": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark", "locale": "zh-CN"},
        "phone": PHONE,
        "phone-zh": PHONE | {"locale": "zh-CN", "color_scheme": "dark"},
    }
    for look, options in looks.items():
        context = browser.new_context(**options)
        context.add_cookies([{"name": "sessionid", "value": session, "url": supervised.url}])
        opened = context.new_page()
        for name, path in {"overview": "", "health": "health/", "models": "models/", "plug": "plug/"}.items():
            opened.goto(f"{supervised.url}/console/{path}")
            expect(opened.locator("[hx-trigger=load]")).to_have_count(0, timeout=60_000)
            width = opened.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert width[0] <= width[1], (look, name)
            opened.screenshot(path=folder / f"console-{name}-{look}.png", full_page=True)
        context.close()
