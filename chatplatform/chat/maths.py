r"""Maths in answers: found by the markdown parser, shown as MathML.

Display: a block that begins with `$$` or `\[` and ends with a line that ends with `$$` or `\]`, before the first empty
line. So whatever comes later changes nothing of it, as the view that grows with an answer needs. Inline: `\(…\)`,
`\[…\]`, `$$…$$`, and `$…$` where no blank follows the first or precedes the second sign and no digit comes after, so
that prices stay prices. What is no TeX that we can show, or is too long, stays text.

The converter's result is not trusted: it is read as XML and built anew from the elements and attributes below, with
every text escaped. It goes in after the sanitiser, in the place of a mark that only this rendering knows.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from html import escape
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

MAX_TEX_CHARS = 1_000
# what one character of TeX may become: deeper, or larger, is no formula
_MAX_MATHML_CHARS = 60_000
_MAX_DEPTH = 120

_ELEMENTS = frozenset(
    {
        *("math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle"),
        *("mpadded", "mphantom", "menclose", "msub", "msup", "msubsup", "munder", "mover", "munderover"),
        *("mmultiscripts", "mprescripts", "none", "mtable", "mtr", "mtd"),
    }
)
_ATTRIBUTES: Mapping[str, re.Pattern[str]] = {
    "display": re.compile("block|inline"),
    "displaystyle": re.compile("true|false"),
    "scriptlevel": re.compile(r"[+-]?\d"),
    "stretchy": re.compile("true|false"),
    "fence": re.compile("true|false"),
    "accent": re.compile("true|false"),
    "accentunder": re.compile("true|false"),
    "largeop": re.compile("true|false"),
    "movablelimits": re.compile("true|false"),
    "symmetric": re.compile("true|false"),
    "form": re.compile("prefix|infix|postfix"),
    "notation": re.compile("[a-z ]{1,60}"),
    "mathvariant": re.compile("normal"),
    "width": re.compile(r"-?[\d.]{1,8}(em|ex|pt|px|mu)?"),
    "lspace": re.compile(r"-?[\d.]{1,8}(em|ex|pt|px|mu)?"),
    "rspace": re.compile(r"-?[\d.]{1,8}(em|ex|pt|px|mu)?"),
    "minsize": re.compile(r"[\d.]{1,8}(em|ex|pt|px)?"),
    "maxsize": re.compile(r"[\d.]{1,8}(em|ex|pt|px)?"),
    "linethickness": re.compile(r"[\d.]{1,8}(em|ex|pt|px)?"),
    "columnalign": re.compile("left|right|center"),
}
# how many children an element must have to be one
_CHILDREN = dict.fromkeys(("mfrac", "mroot", "msub", "msup", "munder", "mover"), 2)
_CHILDREN |= dict.fromkeys(("msubsup", "munderover"), 3)
_NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"  # the XML name of a vocabulary, not an address
# environments that the converter knows under another name only
_ENVIRONMENT = re.compile(r"\\(begin|end)\{(aligned|alignedat|gathered|equation\*?|split|dcases)\}")
_KNOWN_AS = {
    "aligned": "align*",
    "alignedat": "align*",
    "gathered": "gather*",
    "equation": "align*",
    "equation*": "align*",
    "split": "align*",
    "dcases": "cases",
}
_UNKNOWN = re.compile(r"<mi>\\[A-Za-z]")


def mathml(tex: str, *, display: bool) -> str | None:
    """TeX as MathML; None where it cannot be shown, and then the reader gets the TeX."""
    tex = tex.strip()
    if not tex or len(tex) > MAX_TEX_CHARS:
        return None
    source = _ENVIRONMENT.sub(lambda found: f"\\{found[1]}{{{_KNOWN_AS[found[2]]}}}", tex)
    try:
        made = convert(source, display="block" if display else "inline")
        if len(made) > _MAX_MATHML_CHARS or _UNKNOWN.search(made):
            return None
        root = fromstring(made)  # noqa: S314 - what our converter made, without a document type; see below
        return _rebuilt(root, 0, tex)
    except (ParseError, RecursionError, _NotMaths):
        return None
    except Exception:  # noqa: BLE001 - the converter raises whatever its lists and tables raise on bad TeX
        return None


class _NotMaths(Exception):
    """The converter made something that is no formula."""


def _rebuilt(element: Element, depth: int, tex: str = "") -> str:
    name = element.tag.removeprefix(_NAMESPACE)
    if name not in _ELEMENTS or depth > _MAX_DEPTH or len(element) != _CHILDREN.get(name, len(element)):
        raise _NotMaths
    attributes = "".join(
        f' class="align-{value}"' if key == "columnalign" else f' {key}="{escape(value)}"'
        for key, value in element.attrib.items()
        if key in _ATTRIBUTES and _ATTRIBUTES[key].fullmatch(value)
    )
    if depth == 0:
        attributes += f' alttext="{escape(tex)}"'
    inside = escape(element.text or "") if len(element) == 0 else ""
    children = "".join(_rebuilt(child, depth + 1) for child in element)
    return f"<{name}{attributes}>{inside}{children}</{name}>"


# ---------------------------------------------------------------- in the parser


def maths_plugin(markdown: MarkdownIt) -> None:
    """Let the parser find maths: tokens `math_block` and `math_inline`, with the TeX as content."""
    markdown.block.ruler.before(
        "fence", "math_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    markdown.inline.ruler.before("escape", "math_inline", _inline)


def _block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    if state.is_code_block(first):
        return False
    begin = state.bMarks[first] + state.tShift[first]
    line = state.src[begin : state.eMarks[first]].rstrip()
    opening = line[:2]
    if opening not in {"$$", r"\["}:
        return False
    closing = "$$" if opening == "$$" else r"\]"
    rest = line[2:]
    if closing in rest:
        if rest.index(closing) != len(rest) - 2:
            return False  # words follow on the line: a paragraph with maths in it
        lines, end, closed = [rest[:-2]], first + 1, True
    else:
        lines, end, closed = [rest], first + 1, False
        while end < last and not closed and not state.isEmpty(end) and state.sCount[end] >= state.blkIndent:
            text = state.src[state.bMarks[end] + state.tShift[end] : state.eMarks[end]].rstrip()
            closed = text.endswith(closing)
            lines.append(text[:-2] if closed else text)
            end += 1
    if silent:
        return True
    state.line = end
    if closed and "\n".join(lines).strip():
        token = state.push("math_block", "math", 0)
        token.content = "\n".join(lines)
        token.markup = opening
        token.map = [first, end]
        return True
    # never closed: a paragraph like any other
    opened = state.push("paragraph_open", "p", 1)
    opened.map = [first, end]
    inner = state.push("inline", "", 0)
    inner.content = state.getLines(first, end, state.blkIndent, False).strip()
    inner.map = [first, end]
    inner.children = []
    state.push("paragraph_close", "p", -1)
    return True


_PAIRS = ((r"\(", r"\)", False), (r"\[", r"\]", True), ("$$", "$$", True))


def _inline(state: StateInline, silent: bool) -> bool:
    at, text = state.pos, state.src
    if text[at] not in "\\$":
        return False
    for opening, closing, display in _PAIRS:
        if text.startswith(opening, at):
            end = text.find(closing, at + 2, min(at + 4 + MAX_TEX_CHARS, state.posMax))
            if end < 0 or not text[at + 2 : end].strip():
                return False
            return _found(state, silent, text[at + 2 : end], opening, end + 2, display)
    if text[at] != "$" or at + 1 >= state.posMax or text[at + 1].isspace():
        return False
    if at and ((text[at - 1].isascii() and text[at - 1].isalnum()) or text[at - 1] == "$"):
        return False  # US$5
    limit = min(at + 2 + MAX_TEX_CHARS, state.posMax)
    end = text.find("$", at + 1, limit)
    while end > 0 and text[end - 1] == "\\":  # \$ is a sign of money, inside too
        end = text.find("$", end + 1, limit)
    if end < 0 or end == at + 1 or text[end - 1].isspace():
        return False
    if end + 1 < state.posMax and (text[end + 1].isdigit() or text[end + 1] == "$"):
        return False
    return _found(state, silent, text[at + 1 : end], "$", end + 1, False)


def _found(state: StateInline, silent: bool, tex: str, markup: str, end: int, display: bool) -> bool:
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content = tex
        token.markup = markup
        token.meta = {"display": display}
    state.pos = end
    return True


# ---------------------------------------------------------------- past the sanitiser

_CLOSING = {"$": "$", "$$": "$$", r"\(": r"\)", r"\[": r"\]"}


class Formulas:
    """The formulas of one rendering, each with the mark that stands for it until the HTML is clean."""

    def __init__(self) -> None:
        self._nonce = secrets.token_hex(8)
        self._made: dict[str, str] = {}

    def placed(self, tex: str, markup: str, *, display: bool, block: bool = False) -> str:
        """HTML to go through the sanitiser: a mark, or the TeX as it was written."""
        made = mathml(tex, display=display)
        if made is None:
            text = escape(f"{markup}{tex}{_CLOSING[markup]}")
            return f'<p dir="auto">{text}</p>\n' if block else text
        name = f"m{self._nonce}-{len(self._made)}"
        tag = "div" if block else "span"
        mark = f'<{tag} class="{name}"></{tag}>'
        kind = "maths maths--block" if display else "maths"
        self._made[mark] = f'<{tag} class="{kind}">{made}</{tag}>'
        return mark + ("\n" if block else "")

    def put_back(self, html: str) -> str:
        for mark, made in self._made.items():
            html = html.replace(mark, made)
        return html


def formulas_of(env: Any) -> Formulas:
    """Those of the rendering with this environment."""
    found: Formulas = env.setdefault("formulas", Formulas())
    return found
