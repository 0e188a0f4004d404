"""The scripted engine as a reranker: texts with the question's words score higher, unless a text says its score.

`[[relevance=0.9]]` in a text is its score. In a question, `[[rerank=error]]` makes the engine fail, and
`[[rerank=hold]]` keeps the answer back until the test lets go.
"""

from __future__ import annotations

import re
from typing import Any

from chatplatform.testing.scripted_protocol import Refused
from chatplatform.testing.scripted_replies import count, embedding

MOST = 64
_RELEVANCE = re.compile(r"\[\[relevance=([\d.]+)\]\]")


def is_held(body: dict[str, Any]) -> bool:
    """Whether the answer is to be kept back."""
    return "[[rerank=hold]]" in str(body.get("query"))


def ranking(body: dict[str, Any]) -> object:
    """The answer; raises Refused."""
    question, texts, most = body.get("query"), body.get("documents"), body.get("top_n")
    if not isinstance(question, str) or not question.strip():
        raise Refused("invalid_request", "query is a text.")
    if not isinstance(texts, list) or not 1 <= len(texts) <= MOST:
        raise Refused("invalid_request", f"documents is a list of 1 to {MOST} texts.")
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise Refused("invalid_request", "documents is a list of texts that say something.")
    if most is not None and (not isinstance(most, int) or most < 1):
        raise Refused("invalid_request", "top_n is a number from 1 on.")
    if "[[rerank=error]]" in question:
        raise Refused("internal_error", "As the question wishes.")
    scores = [_relevance(question, text) for text in texts]
    order = sorted(range(len(texts)), key=lambda place: -scores[place])[:most]
    tokens = sum(count(question) + count(text) for text in texts)
    return {
        "object": "list",
        "model": "scripted",
        "results": [{"index": place, "relevance_score": scores[place]} for place in order],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _relevance(question: str, text: str) -> float:
    said = _RELEVANCE.search(text)
    if said:
        return float(said[1])
    likeness = sum(map(float.__mul__, embedding(question), embedding(text)))
    return min(max(likeness, 0.0), 1.0)
