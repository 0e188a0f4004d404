"""The chat's craft in a real browser: formulas, tables, code, diagrams; sources, verdicts, palette, keys, notices."""

from __future__ import annotations

import base64
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.clipboard import pasted
from tests.browser.conftest import ChatPage, NewVisitor, Site

RICH = (
    r"""Inline \(a^2+b^2\) and a block:

$$
\begin{aligned} f(x) &= (x+1)^2 \\ &= x^2+2x+1 \end{aligned}
$$

| Tent | People | A rather long heading that makes the table wide | Another heading that is long | Weight |
| :--- | :---: | --- | --- | ---: |
| Heron 2 | 2 | needs not wrap at all when the table scrolls | neither does this one, however long | 1.9 kg |
| =Finch 2 | 2 | x | "y" | 1.2 kg |

```mermaid
graph TD; A[Ask]-->B{Known?}; B-->|yes| C[Answer]; B-->|no| D[Look it up];
```

```mermaid
this is no diagram
```

مرحبا بالعالم، كيف حالك؟

```python
"""
    + "\n".join(f"line_{number} = {number}" for number in range(60))
    + "\n```\n\n🏕️👩‍👩‍👧 done"
)

# Gives the conversation's answer two sources, and a table that is far too long.
PREPARE = """
import sys
import django
django.setup()
from uuid import UUID
from chatplatform.accounts.models import Membership
from chatplatform.chat.content import sealed_message
from chatplatform.chat.models import Message, Turn
from chatplatform.chat.sources.passages import Source
from chatplatform.chat.sources.services import keep_sources
from chatplatform.common.scope import workspace_scope
from chatplatform.privacy.subjects import Subject
with workspace_scope(Membership.objects.order_by("created_at").first().workspace_id):
    turn = Turn.objects.filter(conversation_id=UUID(sys.argv[1])).order_by("created_at").last()
    keep_sources(turn.id, [
        Source(number=1, kind="file", title="Tents.pdf", page=3, passage="The Heron 2 weighs 1.9 kg.",
               before="All weights are with poles. ", after=" The Finch 2 is lighter."),
        Source(number=2, kind="web", title="<img src=x onerror=alert(1)>", passage="<script>alert(1)</script>",
               url="https://shop.example/hours"),
    ])
    table = "| n | square |\\n| --- | ---: |\\n" + "".join(f"| {n} | {n * n} |\\n" for n in range(10_000))
    text = "It is light [1], says the shop [2], and nobody [3].\\n\\n" + table
    content = sealed_message(Subject.person(turn.owner_id), turn.answer_id, text)
    Message.objects.filter(id=turn.answer_id).update(content=content)
"""


def say(chat: ChatPage, answer: str) -> None:
    """Have the scripted engine answer with just this."""
    chat.ask(f"[[say={base64.urlsafe_b64encode(answer.encode()).decode()}]]")
    chat.answered()


def fits(page: Page) -> bool:
    fitting: bool = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return fitting


