"""Questions with judged passages, from the folder of public data: SciFact, and XQuAD within and across languages."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

Judged = dict[str, dict[str, int]]  # question -> passage -> how relevant, from 1

# The table of abstracts was written by NumPy: a list of Python strings without commas between them.
_BETWEEN_SENTENCES = re.compile(r"""(?<=['"])\s*\n\s*(?=['"])""")


@dataclass(frozen=True)
class RetrievalSet:
    """Texts by id, in a fixed order. Figures are told of `judged`; whatever is chosen is chosen on `training`."""

    name: str
    passages: dict[str, str]
    questions: dict[str, str]
    judged: Judged
    training: Judged


def scifact(folder: Path) -> RetrievalSet:
    """5,183 abstracts and 300 test claims, as BEIR has them; the 809 training claims are for choosing weights."""
    with zipfile.ZipFile(folder / "scifact" / "scifact.zip") as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("corpus_train.csv").decode())))
    lines = (folder / "scifact" / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    judgements = folder / "scifact" / "qrels"
    return RetrievalSet(
        "scifact",
        {row["doc_id"]: f"{row['title']} {' '.join(_sentences(row['abstract']))}" for row in rows},
        {question["_id"]: question["text"] for question in map(json.loads, lines)},
        _judgements(judgements / "test.tsv"),
        _judgements(judgements / "train.tsv"),
    )


def xquad(folder: Path, *, questions: str, passages: str) -> RetrievalSet:
    """240 passages and 1,190 questions, the same in English (`en`) and Chinese (`zh`); one passage answers each.

    All are judged; `training` is those of every other article.
    """
    asked, judged, training = {}, {}, {}
    for number, (article, paragraph) in enumerate(_paragraphs(folder / "xquad" / f"xquad.{questions}.json")):
        for one in paragraph["qas"]:
            asked[one["id"]] = one["question"]
            judged[one["id"]] = {str(number): 1}
            if article % 2 == 0:
                training[one["id"]] = {str(number): 1}
    texts = [
        paragraph["context"] for _, paragraph in _paragraphs(folder / "xquad" / f"xquad.{passages}.json")
    ]
    name = f"xquad-{questions}" if questions == passages else f"xquad-{questions}-{passages}"
    return RetrievalSet(
        name, {str(number): text for number, text in enumerate(texts)}, asked, judged, training
    )


def _sentences(cell: str) -> list[str]:
    found = ast.literal_eval(_BETWEEN_SENTENCES.sub(",", cell))
    return [str(sentence).strip() for sentence in found]


def _judgements(path: Path) -> Judged:
    found: Judged = {}
    with path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if int(row["score"]) > 0:
                found.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return found


def _paragraphs(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Each with the number of its article."""
    data = json.loads(path.read_text(encoding="utf-8"))["data"]
    return [(number, paragraph) for number, article in enumerate(data) for paragraph in article["paragraphs"]]


SETS: Mapping[str, Callable[[Path], RetrievalSet]] = MappingProxyType(
    {
        "scifact": scifact,
        "xquad-en": lambda folder: xquad(folder, questions="en", passages="en"),
        "xquad-zh": lambda folder: xquad(folder, questions="zh", passages="zh"),
        "xquad-zh-en": lambda folder: xquad(folder, questions="zh", passages="en"),
        "xquad-en-zh": lambda folder: xquad(folder, questions="en", passages="zh"),
    }
)
