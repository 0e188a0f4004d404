"""What a difference of two texts shows, and that no text makes it slow."""

from __future__ import annotations

from time import process_time

import pytest

from chatplatform.prompts.comparison import MAX_SHOWN_LINES, Gap, Line, difference


def marked(old: str, new: str) -> list[str]:
    """Each line with its sign, changed pieces in brackets."""
    signs = {"same": " ", "added": "+", "removed": "-"}
    return [
        f"…{line.lines}"
        if isinstance(line, Gap)
        else signs[line.kind] + "".join(f"[{p.text}]" if p.changed else p.text for p in line.pieces)
        for line in difference(old, new).lines
    ]


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("a", "a", []),
        ("", "", []),
        ("Use one word.", "Use two words.", ["-Use [one] [word].", "+Use [two] [words]."]),
        ("你好吗", "你很好吗", ["-你好吗", "+你[很]好吗"]),
        ("a b c", "a c", ["-a [b ]c", "+a c"]),
        ("a", "a\nb", [" a", "+[b]"]),
        ("a\nb", "b", ["-[a]", " b"]),
        ("aaa bbb", "ccc ddd eee fff", ["-[aaa bbb]", "+[ccc ddd eee fff]"]),
    ],
)
def test_changes_are_marked_word_by_word(old: str, new: str, shown: list[str]) -> None:
    assert marked(old, new) == shown


def test_long_runs_of_the_same_are_gaps() -> None:
    lines = [f"line {n}" for n in range(30)]
    shown = marked("\n".join(lines), "\n".join([*lines[:15], "new", *lines[15:]]))
    assert (shown[0], shown[4], shown[-1]) == ("…12", "+[new]", "…12")


def test_both_texts_can_be_read_off_the_lines() -> None:
    old, new = "one\ntwo two\nthree", "one\ntwo 2 two\nfour\nthree"
    lines = [line for line in difference(old, new).lines if isinstance(line, Line)]
    assert "\n".join(line.text for line in lines if line.kind != "added") == old
    assert "\n".join(line.text for line in lines if line.kind != "removed") == new
    assert [line.new_number for line in lines if line.new_number] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n".join(["a b c d e f g h " * 120] * 50), "\n".join(["a c b e d g f h " * 120] * 50)),
        ("x " * 50_000, "y " * 50_000),
        ("中" * 100_000, "文" * 100_000),
        ("a\n" * 50_000, "b\n" * 50_000),
        ("line 1\n" * 14_000, "line 2\n" * 14_000),
        ("\n".join(f"a{n} b{n}" for n in range(9_000)), "\n".join(f"b{n} a{n}" for n in range(9_000))),
    ],
)
def test_no_text_takes_long(old: str, new: str) -> None:
    began = process_time()
    found = difference(old, new)
    assert process_time() - began < 3, "of a machine that is busy; on an idle one a fraction"
    assert len(found.lines) <= MAX_SHOWN_LINES
    assert not found.is_empty
