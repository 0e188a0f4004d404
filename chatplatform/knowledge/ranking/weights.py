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
# What must be found as it is written is found by words first: judgement, which no set measures.
BY_KIND: Final[Mapping[Kind, float]] = MappingProxyType({"exact": 0.15, "keywords": 0.0, "sentence": 0.0})


def lexical_weight(reading: QueryReading, encoder: str) -> float:
    """The weight of words in `fusion.weighted`, from 0 to 1; meaning, as this encoder knows it, has the rest."""
    return BY_ENCODER.get(encoder, BY_LANGUAGE)[reading.language] + BY_KIND[reading.kind]
