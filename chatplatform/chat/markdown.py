"""Markdown to safe HTML: the one renderer and the one sanitiser of everything a model or a person writes.

Raw HTML in the source is shown as text. Images are never loaded: they become links, because an address that a
model composes can carry the conversation away. Links open apart and tell the other side nothing. Maths comes back as
MathML (maths.py), and `[1]` as a button where there is a source of that number (citations.py).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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

from chatplatform.chat.citations import citations_plugin, environment
from chatplatform.chat.maths import formulas_of, maths_plugin

TAGS = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li", "pre", "code", "span",
    "em", "strong", "s", "a", "table", "thead", "tbody", "tr", "th", "td", "div",
    "button",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "ol": {"start"},
    "div": {"class", "data-language"},
    "pre": {"class"},
    "code": {"class"},
    "span": {"class"},
    "th": {"class", "dir"},
    "td": {"class", "dir"},
    "button": {"class", "type", "data-citation"},
    **{tag: {"dir"} for tag in ("p", "h3", "h4", "h5", "h6", "li")},
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
        return f'<{_heading(tokens[index])} dir="auto">'

    def heading_close(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return f"</{_heading(tokens[index])}>\n"

    def paragraph_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return "" if tokens[index].hidden else '<p dir="auto">'

    def list_item_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return '<li dir="auto">'

    def table_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return '<div class="table-box"><table>\n'

    def table_close(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def math_block(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[index]
        return formulas_of(env).placed(token.content, token.markup, display=True, block=True)

    def math_inline(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[index]
        return formulas_of(env).placed(token.content, token.markup, display=token.meta["display"])

    def citation(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        number = tokens[index].content
        return f'<button class="citation" type="button" data-citation="{number}">{number}</button>'

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
        f'<{token.tag} class="align-{align}" dir="auto">'
        if align in {"left", "center", "right"}
        else f'<{token.tag} dir="auto">'
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
    maths_plugin(markdown)
    citations_plugin(markdown)
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


def render(text: str, sources: Collection[int] = ()) -> str:
    """Safe HTML of a whole markdown text, in which these numbers are citations."""
    env = environment(sources)
    return _clean(parser().render(text, env), env)


def render_tokens(tokens: Sequence[Token], env: dict[str, Any]) -> str:
    """Safe HTML of some of a text's top-level tokens, as `parser().parse` gave them."""
    markdown = parser()
    return _clean(markdown.renderer.render(tokens, markdown.options, env), env)


def _clean(html: str, env: dict[str, Any]) -> str:
    return formulas_of(env).put_back(sanitise(html))
