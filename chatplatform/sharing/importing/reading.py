"""From a file to conversations: one document at a time, each taken whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.sharing.importing import chatgpt, open_webui, own_format
from chatplatform.sharing.importing.opening import documents_in
from chatplatform.sharing.importing.parsed import ParsedConversation, loaded
from chatplatform.sharing.importing.problems import Problem, Refused
from chatplatform.sharing.importing.writing import write_once
from chatplatform.sharing.limits import PROBLEMS_TOLD
from chatplatform.sharing.models import ImportFile

_KNOWN: tuple[tuple[ImportFile.Kind, Callable[[object], bool], Callable[[Any], ParsedConversation]], ...] = (
    (ImportFile.Kind.OWN, own_format.is_own, own_format.parsed),
    (ImportFile.Kind.CHATGPT, chatgpt.is_chatgpt, chatgpt.parsed),
    (ImportFile.Kind.OPEN_WEBUI, open_webui.is_open_webui, open_webui.parsed),
)


@dataclass(slots=True)
class Report:
    """What became of a file so far."""

    kind: ImportFile.Kind = ImportFile.Kind.UNKNOWN
    found: int = 0
    imported: int = 0
    repeated: int = 0
    refused: int = 0
    problems: list[Problem] = field(default_factory=list)


def import_all(
    file: io.RawIOBase,
    size_bytes: int,
    *,
    owner_id: UUID,
    file_id: UUID | None,
    actor: Actor,
    step: Callable[[Report], None],
) -> Report:
    """Take every conversation of the file that can be taken. Raises InvalidInput for a file that is none.

    `step` is called before each document.
    """
    report = Report()
    for found in documents_in(file, size_bytes):
        step(report)
        report.found += 1
        title = ""
        try:
            if isinstance(found.document, Refused):
                raise found.document
            kind, parsed = _parsed(loaded(found.document))
            report.kind = report.kind or kind
            title = parsed.title[:80]
            outcome = write_once(parsed, kind=kind, owner_id=owner_id, file_id=file_id, actor=actor)
        except Refused as refused:
            report.refused += 1
            if len(report.problems) < PROBLEMS_TOLD:
                report.problems.append(Problem(found.position, refused.code, refused.limit, title))
            continue
        if outcome == "imported":
            report.imported += 1
        else:
            report.repeated += 1
    return report


def _parsed(document: object) -> tuple[ImportFile.Kind, ParsedConversation]:
    for kind, is_it, parse in _KNOWN:
        if is_it(document):
            return kind, parse(document)
    raise Refused("not_a_conversation")
