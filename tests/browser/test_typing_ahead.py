"""What keys open takes the next letters at once, though the script that makes it work is still on its way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import ChatPage


@contextmanager
def held_back(page: Page, script: str) -> Iterator[None]:
    """Let `script` come at the end of the block only, as it does over a slow line."""
    waiting: list[Route] = []
    is_held = True
    page.route(f"**/js/{script}*.js", lambda route: waiting.append(route) if is_held else route.continue_())
    yield
    for _ in range(300):
        if waiting:
            break
        page.wait_for_timeout(50)
    assert waiting, f"nobody asked for {script}"
    is_held = False
    for route in waiting:
        route.continue_()


def test_what_is_done_before_the_scripts_are_there_happens_after_them(chat: ChatPage) -> None:
    page = chat.page
    with held_back(page, "chat"):
        page.reload(wait_until="commit")
        chat.field.fill("Typed before anything worked")
        page.get_by_role("button", name="Close the sidebar").click()
        expect(page.locator("#sidebar")).to_be_visible()
    expect(page.locator("#sidebar")).to_be_hidden()
    expect(chat.field).to_have_value("Typed before anything worked")
    chat.field.press("Enter")
    expect(chat.questions).to_contain_text(["Typed before anything worked"])
    assert chat.reports() == []


def test_early_keys_and_words_count_in_settings(chat: ChatPage) -> None:
    page = chat.page
    page.goto(chat.url + "/settings/chat/")
    field = page.get_by_label("New chat", exact=True)
    with held_back(page, "shortcut_fields"):
        page.reload(wait_until="commit")
        field.focus()
        page.keyboard.press("Control+k")
        page.get_by_label("Conversation below", exact=True).fill("Ctrl+K")
    expect(field).to_have_value("Ctrl+K")
    expect(page.locator("#warning-new-chat")).to_have_text("Two actions have these keys.")


def test_the_palette_takes_what_follows_its_keys(chat: ChatPage) -> None:
    page, keys = chat.page, chat.page.keyboard
    chat.field.focus()
    with held_back(page, "palette"):
        keys.press("Control+k")
        keys.type("shortcuts")
        keys.press("Enter")
        expect(page.get_by_role("combobox", name="Command palette")).to_have_value("shortcuts")
        expect(chat.field).to_have_value("")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    expect(chat.questions).to_have_count(0)
    keys.press("Escape")
    expect(chat.field).to_be_focused()
    # opened again, it begins anew
    keys.press("Control+k")
    expect(page.get_by_role("combobox", name="Command palette")).to_have_value("")
    keys.press("Control+k")
    expect(page.locator("#palette")).to_be_hidden()
    expect(chat.field).to_be_focused()
    assert chat.reports() == []


def test_the_list_of_shortcuts_has_the_next_escape(chat: ChatPage) -> None:
    page, keys = chat.page, chat.page.keyboard
    chat.ask("[[tokens=3000 delay_ms=30]] Slowly")
    chat.wait_for_text("w2")
    with held_back(page, "shortcut_list"):
        keys.press("Control+k")
        keys.type("show the shortcuts")
        keys.press("Enter")
        expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        keys.press("Escape")
        expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()
    expect(chat.field).to_be_focused()
    expect(page.locator("[data-running]")).to_have_count(1)
    keys.press("Escape")
    chat.answered()
    assert chat.reports() == []


def test_the_search_takes_what_follows_its_keys(chat: ChatPage) -> None:
    page, keys = chat.page, chat.page.keyboard
    chat.ask("[[tokens=2]] about kayaks")
    chat.answered()
    with held_back(page, "search"):
        keys.press("Control+Shift+F")
        keys.type("kayaks")
        keys.press("Enter")
        expect(chat.field).to_have_value("")
    finder = page.get_by_role("dialog", name="Search the conversations")
    expect(finder.locator(".hit__text")).to_have_count(1)
    expect(finder.get_by_role("searchbox")).to_have_value("kayaks")
    keys.press("Escape")
    expect(chat.questions).to_have_count(1)
    assert chat.reports() == []


def test_a_message_is_reworded_while_its_editor_is_loaded(chat: ChatPage) -> None:
    page, keys = chat.page, chat.page.keyboard
    chat.ask("[[tokens=2]] about")
    chat.answered()
    chat.field.focus()
    with held_back(page, "editor"):
        keys.press("Alt+Shift+E")
        keys.type(" kayaks")
        expect(chat.field).to_have_value("")
        keys.press("Control+Enter")
    expect(page.locator("[data-editor]")).to_have_count(0)
    expect(chat.questions).to_contain_text(["about kayaks"])
    chat.answered()
    expect(page.locator("[data-walker]:visible [data-place]")).to_have_text("2 / 2")
    assert chat.reports() == []


def test_a_folder_is_named_while_its_dialog_is_loaded(chat: ChatPage) -> None:
    page, keys = chat.page, chat.page.keyboard
    with held_back(page, "organise"):
        page.get_by_role("button", name="New folder").focus()
        keys.press("Enter")
        keys.type("Trips")
        keys.press("Enter")
    expect(page.locator(".place__name", has_text="Trips")).to_be_visible()
    expect(page.get_by_role("dialog", name="New folder")).to_be_hidden()
    expect(page.get_by_role("button", name="New folder")).to_be_focused()
    assert chat.reports() == []


def test_a_dialog_that_opens_again_at_once_gives_the_focus_back_all_the_same(chat: ChatPage) -> None:
    page, keys = chat.page, chat.page.keyboard
    opener = page.get_by_role("button", name="New folder")
    dialog = page.get_by_role("dialog", name="New folder")
    opener.focus()
    keys.press("Enter")
    expect(dialog.get_by_label("Name")).to_be_focused()
    page.wait_for_timeout(300)  # what makes it work is there
    # where the machine is busy, keys come before what was to be told of its closing
    page.evaluate(
        """() => {
          document.getElementById("folder-dialog").close();
          document.querySelector('[data-action="new-folder"]').click();
        }"""
    )
    keys.type("Trips")
    keys.press("Enter")
    expect(page.locator(".place__name", has_text="Trips")).to_be_visible()
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_what_cannot_be_loaded_goes_away_again(chat: ChatPage) -> None:
    page, keys = chat.page, chat.page.keyboard
    chat.ask("[[tokens=2]] Hello")
    chat.answered()
    chat.field.focus()
    for script, opening in {
        "palette": "Control+k",
        "search": "Control+Shift+F",
        "editor": "Alt+Shift+E",
    }.items():
        page.route(f"**/js/{script}*.js", lambda route: route.abort())
        keys.press(opening)
        expect(page.locator(".toast")).to_have_count(1)
        expect(page.locator("dialog[open], [data-editor]")).to_have_count(0)
        expect(chat.questions.locator("[data-body]")).to_be_visible()
        page.locator(".toast").evaluate("(toast) => toast.remove()")
    assert chat.reports() == []
