"""The evaluation's questions, read from questions.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from chatplatform.prompts.evaluation.language import Language

QUESTIONS_FILE = Path(__file__).with_name("questions.toml")


class Kind(StrEnum):
    FACT = "fact"
    FOLLOW_UP = "follow_up"
    REFUSAL = "refusal"
    LANGUAGE = "language"


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


class Question(BaseModel):
    """One question with what its answer must do; the fields are described in questions.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    group: Language
    kind: Kind
    question: str = Field(min_length=1)
    history: tuple[str, ...] = ()
    answer_language: Language
    numbers: frozenset[float] = frozenset()
    all: tuple[Pattern, ...] = ()
    any: tuple[Pattern, ...] = ()
    none: tuple[Pattern, ...] = ()
    refusal: bool = False
    euros: bool = False

    @model_validator(mode="before")
    @classmethod
    def _answer_in_the_readers_language(cls, data: Any) -> Any:
        return {"answer_language": data.get("group"), **data} if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _history_ends_with_the_assistant(self) -> Self:
        if len(self.history) % 2:
            raise ValueError(f"{self.id}: history must hold whole exchanges")
        return self


class QuestionSet(BaseModel):
    """All questions, the name of the assistant that they are about, and the phrases that count as a refusal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    assistant: str
    refusals: dict[Language, tuple[Pattern, ...]]
    questions: tuple[Question, ...]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [question.id for question in self.questions]
        if twice := {i for i in ids if ids.count(i) > 1}:
            raise ValueError(f"used twice: {sorted(twice)}")
        return self

    def narrowed(self, ids: Iterable[str]) -> tuple[Question, ...]:
        """The questions whose id begins with one of `ids`; all of them when there is none."""
        prefixes = tuple(ids)
        return tuple(q for q in self.questions if not prefixes or q.id.startswith(prefixes))


@cache
def question_set(path: Path = QUESTIONS_FILE) -> QuestionSet:
    """Parse the file at `path`; raises pydantic.ValidationError when it is wrong."""
    with path.open("rb") as file:
        return QuestionSet.model_validate(tomllib.load(file))