def test_answers_are_dressed_and_can_be_taken_away(new_visitor: NewVisitor) -> None:
    chat = new_visitor(permissions=["clipboard-read", "clipboard-write"]).chat()
    page = chat.page
    say(chat, RICH)
    answer = chat.last_answer
    expect(answer.locator("math")).to_have_count(2)
    assert (
        page.locator(".prose > p", has_text="مرحبا").evaluate("(p) => getComputedStyle(p).direction") == "rtl"
    )

    box = answer.locator(".table-box")
    box.get_by_role("button", name="Copy as CSV").click()
    expect(box.get_by_role("button", name="Copied")).to_be_visible()
    pasted(page, lambda words: words.endswith('\'=Finch 2,2,x,"""y""",1.2 kg'))
    box.get_by_role("button", name="Copy the table").click()
    pasted(page, lambda html: "<td>1.9 kg</td>" in html, "text/html")
    pasted(page, lambda words: words.startswith("Tent\t"))

    diagrams = answer.locator(".code", has=page.get_by_role("button", name="Diagram"))
    diagrams.first.get_by_role("button", name="Diagram").click()
    expect(page.locator(".diagram[data-drawn]")).to_have_count(1)
    frame = page.frame_locator(".diagram__frame")
    expect(frame.locator("svg")).to_contain_text("Look it up")
    assert page.locator(".diagram__frame").get_attribute("sandbox") == "allow-scripts"
    inside = next(each for each in page.frames if each.url.endswith("/diagrams/frame/"))
    escaped = inside.evaluate(
        """async () => {
          const tried = {origin: self.origin};
          try { tried.parent = parent.document.title; } catch { tried.parent = null; }
          try { tried.fetched = (await fetch("/api/me")).status; } catch { tried.fetched = null; }
          return tried;
        }"""
    )
    assert escaped == {"origin": "null", "parent": None, "fetched": None}
    diagrams.nth(1).get_by_role("button", name="Diagram").click()
    expect(diagrams.nth(1).locator("[data-problem]")).to_be_visible()

    code = answer.locator(".code").last
    expect(code.get_by_role("button", name="Show all 60 lines")).to_be_visible()
    code.get_by_role("button", name="Show all 60 lines").click()
    code.get_by_role("button", name="Wrap long lines").click()
    expect(code.get_by_role("button", name="Wrap long lines")).to_have_attribute("aria-pressed", "true")
    assert code.locator("pre").evaluate("(pre) => getComputedStyle(pre).whiteSpace") == "pre-wrap"

    answer.hover()
    answer.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Copy with formatting").click()
    html = pasted(page, lambda html: "<math" in html, "text/html")
    assert not re.search(r"<button|<iframe|class=\"code__bar|tabindex", html)
    pasted(page, lambda words: words == RICH)

    page.emulate_media(media="print")
    expect(page.locator("#message")).not_to_be_visible()
    expect(page.locator("#sidebar")).not_to_be_visible()
    expect(answer.locator("table")).to_be_visible()
    expect(chat.questions.first.get_by_role("heading", name="You")).to_be_visible()
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 360, "height": 740})
    assert fits(page)
    assert chat.foreign_requests == []
    # the two attempts to reach out of the frame happened in the frame
    assert chat.reports() == []


