"""Markdown to safe HTML: the one renderer and the one sanitiser of everything a model or a person writes.

Raw HTML in the source is shown as text. Images are never loaded: they become links, because an address that a
model composes can carry the conversation away. Links open apart and tell the other side nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

TAGS = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li", "pre", "code", "span",
    "em", "strong", "s", "a", "table", "thead", "tbody", "tr", "th", "td", "div",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "ol": {"start"},
    "div": {"class", "data-language"},
    "pre": {"class"},
    "code": {"class"},
    "span": {"class"},
    "th": {"class"},
    "td": {"class"},
}
MAX_HIGHLIGHTED_CHARS = 50_000


class Renderer(RendererHTML):
    """HTML for markdown-it's tokens, where we differ from its defaults."""

    def fence(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        words = tokens[index].info.strip().split(maxsplit=1)
        return code_block(tokens[index].content, words[0] if words else "")

    def code_block(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return code_block(tokens[index].content, "")

    def image(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[index]
        address = str(token.attrs.get("src", ""))
        text = self.renderInlineAsText(token.children or [], options, env) or address
        return f'<a href="{escape(address)}">{escape(text)}</a>'

    def heading_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return f"<{_heading(tokens[index])}>"

    def heading_close(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return f"</{_heading(tokens[index])}>\n"

    def th_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return _cell(tokens[index])

    def td_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return _cell(tokens[index])


def _heading(token: Token) -> str:
    """Two levels down: the page and the message stand above whatever an answer calls its first heading."""
    return f"h{min(6, int(token.tag[1]) + 2)}"


def _cell(token: Token) -> str:
    """A table cell; its alignment as a class, because style attributes are forbidden."""
    style = str(token.attrs.get("style", ""))
    align = style.removeprefix("text-align:")
    return (
        f'<{token.tag} class="align-{align}">' if align in {"left", "center", "right"} else f"<{token.tag}>"
    )


def code_block(source: str, language: str) -> str:
    """A highlighted block with its language, for the copy button to find."""
    inner = escape(source)
    name = ""
    if language and len(source) <= MAX_HIGHLIGHTED_CHARS:
        try:
            lexer = get_lexer_by_name(language, stripnl=False)
        except ClassNotFound:
            name = language[:32]
        else:
            name = lexer.name
            inner = highlight(source, lexer, HtmlFormatter(nowrap=True))
    return f'<div class="code" data-language="{escape(name)}"><pre><code>{inner}</code></pre></div>\n'


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    """The CommonMark parser with tables and strikethrough, without raw HTML and with whole web addresses only."""
    markdown = MarkdownIt("commonmark", {"html": False}, renderer_cls=Renderer).enable(
        ["table", "strikethrough"]
    )
    # a link to our own pages must not be made by whoever makes the model speak
    markdown.validateLink = lambda url: url.lower().startswith(("https://", "http://", "mailto:"))  # type: ignore[method-assign]
    return markdown


def sanitise(html: str) -> str:
    """`html` with nothing in it that could run, load or disguise."""
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def render(text: str) -> str:
    """Safe HTML of a whole markdown text."""
    return sanitise(parser().render(text))


def render_tokens(tokens: Sequence[Token], env: dict[str, Any]) -> str:
    """Safe HTML of some of a text's top-level tokens, as `parser().parse` gave them."""
    markdown = parser()
    return sanitise(markdown.renderer.render(tokens, markdown.options, env))
