"""The result of an evaluation, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from chatplatform.prompts.evaluation.language import Language
from chatplatform.prompts.evaluation.questions import Kind
from chatplatform.prompts.evaluation.runner import Answered, Examination

LANGUAGES: tuple[tuple[Language, str], ...] = (("en", "English"), ("zh", "Chinese"))


def share_right(answers: Sequence[Answered]) -> float:
    """From 0 to 1; 0 for no answers."""
    return sum(answer.right for answer in answers) / len(answers) if answers else 0.0


def table(answers: Sequence[Answered]) -> str:
    """Right answers by kind and language, one line for each kind and one for all."""
    lines = ["kind        " + "".join(f"{name:>14}" for _, name in LANGUAGES) + f"{'both':>14}"]
    for kind in Kind:
        lines.append(f"{kind.value:<12}" + _row([a for a in answers if a.question.kind is kind]))
    lines.append(f"{'all':<12}" + _row(answers))
    return "\n".join(lines)


def _row(answers: Sequence[Answered]) -> str:
    groups = [[a for a in answers if a.question.group == code] for code, _ in LANGUAGES]
    return "".join(f"{_score(group):>14}" for group in (*groups, answers))


def _score(answers: Sequence[Answered]) -> str:
    if not answers:
        return "-"
    return f"{sum(a.right for a in answers)}/{len(answers)} {share_right(answers):5.0%}"


def shortcomings(answers: Iterable[Answered]) -> Iterator[str]:
    """Three lines for each wrong answer: the question, the answer, what was expected."""
    for answered in answers:
        if not answered.right:
            yield f"{answered.question.id}: {answered.question.question}"
            yield f"  said      {' '.join(answered.answer.split()) or '(nothing)'}"
            yield f"  expected  {'; '.join(answered.lacks)}"


def as_json(examination: Examination, answers: Sequence[Answered]) -> dict[str, Any]:
    """Everything that is needed to compare two runs."""
    first = answers[0] if answers else None
    return {
        "model": first.model if first else examination.model,
        "model_sha256": first.model_sha256 if first else "",
        "prompt_version": examination.released.version_number,
        "prompt_sha256": examination.released.sha256,
        "seed": examination.seed,
        "score": share_right(answers),
        "by_kind": {
            kind.value: {
                code: {
                    "right": sum(
                        a.right for a in answers if a.question.kind is kind and a.question.group == code
                    ),
                    "asked": sum(1 for a in answers if a.question.kind is kind and a.question.group == code),
                }
                for code, _ in LANGUAGES
            }
            for kind in Kind
        },
        "answers": [
            {
                "id": answered.question.id,
                "right": answered.right,
                "answer": answered.answer,
                "lacks": list(answered.lacks),
                "prompt_tokens": answered.prompt_tokens,
                "cached_tokens": answered.cached_tokens,
                "completion_tokens": answered.completion_tokens,
                "total_s": round(answered.total_s, 3),
            }
            for answered in answers
        ],
    }