def test_sources_verdicts_and_a_table_without_end(new_visitor: NewVisitor, site: Site) -> None:
    chat = new_visitor().chat()
    page = chat.page
    chat.ask("[[tokens=3]] How heavy is it?")
    chat.answered()
    identity = re.search(r"/c/([0-9a-f-]+)/$", page.url)
    assert identity
    site.processes.script(PREPARE, identity[1])
    page.add_init_script(
        "window.longest = 0; new PerformanceObserver((list) => { for (const task of list.getEntries())"
        " longest = Math.max(longest, task.duration); }).observe({ type: 'longtask', buffered: true });"
    )
    chat.open(f"/c/{identity[1]}/")
    answer = chat.last_answer
    expect(answer.locator("tbody tr")).to_have_count(100)
    expect(answer.locator(".table-more")).to_contain_text("100 of 10,000 rows")
    answer.get_by_role("button", name="Show 500 more rows").click()
    expect(answer.locator("tbody tr")).to_have_count(600)
    print("the longest task with 10,000 rows, in ms:", page.evaluate("longest"))

    # by keyboard: open, walk on, close, and be back
    first = answer.get_by_role("button", name="Source 1").first
    first.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Tents.pdf")
    expect(panel.locator("mark")).to_have_text("The Heron 2 weighs 1.9 kg.")
    expect(panel).to_contain_text("All weights are with poles.")
    expect(panel).to_contain_text("page 3")
    expect(panel.get_by_role("heading")).to_be_focused()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator("#sources-panel mark")).to_have_text("<script>alert(1)</script>")
    expect(page.get_by_role("link", name="Open the page")).to_have_attribute(
        "href", "https://shop.example/hours"
    )
    page.keyboard.press("Escape")
    expect(page.locator("#sources-panel")).not_to_be_visible()
    expect(first).to_be_focused()
    expect(answer.locator(".source-chip")).to_have_count(2)
    expect(answer.locator("[data-body]")).to_contain_text("nobody [3].")

    answer.get_by_role("button", name="Bad answer").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Your verdict is noted")
    dialog.get_by_label("Something is missing").check(force=True)
    dialog.get_by_label("Comment").fill("The weight is missing.")
    expect(dialog).to_contain_text("can read your verdict and comment")
    dialog.get_by_role("button", name="Save").click()
    expect(answer.get_by_role("button", name="Bad answer")).to_be_focused()
    page.set_viewport_size({"width": 360, "height": 740})
    page.reload()
    expect(answer.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    assert fits(page)
    answer.get_by_role("button", name="Source 2").first.click()
    expect(page.locator("#sources-panel")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    answer.get_by_role("button", name="Bad answer").click()
    expect(dialog.get_by_label("Comment")).to_have_value("The weight is missing.")
    expect(dialog.get_by_label("Something is missing")).to_be_checked()
    dialog.get_by_role("button", name="Take it back").click()
    expect(answer.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "false")
    assert chat.foreign_requests == []
    assert chat.reports() == []


@pytest.mark.parametrize(
    ("opener", "dialog"),
    [("Nothing of this chat has left this machine.", "outbound-dialog"), ("Good answer", "feedback-dialog")],
)
def test_a_dialog_gives_the_focus_back_to_whom_it_belongs(chat: ChatPage, opener: str, dialog: str) -> None:
    page = chat.page
    chat.ask("Tents")
    chat.answered()
    button = page.get_by_role("button", name=opener)
    button.click()
    expect(page.locator(f"#{dialog}")).to_be_visible()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    button.click()
    expect(page.locator(f"#{dialog}")).to_be_visible()
    # a quick hand is in the field before the browser tells that the dialog is closed
    page.evaluate(
        "id => { document.getElementById(id).close(); document.getElementById('message').focus(); }", dialog
    )
    page.wait_for_timeout(200)
    expect(chat.field).to_be_focused()


def test_palette_keys_and_notices(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    page = chat.page
    chat.ask("[[tokens=120 delay_ms=20]] About slow tents")
    expect(page.locator("[data-running]")).to_have_count(1)
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Command palette")
    expect(field).to_be_focused()
    field.fill("nwcht")  # a few letters of "New chat", in their order
    expect(page.locator("#palette [role=option]").first).to_contain_text("New chat")
    page.keyboard.press("Enter")
    expect(page.locator("[data-welcome]")).to_be_visible()
    # the answer gets ready elsewhere
    expect(page.locator(".conversation[data-ready]")).to_have_count(1)
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    page.keyboard.press("Control+k")
    field.fill("about slow")
    page.keyboard.press("Enter")
    expect(chat.answers).to_have_count(1)
    expect(page.locator(".conversation[data-ready]")).to_have_count(0)
    expect(page).not_to_have_title(re.compile(r"^\("))

    page.get_by_role("button", name="Nothing of this chat has left this machine.").click()
    expect(page.get_by_role("dialog", name="What left this machine")).to_contain_text("Nothing of this chat")
    page.keyboard.press("Escape")

    chat.field.fill("")
    page.keyboard.type("?")
    expect(chat.field).to_have_value("?")  # in a field it is a question mark
    page.locator("[data-log]").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Ctrl+Shift+O")
    page.get_by_role("link", name="Change them").click()

    row = page.get_by_label("New chat", exact=True)
    row.focus()
    page.keyboard.press("Control+k")
    expect(row).to_have_value("Ctrl+K")
    expect(page.locator("#warning-new-chat")).to_have_text("Two actions have these keys.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("have the same keys")
    row.focus()
    page.keyboard.press("Alt+Shift+n")
    expect(row).to_have_value("Alt+Shift+N")
    page.set_viewport_size({"width": 360, "height": 740})
    assert fits(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 800})
    chat.open("/")
    page.locator(".conversation a").first.click()
    expect(chat.answers).to_have_count(1)
    page.keyboard.press("Control+Shift+o")
    expect(chat.answers).to_have_count(1)
    page.keyboard.press("Alt+Shift+n")
    expect(page.locator("[data-welcome]")).to_be_visible()
    assert chat.reports() == []
