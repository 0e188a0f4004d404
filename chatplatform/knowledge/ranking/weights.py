"""How much words count beside meaning, by the language of a query and by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from chatplatform.knowledge.ranking.query_kind import Kind, Language, QueryReading

# Chosen on questions set apart for it, that of other languages by judgement: docs/adr/0014-fusion-of-scores.md.
BY_LANGUAGE: Final[Mapping[Language, float]] = MappingProxyType({"en": 0.4, "zh": 0.6, "other": 0.4})
# What else was measured: where an encoder finds less by itself, words count more.
BY_ENCODER: Final[Mapping[str, Mapping[Language, float]]] = MappingProxyType(
    {"all-minilm-l6-v2": MappingProxyType({**BY_LANGUAGE, "en": 0.6})}
)
# Of a translation the vector is a little off, and says nothing of passages in the question's own language. Chosen with
# `python -m tests.benchmarks translation`: less costs those, more those in English.
TRANSLATED: Final = 0.7
# What must be found as it is written is found by words first: judgement, which no set measures.
BY_KIND: Final[Mapping[Kind, float]] = MappingProxyType({"exact": 0.15, "keywords": 0.0, "sentence": 0.0})


def lexical_weight(reading: QueryReading, encoder: str, *, is_translated: bool = False) -> float:
    """The weight of words in `fusion.weighted`, from 0 to 1; meaning, as this encoder knows it, has the rest, where the
    query `is_translated` that of the translation."""
    by_language = BY_ENCODER.get(encoder, BY_LANGUAGE)
    return (TRANSLATED if is_translated else by_language[reading.language]) + BY_KIND[reading.kind]
