"""The articles, as they are shipped: one TOML file each language, beside this module."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent

NAME: Final = "Larkfell help centre"
DESCRIPTION: Final = "Demo: thirty articles of an outdoor shop that does not exist, in English and Chinese."
LANGUAGES: Final = ("en", "zh-hans")


@dataclass(frozen=True, slots=True)
class Article:
    """An article in one language. `id` is the same in every language; `text` is Markdown and begins with the title."""

    id: str
    language: str
    title: str
    text: str = field(repr=False)

    @property
    def origin(self) -> str:
        """Where it comes from, as documents tell it."""
        return f"help-centre/{self.language}/{self.id}"


@cache
def articles() -> tuple[Article, ...]:
    """All of them, English first."""
    return tuple(article for language in LANGUAGES for article in _in(language))


def _in(language: str) -> list[Article]:
    with (_FOLDER / f"{language}.toml").open("rb") as file:
        found = tomllib.load(file)
    return [
        Article(key, language, words["title"], f"# {words['title']}\n\n{words['text'].strip()}\n")
        for key, words in found.items()
    ]
