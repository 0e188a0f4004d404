"""Recall of gold spans at a budget of retrieved tokens: our chunks against chunks of a fixed size with the same mean.

usage: python -m tests.benchmarks chunking [--tune] [--words-only] [--encoder ID] [--documents NAME …]

472 questions with exact gold spans over five documents (chunking_eval), all searched as one. The question's own hash
puts it into one of two halves: sizes were chosen on one (`--tune` prints that choice), and the other is reported.
A ranking hands over whole chunks, best first, as long as they fit into the budget; recall is the share of the gold
characters that they hold. Tokens are the encoder's, and what our chunks carry of headings is paid for too.
Ends with 1 where the data or the encoder is missing.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import random
import statistics
import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatplatform.documents.blocks import Document, placed
from tests.benchmarks.data import VARIABLE, folder

if TYPE_CHECKING:
    from chatplatform.knowledge.chunking.chunks import Sizes

DOCUMENTS = ("chatlogs", "finance", "pubmed", "state_of_the_union", "wikitexts")
BUDGETS = (300, 600, 1200, 2400)
RESAMPLED = 2000

Span = tuple[int, int, int]  # number of the document, start, end in its file


@dataclass(frozen=True)
class Question:
    text: str
    gold: tuple[Span, ...]

    @property
    def is_training(self) -> bool:
        return hashlib.sha256(self.text.encode()).digest()[0] % 2 == 0


@dataclass(frozen=True)
class Candidate:
    """A chunk: its place in the file, what is indexed of it, and its tokens."""

    span: Span
    indexed: str
    tokens: int


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tune", action="store_true", help="recall by size on the questions for choosing")
    parser.add_argument("--words-only", action="store_true", help="without vectors")
    parser.add_argument("--encoder", default="multilingual-e5-small", help="id in the catalogue")
    parser.add_argument(
        "--documents", nargs="*", choices=DOCUMENTS, default=DOCUMENTS, help="search only these"
    )
    options = parser.parse_args(arguments or [])
    here = folder() / "chunking_eval"
    missing = [path for path in _files(here) if not path.is_file()]
    if missing:
        print(f"{len(missing)} files of chunking_eval are missing, the first is {missing[0]}.")
        print(
            f"{VARIABLE} names the folder of the public data; `make bench-data` fetches it. Nothing was measured."
        )
        raise SystemExit(1)

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    django.setup()
    bench = _Bench(here, options.encoder, options.documents)
    if options.tune:
        bench.tune()
    else:
        bench.report(with_vectors=not options.words_only)


def _files(here: Path) -> list[Path]:
    return [here / "questions_df.csv", *(here / "corpora" / f"{name}.md" for name in DOCUMENTS)]


class _Bench:
    def __init__(self, here: Path, encoder: str, names: Sequence[str]) -> None:
        from tokenizers import Tokenizer

        from chatplatform.inference.model_files import model_store
        from tests.benchmarks.retrieval_vectors import Encoder

        self.texts = [_text(here / "corpora" / f"{name}.md") for name in names]
        self.questions = list(_questions(here / "questions_df.csv", names, self.texts))
        self.documents = [_read(text) for text in self.texts]
        self.encoder = Encoder(encoder)
        self._tokenizer: Any = Tokenizer.from_file(str(model_store.ensure(encoder) / "tokenizer.json"))
        self._counted: dict[str, int] = {}

    def count(self, text: str) -> int:
        if text not in self._counted:
            self._counted[text] = len(self._tokenizer.encode(text, add_special_tokens=False).ids)
        return self._counted[text]

    def ours(self, sizes: Sizes | None = None) -> list[Candidate]:
        from chatplatform.knowledge.chunking.chunks import chunked

        found = []
        for number, document in enumerate(self.documents):
            in_file = _places(document, self.texts[number])
            for chunk in chunked(document, self.count, sizes).chunks:
                span = (number, in_file(chunk.start), in_file(chunk.end - 1) + 1)
                found.append(Candidate(span, chunk.embedded, self.count(chunk.embedded)))
        return found

    def fixed(self, size: int) -> list[Candidate]:
        """Every `size` tokens, wherever that is: what most platforms do."""
        found = []
        for number, text in enumerate(self.texts):
            offsets = self._tokenizer.encode(text, add_special_tokens=False).offsets
            for at in range(0, len(offsets), size):
                part = offsets[at : at + size]
                start, end = part[0][0], part[-1][1]
                found.append(Candidate((number, start, end), text[start:end], len(part)))
        return found

    def by_words(self, questions: Sequence[Question], candidates: Sequence[Candidate]) -> list[list[int]]:
        from chatplatform.knowledge.ranking.bm25 import Posting, Statistics, bm25
        from chatplatform.knowledge.ranking.terms import terms

        postings: dict[bytes, list[Posting[int]]] = defaultdict(list)
        lengths = []
        for number, candidate in enumerate(candidates):
            counted = Counter(terms(candidate.indexed))
            lengths.append(counted.total())
            for term, times in counted.items():
                postings[term.encode()].append(Posting(number, times, counted.total()))
        about = Statistics(len(lengths), statistics.mean(lengths))
        ranked = []
        for question in questions:
            scores = bm25([term.encode() for term in terms(question.text)], postings, about)
            ranked.append(sorted(scores, key=lambda one: -scores[one].bm25))
        return ranked

    def by_vectors(self, questions: Sequence[Question], candidates: Sequence[Candidate]) -> list[list[int]]:
        passages = self.encoder.vectors([candidate.indexed for candidate in candidates], "passage")
        asked = self.encoder.vectors([question.text for question in questions], "query")
        return [[int(at) for at in (passages @ vector).argsort()[::-1][:500]] for vector in asked]

    def tune(self) -> None:
        from chatplatform.knowledge.chunking.chunks import Sizes

        chosen = [question for question in self.questions if question.is_training]
        print(
            f"{len(chosen)} questions for choosing; recall by words at {', '.join(map(str, BUDGETS))} tokens"
        )
        for least, most, overlap in (
            *(
                (24, 128, 0),
                (48, 160, 0),
                (48, 224, 0),
                (96, 224, 0),
                (128, 288, 0),
                (160, 368, 0),
                (200, 448, 0),
            ),
            *((48, 224, 32), (96, 272, 40)),
        ):
            candidates = self.ours(Sizes(least=least, most=most, overlap=overlap))
            same = self.fixed(_mean(candidates))
            for name, some in (("ours", candidates), ("fixed", same)):
                recalls = _recalls(chosen, some, self.by_words(chosen, some))
                print(
                    f"  {least:4d}-{most:4d} overlap {overlap:3d} {name:6s} {_line(some, recalls)}",
                    flush=True,
                )

    def report(self, *, with_vectors: bool) -> None:
        asked = [question for question in self.questions if not question.is_training]
        ours = self.ours()
        sides = {"ours": ours, "fixed": self.fixed(_mean(ours))}
        print(
            f"{len(asked)} questions that nothing was chosen on; recall at {', '.join(map(str, BUDGETS))} tokens"
        )
        ways: dict[str, Callable[..., list[list[int]]]] = {"by words (BM25)": self.by_words}
        if with_vectors:
            ways[f"by vectors ({self.encoder.id})"] = self.by_vectors
        for way, rank in ways.items():
            print(way)
            found = {name: _recalls(asked, some, rank(asked, some)) for name, some in sides.items()}
            for name, some in sides.items():
                print(f"  {name:6s} {_line(some, found[name])}")
            differences = (_interval(found["ours"][budget], found["fixed"][budget]) for budget in BUDGETS)
            print(
                "  ours less fixed, 95%: "
                + "   ".join(f"{low:+.3f} to {high:+.3f}" for low, high in differences)
            )


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def _questions(path: Path, names: Sequence[str], texts: Sequence[str]) -> Iterator[Question]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["corpus_id"] not in names:
                continue
            number = names.index(row["corpus_id"])
            gold = []
            for one in json.loads(row["references"]):
                start, end = one["start_index"], one["end_index"]
                if texts[number][start:end] != one["content"]:
                    raise ValueError(
                        f"A gold span is not where it was said to be: {row['corpus_id']} {start}"
                    )
                gold.append((number, start, end))
            yield Question(row["question"], tuple(gold))


def _read(text: str) -> Document:
    from chatplatform.documents.reading import read_document

    return read_document([text.encode()], ending="md")


def _places(document: Document, text: str) -> Callable[[int], int]:
    """From offsets of the document's text to those of its file: blocks stand in it word by word."""
    starts, places, at = [], [], 0
    for start, block in placed(document.blocks):
        at = text.index(block.text, at)
        starts.append(start)
        places.append(at)
        at += len(block.text)
    return lambda offset: places[(block := bisect_right(starts, offset) - 1)] + offset - starts[block]


