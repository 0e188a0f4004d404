r"""Maths in answers: what becomes MathML, what stays text, and that TeX is hostile text too."""

from __future__ import annotations

import re
import time

import pytest

from chatplatform.chat.markdown import render
from chatplatform.chat.maths import MAX_TEX_CHARS, mathml
from chatplatform.chat.streaming_markdown import StreamingMarkdown

ELEMENTS = re.compile(r"</?([a-zA-Z0-9]+)")


@pytest.mark.parametrize(
    "source",
    [
        r"\(x^2\)",
        "$x^2$",
        r"\[x^2\] and more",
        "$$x^2$$ and more",
        "| $x^2$ |\n|--|",
        "- $x^2$",
        "帐篷$x^2$重",
    ],
)
def test_maths_is_shown_inside_text(source: str) -> None:
    html = render(source)
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in html or "alttext" in html
    assert 'alttext="x^2"' in html


@pytest.mark.parametrize(
    "source",
    ["$$\nE=mc^2\n$$", "\\[\nE=mc^2\n\\]", "$$E=mc^2$$", "> $$\n> E=mc^2\n> $$", "words\n$$\nE=mc^2\n$$\n"],
)
def test_maths_is_shown_as_a_block(source: str) -> None:
    html = render(source)
    assert '<div class="maths maths--block"><math display="block"' in html
    assert "<mi>E</mi><mo>=</mo>" in html


def test_aligned_lines_keep_their_columns() -> None:
    html = render("$$\n\\begin{aligned} a &= b \\\\ c &= d \\end{aligned}\n$$")
    assert html.count('<mtd class="align-right">') == 2
    assert "&amp;" not in html.split('alttext="')[1].split('">', 1)[1]


@pytest.mark.parametrize(
    "source",
    [
        "It costs $5 and $6.",
        "Between $5-$6 a piece",
        "US$5 or A$7",
        r"\$5 and \$6",
        "$ x $",
        r"a \\(x\\) b",
        "`$x$`",
        "    $x$",
        "```\n$x$\n```",
        "$$\n\n$$",
        "$$ never closed\n\nnext",
        r"\(never closed",
    ],
)
def test_what_is_no_maths_stays_text(source: str) -> None:
    assert "<math" not in render(source)


@pytest.mark.parametrize(
    "tex",
    [
        r"\frac{1",
        r"\frac{1}",
        r"\unknown{x}",
        r"\begin{nothing}x\end{nothing}",
        "x^2^2",
        r"\left(",
        "{" * 300,
        r"\sqrt" * 200,
        "x" * (MAX_TEX_CHARS + 1),
    ],
)
def test_bad_tex_stays_as_it_was_written(tex: str) -> None:
    assert mathml(tex, display=True) is None or "<math" in render(f"$${tex}$$")
    if mathml(tex, display=True) is None:
        assert tex[:5].replace("\\", "") in render(f"$$\n{tex}\n$$")
        assert "<math" not in render(f"$$\n{tex}\n$$")


@pytest.mark.parametrize(
    "tex",
    [
        r"\text{</math><script>alert(1)</script>}",
        r"\text{<img src=x onerror=alert(1)>}",
        r"\href{javascript:alert(1)}{x}",
        r"\mathrm{<b onclick=x>}",
        r"\color{red;background:url(//evil.example)}{x}",
        r"\text{]]><script>alert(1)</script>}",
        r"\text{<!--}--><script>alert(1)</script>",
        r"\style{background:url(x)}{x}",
        r"\class{citation}{x}",
        'x" onclick="alert(1)',
    ],
)
@pytest.mark.parametrize("form", [r"\({}\)", "$$\n{}\n$$", "${}$"])
def test_hostile_tex_makes_nothing_but_maths(tex: str, form: str) -> None:
    html = render(form.replace("{}", tex, 1))
    allowed = {
        "p",
        "div",
        "span",
        "math",
        "mrow",
        "mi",
        "mo",
        "mn",
        "mtext",
        "mstyle",
        "code",
        "strong",
        "em",
    }
    assert set(ELEMENTS.findall(html)) <= allowed
    tags = re.findall(r"<[^>]*>", html)
    assert [
        tag for tag in tags if re.search(r"\b(on\w+|href|style|src)\s*=", re.sub(r'alttext="[^"]*"', "", tag))
    ] == []


def test_a_mark_that_stands_for_maths_cannot_be_written() -> None:
    html = render('<span class="m0-0"></span> $x$')
    assert html.count("<math") == 1
    assert "&lt;span" in html


def test_the_cost_of_hostile_tex_is_bounded() -> None:
    parts = [r"\sqrt{", r"\frac", "x^{", "&", "'", r"\\", r"\left(", r"\begin{matrix}", r"\not", "a_b^c "]
    for part in parts:
        began = time.process_time()
        mathml(part * (MAX_TEX_CHARS // len(part)), display=True)
        assert time.process_time() - began < 0.25, part
    began = time.process_time()
    render(r"\(" * 8000)
    render("$x" * 8000)
    assert time.process_time() - began < 3


def test_while_it_streams_a_formula_is_finished_once() -> None:
    stream = StreamingMarkdown()
    for letter in "Look:\n$$\na\n- b\n= c\n$$\n\n[1] end\n":
        stream.feed(letter)
    assert [block.count("<math") for block in stream.blocks] == [0, 1]
    assert stream.tail_text == "[1] end\n"
