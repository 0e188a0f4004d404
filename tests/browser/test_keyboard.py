"""The chat by keyboard alone: what is needed is reached with Tab, seen when it has the focus, and left again to
where one came from. Escape closes one thing at a time.

There is no pointer in this file: nothing is clicked, hovered or focused by the script.
"""

from __future__ import annotations

from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.conftest import ChatPage, NewVisitor, Site
from tests.browser.test_sharing import POLICY

MOST_TABS = 90
# an outline around what has the focus, or around the label that stands for it; else the accent around its field
SHOWS_FOCUS = """() => {
  const element = document.activeElement;
  if (element === document.body || !element.checkVisibility()) return false;
  const outlined = (one) =>
    one && getComputedStyle(one).outlineStyle !== "none" && parseFloat(getComputedStyle(one).outlineWidth) > 0;
  if (outlined(element) || outlined(element.nextElementSibling)) return true;
  const field = element.closest(".composer__box, .editor, .finder__form, .palette__field");
  if (!field) return false;
  const probe = field.appendChild(document.createElement("i"));
  probe.style.color = "var(--accent)";
  const accent = getComputedStyle(probe).color;
  probe.remove();
  return getComputedStyle(field).borderBottomColor === accent;
}"""
TENTS: FilePayload = {
    "name": "tents.txt",
    "mimeType": "text/plain",
    "buffer": b"The Fjord weighs 1.8 kg.",
}


class Keyboard:
    """A person with a keyboard before the page."""

    def __init__(self, chat: ChatPage) -> None:
        self.page: Page = chat.page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, words: str) -> None:
        self.page.keyboard.type(words)

    def has(self, locator: Locator) -> bool:
        return locator.count() == 1 and bool(locator.evaluate("(one) => one === document.activeElement"))

    def sees_focus(self) -> bool:
        # Chromium fades borders in
        self.page.wait_for_timeout(150)
        return bool(self.page.evaluate(SHOWS_FOCUS))

    def reach(self, locator: Locator, key: str = "Tab") -> None:
        """Go on with Tab until it has the focus, and see that it has."""
        expect(locator).to_be_attached()
        for _step in range(MOST_TABS):
            if self.has(locator):
                break
            self.press(key)
        expect(locator).to_be_focused()
        expect(locator).to_be_in_viewport()
        assert self.sees_focus(), f"nobody sees that {locator} has the focus"

    def back_to(self, locator: Locator) -> None:
        self.reach(locator, "Shift+Tab")

    def use(self, locator: Locator, key: str = "Tab") -> None:
        self.reach(locator, key)
        self.press("Enter")

    def choose(self, name: str) -> None:
        """An item of the menu that is open."""
        item = self.page.get_by_role("menuitem", name=name, exact=True)
        expect(item).to_be_visible()
        for _step in range(20):
            if self.has(item):
                break
            self.press("ArrowDown")
        expect(item).to_be_focused()
        self.press("Enter")

    def say(self, words: str) -> None:
        self.type(words)
        self.press("Enter")


def foot(chat: ChatPage, message: int, name: str) -> Locator:
    return chat.page.locator(".message").nth(message).get_by_role("button", name=name, exact=True)