def _mean(candidates: Sequence[Candidate]) -> int:
    return round(statistics.mean(candidate.tokens for candidate in candidates))


def _recalls(
    questions: Sequence[Question], candidates: Sequence[Candidate], ranked: Sequence[Sequence[int]]
) -> dict[int, list[float]]:
    """For each budget the share of each question's gold characters that what fits into it holds."""
    return {
        budget: [
            _recall(question, _fitting(candidates, order, budget))
            for question, order in zip(questions, ranked, strict=True)
        ]
        for budget in BUDGETS
    }


def _fitting(candidates: Sequence[Candidate], order: Sequence[int], budget: int) -> list[Span]:
    spans = []
    for number in order:
        budget -= candidates[number].tokens
        if budget < 0:
            break
        spans.append(candidates[number].span)
    return spans


def _recall(question: Question, spans: Sequence[Span]) -> float:
    held = total = 0
    for document, start, end in question.gold:
        total += end - start
        parts = sorted((max(start, a), min(end, b)) for number, a, b in spans if number == document)
        at = start
        for a, b in parts:
            if b > max(a, at):
                held += b - max(a, at)
                at = b
    return held / total


def _line(candidates: Sequence[Candidate], recalls: dict[int, list[float]]) -> str:
    sizes = [candidate.tokens for candidate in candidates]
    shares = "  ".join(f"{statistics.mean(recalls[budget]):.3f}" for budget in BUDGETS)
    return f"{shares}   {len(sizes)} chunks of {statistics.mean(sizes):.0f} tokens, {max(sizes)} at most"


def _interval(ours: Sequence[float], fixed: Sequence[float]) -> tuple[float, float]:
    """What 95 of 100 samples of the questions, drawn with replacement, give for the mean difference."""
    chance = random.Random(1)
    differences = [one - other for one, other in zip(ours, fixed, strict=True)]
    means = sorted(statistics.mean(chance.choices(differences, k=len(differences))) for _ in range(RESAMPLED))
    return means[RESAMPLED // 40], means[-RESAMPLED // 40]


if __name__ == "__main__":
    main(sys.argv[1:])
