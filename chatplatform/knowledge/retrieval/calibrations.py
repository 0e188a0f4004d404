"""How sure scores are, for each encoder, within a language and across languages (docs/adr/0018-*.md).

Measured on public questions: `python -m tests.benchmarks retrieval --sets xquad-en xquad-zh xquad-zh-en xquad-en-zh`
prints weights and thresholds. A threshold is where 15% of what is right would be refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from chatplatform.knowledge.ranking.confidence import Calibration, Evidence
from chatplatform.knowledge.ranking.query_kind import Language, reading_of

# enough of a passage to see what it is written in
LOOKED_AT_CHARS: Final = 400


@dataclass(frozen=True, slots=True)
class Sureness:
    """A calibration, and the confidence from which an answer may be made of a passage."""

    calibration: Calibration
    threshold: float

    def confidence(self, cosine: float | None, coverage: float) -> float:
        return self.calibration.confidence(Evidence(cosine or 0.0, coverage))


@dataclass(frozen=True, slots=True)
class Measured:
    """Of passages in the language of the question, and of those in another one: there words say next to nothing."""

    within: Sureness
    across: Sureness

    def of(self, question: Language, passage: str) -> Sureness:
        """What holds for a passage with this text."""
        same = reading_of(passage[:LOOKED_AT_CHARS]).language == question
        return self.within if same else self.across


WORDS_ONLY: Final = Measured(
    Sureness(Calibration(-4.33, 0.0, 15.40), 0.367), Sureness(Calibration(-2.02, 0.0, 6.21), 0.367)
)
BY_ENCODER: Final[Mapping[str, Measured]] = MappingProxyType(
    {
        "multilingual-e5-small": Measured(
            Sureness(Calibration(-30.79, 30.81, 14.72), 0.479),
            Sureness(Calibration(-26.48, 33.07, 8.70), 0.227),
        ),
        # of English questions; its cosines with passages in other languages say nothing
        "all-minilm-l6-v2": Measured(Sureness(Calibration(-7.12, 4.51, 14.89), 0.488), WORDS_ONLY.across),
    }
)
# Of questions that the quick model put into English, with the light encoder: `python -m tests.benchmarks translation`.
# Of passages in another language its cosines say nothing.
TRANSLATED: Final = Measured(Sureness(Calibration(-4.52, 7.60, 3.73), 0.221), WORDS_ONLY.within)
TRANSLATED_WORDS: Final = Measured(WORDS_ONLY.within, WORDS_ONLY.within)
# of an encoder that nobody measured: judgement, a little more of words
ANY: Final = Measured(
    Sureness(Calibration(-5.0, 4.0, 8.0), 0.479), Sureness(Calibration(-4.0, 6.0, 2.0), 0.479)
)


def measured(encoder: str) -> Measured:
    """By the name of the model that made an index."""
    return BY_ENCODER.get(encoder, ANY)