def test_writing_rewording_and_branching(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    page, keys = chat.page, Keyboard(chat)
    expect(chat.field).to_be_focused()
    keys.say("[[tokens=3]] First")
    chat.answered()
    keys.press("Control+Shift+O")
    expect(page.locator("[data-welcome]")).to_be_visible()
    expect(chat.field).to_be_focused()
    keys.say("[[tokens=3]] Frist")
    chat.answered()
    expect(chat.field).to_be_focused()

    # other words: given up, then answered
    keys.press("Alt+Shift+E")
    editor = page.get_by_label("Your message in other words")
    expect(editor).to_be_focused()
    assert keys.sees_focus()
    keys.press("Escape")
    expect(editor).to_have_count(0)
    expect(foot(chat, 0, "Edit")).to_be_focused()
    keys.press("Enter")
    expect(editor).to_be_focused()
    keys.press("Control+A")
    keys.type("[[tokens=2 word=two]] First")
    keys.press("Control+Enter")
    chat.wait_for_text("two1")
    assert chat.answered() == "two0 two1"

    # the versions
    before = page.locator(".message--user").get_by_role("button", name="Version before")
    keys.back_to(before)
    keys.press("ArrowLeft")
    expect(chat.last_answer.locator("[data-body]")).to_have_text("w0 w1 w2")
    expect(page.locator("[data-walker] :focus")).to_be_attached()
    keys.press("ArrowRight")
    expect(chat.last_answer.locator("[data-body]")).to_have_text("two0 two1")

    # a menu that is left with Escape, and a branch
    more = foot(chat, 1, "More")
    keys.use(more)
    expect(page.get_by_role("menuitem", name="Copy", exact=True)).to_be_focused()
    keys.press("Escape")
    expect(more).to_be_focused()
    address = page.url
    keys.press("Enter")
    keys.choose("Branch into a new chat")
    expect(page).not_to_have_url(address)
    expect(chat.answers).to_have_count(1)
    keys.press("Shift+Escape")
    expect(chat.field).to_be_focused()
    assert chat.reports() == []


def test_files_and_a_folder(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    page, keys = chat.page, Keyboard(chat)
    # on a busy machine a key overtakes the wish to be told of choosers: that comes well before it
    page.on("filechooser", lambda chooser: chooser.set_files([TENTS]))
    keys.back_to(page.get_by_role("button", name="Attach files"))
    keys.press("Enter")
    remove = page.get_by_role("button", name="Remove tents.txt")
    keys.back_to(remove)
    keys.press("Enter")
    expect(remove).to_have_count(0)
    expect(chat.field).to_be_focused()
    keys.say("[[tokens=2]] about tents")
    chat.answered()
    keys.press("Control+Shift+O")
    keys.say("[[tokens=2]] about boots")
    chat.answered()
    expect(page.locator("[data-list] .conversation")).to_have_count(2)

    # a folder; the dialog gives the focus back
    opener = page.get_by_role("button", name="New folder")
    keys.back_to(opener)
    keys.press("Enter")
    dialog = page.get_by_role("dialog", name="New folder")
    expect(dialog.get_by_label("Name")).to_be_focused()
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    keys.press("Enter")
    expect(dialog.get_by_label("Name")).to_be_focused()
    keys.say("Trips")
    expect(page.locator(".place__name", has_text="Trips")).to_be_visible()
    expect(opener).to_be_focused()

    # moved there by its menu, and tagged
    more = page.locator("[data-list] .conversation").last.locator('[data-action="conversation-menu"]')
    keys.use(more)
    keys.choose("Tags")
    dialog = page.get_by_role("dialog", name="Tags")
    keys.reach(dialog.get_by_label("New tag"))
    keys.say("outdoors")
    expect(page.locator(".tag-list .tag", has_text="outdoors")).to_be_visible()
    expect(more).to_be_focused()
    assert chat.reports() == []


def test_waiting_messages_are_taken_back(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    page, keys = chat.page, Keyboard(chat)
    keys.say("[[tokens=3000 delay_ms=30]] First")
    chat.wait_for_text("w1")
    for words in ("Second [[tokens=1]]", "Third [[tokens=1]]"):
        keys.say(words)
    waiting = page.locator("[data-queued-id]")
    expect(waiting).to_have_count(2)
    keys.back_to(waiting.last.get_by_role("button", name="Take back"))
    keys.press("Enter")
    expect(waiting).to_have_count(1)
    expect(chat.field).to_be_focused()
    expect(chat.field).to_have_value("Third [[tokens=1]]")
    keys.press("Control+A", "Delete")
    # what is sent by itself takes its button away, and leaves nobody nowhere
    keys.back_to(waiting.get_by_role("button", name="Take back"))
    elsewhere = visitor.chat(page.url.removeprefix(chat.url))
    elsewhere.wait_for_text("w1")
    Keyboard(elsewhere).press("Escape")
    chat.answered(2)
    expect(waiting).to_have_count(0)
    expect(chat.field).to_be_focused()
    assert chat.reports() == []


def test_finding_and_choosing_several(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    page, keys = chat.page, Keyboard(chat)
    for words in ("[[tokens=2]] about kayaks", "[[tokens=2]] about boots"):
        keys.press("Control+Shift+O")
        keys.say(words)
        chat.answered()
    # found by the beginning of a word, and gone to
    keys.press("Control+Shift+F")
    finder = page.get_by_role("dialog", name="Search the conversations")
    expect(finder.get_by_role("searchbox")).to_be_focused()
    keys.press("Escape")
    expect(finder).to_be_hidden()
    expect(chat.field).to_be_focused()
    keys.press("Control+Shift+F")
    expect(finder.get_by_role("searchbox")).to_be_focused()
    keys.type("kay")
    expect(finder.locator(".hit__text")).to_have_count(1)
    hit = finder.locator(".hit", has=page.locator(".hit__text"))
    for _step in range(3):
        if not keys.has(hit):
            keys.press("ArrowDown")
    expect(hit).to_be_focused()
    assert keys.sees_focus()
    keys.press("Enter")
    expect(finder).to_be_hidden()
    expect(chat.questions).to_contain_text(["about kayaks"])
    expect(page.locator(".message--found")).to_be_focused()

    # both into the archive, and back
    items = page.locator("[data-list] .conversation")
    keys.use(items.first.locator('[data-action="conversation-menu"]'), "Shift+Tab")
    keys.choose("Select several")
    boxes = page.locator(".conversation__check")
    expect(boxes.first).to_be_focused()
    keys.reach(boxes.last)
    keys.press("Space")
    expect(page.locator(".selection__count")).to_contain_text("2")
    keys.use(page.get_by_role("button", name="Move to the archive"))
    expect(items).to_have_count(0)
    expect(page.locator(".selection")).to_have_count(0)
    expect(page.locator(":focus")).to_be_attached()
    keys.use(page.get_by_role("button", name="Undo"))
    expect(items).to_have_count(2)
    assert chat.reports() == []


def test_sharing_looking_inside_and_judging(site: Site, new_visitor: NewVisitor) -> None:
    site.processes.script(POLICY)
    chat = new_visitor().chat()
    page, keys = chat.page, Keyboard(chat)
    keys.say("[[tokens=3]] Hello")
    chat.answered()

    share = page.locator("header").get_by_role("button", name="Share")
    keys.back_to(share)
    keys.press("Enter")
    dialog = page.get_by_role("dialog", name="Share the conversation")
    expect(dialog.get_by_role("radio").first).to_be_focused()
    keys.use(dialog.get_by_role("button", name="Make a link"))
    expect(dialog.locator("[data-link]")).to_be_focused()
    keys.use(dialog.get_by_role("button", name="Revoke"))
    expect(dialog.locator("[data-link]")).to_have_count(0)
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(share).to_be_focused()

    opener = page.locator(".conversation").first.locator('[data-action="conversation-menu"]')
    keys.back_to(opener)
    keys.press("Enter")
    keys.choose("Export…")
    dialog = page.get_by_role("dialog", name="Export")
    keys.reach(dialog.get_by_role("radio", name="Markdown"))
    keys.press("ArrowDown")
    with page.expect_download() as download:
        keys.use(dialog.get_by_role("button", name="Export"))
    assert download.value.suggested_filename.endswith(".html")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()

    gauge = page.locator('[data-action="inside"]')
    keys.reach(gauge)
    keys.press("Enter")
    drawer = page.get_by_role("dialog", name="Look inside")
    expect(page.locator("#inside-title")).to_be_focused()
    keys.reach(drawer.get_by_text("The exact text"))
    keys.press("Escape")
    expect(drawer).to_be_hidden()
    expect(gauge).to_be_focused()

    good = foot(chat, 1, "Good answer")
    keys.reach(good)
    keys.press("Enter")
    dialog = page.get_by_role("dialog", name="Your verdict is noted")
    keys.reach(dialog.get_by_role("checkbox").first)
    keys.press("Space")
    expect(dialog.get_by_role("checkbox").first).to_be_checked()
    keys.use(dialog.get_by_role("button", name="Save"))
    expect(dialog).to_be_hidden()
    expect(good).to_be_focused()
    expect(good).to_have_attribute("aria-pressed", "true")

    badge = page.locator('[data-action="outbound"]')
    keys.back_to(badge)
    keys.press("Enter")
    expect(page.get_by_role("dialog", name="What left this machine")).to_be_visible()
    keys.press("Escape")
    expect(badge).to_be_focused()
    assert chat.reports() == []


def test_a_temporary_chat_is_kept(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    page, keys = chat.page, Keyboard(chat)
    keys.use(page.get_by_role("button", name="Temporary chat"), "Shift+Tab")
    expect(page.get_by_role("region", name="Temporary chat")).to_be_visible()
    expect(page.locator(":focus")).to_be_attached()
    keys.reach(chat.field)
    keys.say("[[tokens=3]] Between us")
    chat.answered()
    # leaving is asked about, and Escape stays
    keys.press("Control+Shift+O")
    dialog = page.get_by_role("dialog", name="Leave the temporary chat?")
    expect(dialog).to_be_visible()
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(chat.field).to_be_focused()
    keys.use(page.get_by_role("button", name="Keep this chat"), "Shift+Tab")
    expect(page.get_by_role("region", name="Temporary chat")).to_be_hidden()
    expect(page.locator(".conversation")).to_have_count(1)
    expect(chat.field).to_be_focused()
    chat.errors.clear()  # the browser's own question before a page is left


def test_the_palette_and_keys_of_ones_own(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    page, keys = chat.page, Keyboard(chat)
    keys.press("Control+k")
    field = page.get_by_role("combobox", name="Command palette")
    expect(field).to_be_focused()
    assert keys.sees_focus()
    keys.press("Escape")
    expect(field).to_be_hidden()
    expect(chat.field).to_be_focused()
    keys.press("Control+k")
    keys.type("shortcuts")
    keys.press("Enter")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(chat.field).to_be_focused()
    keys.press("Control+k")
    keys.type("shortcuts")
    keys.press("Enter")
    keys.use(dialog.get_by_role("link", name="Change them"))
    row = page.get_by_label("New chat", exact=True)
    keys.reach(row)
    keys.press("Alt+Shift+n")
    expect(row).to_have_value("Alt+Shift+N")
    keys.use(page.get_by_role("button", name="Save"))
    expect(page.get_by_text("Saved.")).to_be_visible()
    keys.use(page.get_by_role("link", name="Back to the chat"))
    expect(page.locator("html[data-ready]")).to_be_attached()
    keys.say("[[tokens=2]] Hello")
    chat.answered()
    keys.press("Alt+Shift+n")
    expect(page.locator("[data-welcome]")).to_be_visible()
    assert chat.reports() == []


def test_escape_closes_one_thing_at_a_time(new_visitor: NewVisitor) -> None:
    """On a narrow page, where the sidebar is a drawer over the chat."""
    chat = new_visitor(viewport={"width": 600, "height": 800}).chat()
    page, keys = chat.page, Keyboard(chat)
    keys.say("[[tokens=2]] Hello")
    chat.answered()
    drawer = page.locator("[data-shell][data-drawer=open]")
    keys.press("Control+Shift+S")
    expect(drawer).to_be_attached()
    # a dialog above it
    keys.reach(page.locator(".conversation").first.locator('[data-action="conversation-menu"]'))
    keys.press("Enter")
    keys.choose("Rename")
    dialog = page.get_by_role("dialog", name="Rename")
    expect(dialog).to_be_visible()
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(drawer).to_be_attached()
    # a menu above it
    keys.press("Enter")
    expect(page.get_by_role("menu", name="Conversation")).to_be_visible()
    keys.press("Escape")
    expect(page.get_by_role("menu", name="Conversation")).to_be_hidden()
    expect(drawer).to_be_attached()
    # several chosen in it
    keys.press("Enter")
    keys.choose("Select several")
    expect(page.locator(".conversation__check:focus")).to_be_attached()
    keys.press("Escape")
    expect(page.locator(".selection")).to_have_count(0)
    expect(drawer).to_be_attached()
    keys.press("Escape")
    expect(drawer).to_have_count(0)
    expect(page.locator('[data-action="open-drawer"]')).to_be_focused()
    # the answer is stopped, and the drawer on it stays
    page.set_viewport_size({"width": 1280, "height": 800})
    keys.press("Shift+Escape")
    keys.say("[[tokens=3000 delay_ms=20]] Slowly")
    chat.wait_for_text("w2")
    keys.use(page.locator('[data-action="inside"]'), "Shift+Tab")
    inside = page.get_by_role("dialog", name="Look inside")
    expect(inside).to_be_visible()
    keys.press("Shift+Escape")
    expect(chat.field).to_be_focused()
    keys.press("Escape")
    chat.answered(2)
    expect(inside).to_be_visible()
    keys.press("Escape")
    expect(inside).to_be_hidden()
    assert chat.reports() == []


def test_the_menu_of_a_conversation_is_there_for_the_very_next_key(new_visitor: NewVisitor) -> None:
    """Else a quick hand's Enter and what it types after it go somewhere else."""
    chat = new_visitor().chat()
    chat.ask("[[tokens=3]] quick")
    chat.answered()
    button = chat.page.get_by_role("button", name="Rename, move or delete").first
    button.focus()
    button.press("Enter")
    expect(chat.page.get_by_role("menuitem", name="Rename")).to_be_focused()
    chat.page.keyboard.press("Escape")
    expect(button).to_be_focused()
    assert button.evaluate("(it) => (it.click(), document.activeElement.getAttribute('role'))") == "menuitem"
