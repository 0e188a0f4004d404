"""The glossary's words are where it says they are."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path("docs/glossary.md").read_text()
NAMED = sorted(set(re.findall(r"`(chatplatform(?:\.\w+)+)`", PAGE)))


def _found(dotted: str) -> bool:
    module, _, name = dotted.rpartition(".")
    try:
        importlib.import_module(dotted)
    except ModuleNotFoundError:
        return hasattr(importlib.import_module(module), name)
    return True


@pytest.mark.parametrize("dotted", NAMED)
def test_a_word_lives_in_the_code(dotted: str) -> None:
    assert _found(dotted)


def test_a_name_that_is_not_there_is_noticed() -> None:
    assert not _found("chatplatform.prompts.models.Recipe")


def test_every_word_is_explained_once() -> None:
    words = [
        word.strip()
        for row in re.findall(r"^\| ([^|]+) \| [^|]+ \|", PAGE, re.MULTILINE)
        for word in row.split(",")
        if word.strip() not in {"word", "---"}
    ]
    assert len(words) > 30
    assert sorted(words) == sorted(set(words))
