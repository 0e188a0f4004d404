"""Files in the chat, as a person attaches, follows, opens and sends them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import FilePayload, Locator, expect

from tests.browser.conftest import ChatPage, NewVisitor, Site
from tests.unit.documents import made

# what a person would drop or paste, made in the page
GIVE = """([kind, name, type, size]) => {
  const given = new DataTransfer();
  if (name) {
    const part = new Blob(["The Fjord weighs 1.8 kg.\\n".padEnd(Math.min(size, 2 ** 20), "x")]);
    const parts = Array(Math.max(1, Math.floor(size / 2 ** 20))).fill(part);
    given.items.add(new File(parts, name, { type }));
  } else {
    given.setData("text/plain", "The Fjord weighs 1.8 kg. ".repeat(size / 25));
  }
  const began = performance.now();
  if (kind === "paste") {
    const field = document.getElementById("message");
    field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: given, bubbles: true, cancelable: true }));
  } else {
    const place = document.querySelector("[data-log]");
    for (const name of ["dragenter", "dragover", "drop"])
      place.dispatchEvent(new DragEvent(name, { dataTransfer: given, bubbles: true, cancelable: true }));
  }
  return performance.now() - began;
}"""


@pytest.fixture(scope="module")
def worker(site: Site) -> Iterator[None]:
    site.processes.start("worker", known_as="file-worker")
    yield
    site.processes.kill("file-worker")


def chips(chat: ChatPage) -> Locator:
    return chat.page.locator(".composer [data-chip]")


def chip(chat: ChatPage, name: str) -> Locator:
    return chips(chat).filter(has_text=name)


def attach(chat: ChatPage, *files: FilePayload) -> None:
    chat.page.locator("[data-file-input]").set_input_files(list(files))


def give(chat: ChatPage, kind: str, name: str = "", type_: str = "text/plain", size: int = 30) -> float:
    took: float = chat.page.evaluate(GIVE, [kind, name, type_, size])
    return took


def test_files_from_every_door_to_the_answer(new_visitor: NewVisitor, worker: None) -> None:
    chat = new_visitor().chat()
    page = chat.page
    attach(chat, {"name": "tents.docx", "mimeType": "application/msword", "buffer": made.word()})
    expect(chip(chat, "tents.docx")).to_have_attribute("data-state", "ready")
    give(chat, "drop", "<b>dropped</b>.txt")
    expect(chip(chat, "b dropped b .txt").or_(chip(chat, "<b>dropped</b>.txt"))).to_have_count(1)
    assert give(chat, "paste", size=5_000_000) < 1000
    expect(page.get_by_text("The long text was attached as a file.")).to_be_visible()
    expect(chip(chat, "Pasted text.txt")).to_have_attribute("data-state", "ready")
    expect(chat.field).to_have_value("")

    # what cannot go says why, before it is sent, and keeps nothing from being removed
    give(chat, "drop", "film.txt", size=2**31)
    expect(chip(chat, "film.txt")).to_contain_text("larger than 25 MB")
    give(chat, "paste", "photo.png", "image/png")
    expect(chip(chat, "photo.png")).to_contain_text("cannot see pictures")
    attach(chat, {"name": "scan.pdf", "mimeType": "application/pdf", "buffer": made.pdf("")})
    expect(chip(chat, "scan.pdf")).to_contain_text("holds no text")
    chat.field.fill("[[tokens=3]] How heavy is the tent?")
    chat.field.press("Enter")
    expect(page.locator("[data-failure]")).to_contain_text("Remove the file that cannot be read")
    for name in ("film.txt", "photo.png"):
        chip(chat, name).get_by_role("button", name="Remove").click()
    chip(chat, "scan.pdf").get_by_role("button", name="Remove").press("Enter")
    expect(page.get_by_role("button", name="Remove Pasted text.txt")).to_be_focused()

    # what was read of it, and how the model is to get it
    opener = chip(chat, "tents.docx").locator("[data-open]")
    opener.click()
    dialog = page.get_by_role("dialog", name="tents.docx")
    expect(dialog.get_by_role("heading", name="Tents", exact=True)).to_be_visible()
    expect(dialog.get_by_text("The Fjord weighs 1.8 kg.")).to_be_visible()
    dialog.get_by_label("Whole text").check()
    expect(dialog.get_by_text("Saved.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()

    # files wait through a reload, go with the message, and say how the model got them
    page.reload()
    expect(chips(chat)).to_have_count(3)
    chat.field.press("Enter")
    chat.answered()
    expect(chips(chat)).to_have_count(0)
    sent = chat.questions.first.locator("[data-chip]")
    expect(sent).to_have_count(3)
    expect(sent.filter(has_text="tents.docx")).to_contain_text("Whole text")
    expect(sent.filter(has_text="Pasted text.txt")).to_contain_text("passages")
    # an answer that cites none of many passages names a few, and the others on demand
    sources = chat.last_answer.locator(".source-chip")
    expect(sources).to_have_count(5)
    page.get_by_role("button", name="more sources").click()
    expect(sources.nth(4)).to_be_focused()
    assert sources.count() > 5
    page.reload()
    expect(sent.filter(has_text="tents.docx")).to_contain_text("Whole text")
    sent.filter(has_text="tents.docx").locator("[data-open]").click()
    expect(dialog.get_by_text("The model got the whole text.")).to_be_visible()
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Save the file").click()
    assert download.value.suggested_filename == "tents.docx"
    assert download.value.path().read_bytes()[:2] == b"PK"
    assert chat.reports() == []
    assert chat.foreign_requests == []


def test_uploads_show_their_way_can_be_called_off_and_tried_again(
    new_visitor: NewVisitor, worker: None
) -> None:
    visitor = new_visitor(viewport={"width": 360, "height": 740}, has_touch=True)
    chat = visitor.chat()
    page = chat.page
    network = visitor.context.new_cdp_session(page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 300_000}
    network.send("Network.emulateNetworkConditions", slow)
    give(chat, "drop", "large.txt", size=6 * 2**20)
    expect(chip(chat, "large.txt")).to_contain_text("Uploading:")
    chat.field.fill("Hm?")
    page.locator("[data-send]").click()
    expect(page.locator("[data-failure]")).to_contain_text("Wait until the files have arrived")
    page.get_by_role("button", name="Remove large.txt").click()
    expect(chips(chat)).to_have_count(0)
    expect(chat.field).to_be_focused()
    network.send("Network.emulateNetworkConditions", {**slow, "offline": True, "uploadThroughput": -1})
    give(chat, "drop", "lost.txt")
    expect(chip(chat, "lost.txt")).to_contain_text("did not arrive")
    network.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    chip(chat, "lost.txt").get_by_role("button", name="Send it again", exact=True).click()
    expect(chip(chat, "lost.txt")).to_have_attribute("data-state", "ready")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
