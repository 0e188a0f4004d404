"""Rows that hold hostile texts in every place a person or a model can put one: run in a process of the site.

Conversations come through the import, links through the sharing. Titles, names and comments are sealed as they stand,
so that they are worse than any door lets them be.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args
from uuid import UUID, uuid4

from chatplatform.accounts.models import Membership, User
from chatplatform.chat.attachments.given import Given, sealed_given
from chatplatform.chat.attachments.models import Attachment
from chatplatform.chat.content import sealed_title
from chatplatform.chat.models import Conversation, Message, Turn
from chatplatform.chat.organising.content import sealed_folder_name, sealed_tag_name
from chatplatform.chat.organising.models import Folder, Tag
from chatplatform.chat.sources.passages import AROUND_CHARS, PASSAGE_CHARS, TITLE_CHARS, Source
from chatplatform.chat.sources.services import keep_sources
from chatplatform.common.actors import Actor
from chatplatform.common.ids import new_id
from chatplatform.common.scope import workspace_scope
from chatplatform.documents.blocks import Block, BlockKind, Document
from chatplatform.documents.kinds import Kind
from chatplatform.feedback.content import sealed_comment
from chatplatform.feedback.models import Feedback, Verdict
from chatplatform.files.content import sealed_name, write_document
from chatplatform.files.models import StoredFile
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.runner import Runner
from chatplatform.privacy.subjects import Subject
from chatplatform.sharing import imports
from chatplatform.sharing.formats import html_format, json_format
from chatplatform.sharing.limits import EXPIRY_DAYS, PIECE_BYTES, PROBLEMS_TOLD
from chatplatform.sharing.models import Audience, ImportFile
from chatplatform.sharing.policy import Policy, set_policy, sharing_policy
from chatplatform.sharing.shares import Wish, make_share, token_of

A_PAGE = 25  # texts of one conversation, each a question and an answer: all of them are in its first page
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def main(person: str, texts_file: str, folder: str) -> None:
    """Make rows of the texts in a JSON file for a person; prints what was made, as JSON of `hostile.Made`."""
    texts: list[str] = json.loads(Path(texts_file).read_text())
    place = Membership.objects.get(user_id=person)
    with workspace_scope(place.workspace_id):
        if not sharing_policy().public_links:
            set_policy(Policy(True, True, EXPIRY_DAYS[-1]), actor=Actor.system("test"))
        print(json.dumps(_make(place.user, place.workspace_id, texts, Path(folder))))


def _make(person: User, workspace_id: UUID, texts: Sequence[str], folder: Path) -> dict[str, object]:
    actor = Actor.person(person.id)
    full = _import(person, texts, actor)
    _refused(texts, actor)
    links, files = [], []
    for conversation, part in zip(full, parts(texts, A_PAGE), strict=True):
        _attach_all(conversation, part)
        share = make_share(conversation.id, Wish(Audience.PUBLIC, EXPIRY_DAYS[-1], True), actor=actor)
        links.append(f"/s/{token_of(share)}/")
        file = folder / f"{conversation.id}.html"
        file.write_text("".join(html_format.written(conversation)), encoding="utf-8")
        files.append(str(file))
    _name(person, workspace_id, texts)
    return {
        "conversations": [str(row.id) for row in full],
        "titles": Conversation.objects.filter(owner=person).count(),
        "links": links,
        "files": files,
    }


def _name(person: User, workspace_id: UUID, texts: Sequence[str]) -> None:
    """Each text is the title of a conversation, and the name of a folder and of a tag."""
    owner = Subject.person(person.id)
    titled, folders, tags = [], [], []
    for text in texts:
        conversation = Conversation(id=new_id(), workspace_id=workspace_id, owner=person)
        conversation.title = sealed_title(owner, conversation.id, text)
        titled.append(conversation)
        folder = Folder(id=new_id(), workspace_id=workspace_id, owner=person)
        folder.name = sealed_folder_name(owner, folder.id, text)
        folders.append(folder)
        tag = Tag(id=new_id(), workspace_id=workspace_id, owner=person)
        tag.name = sealed_tag_name(owner, tag.id, text)
        tags.append(tag)
    Conversation.objects.bulk_create(titled)
    Folder.objects.bulk_create(folders)
    Tag.objects.bulk_create(tags)


def parts(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (texts[start : start + size] for start in range(0, len(texts), size))


def _import(person: User, texts: Sequence[str], actor: Actor) -> list[Conversation]:
    """Conversations of 25 texts each, every one a question and an answer; the first is the title too."""
    documents = [_document(part[0], number, part) for number, part in enumerate(parts(texts, A_PAGE))]
    file = _bring(documents, actor)
    assert file.imported == len(documents), (file.imported, file.repeated, file.refused)
    return list(Conversation.objects.filter(owner=person).order_by("created_at"))


def _refused(texts: Sequence[str], actor: Actor) -> None:
    """What was not taken is told by its title."""
    for part in parts(texts, PROBLEMS_TOLD):
        file = _bring([_document(text, number, []) for number, text in enumerate(part)], actor)
        assert file.refused == len(part)


def _document(title: str, number: int, said: Sequence[str]) -> dict[str, object]:
    at = _BEGAN + timedelta(minutes=number)
    rows: list[dict[str, object]] = []
    for role, text in ((role, text) for text in said for role in ("user", "assistant")):
        parent = rows[-1]["id"] if rows else None
        rows.append({"id": str(uuid4()), "parent_id": parent, "role": role, "shown": True, "text": text})
        rows[-1]["answer"] = {"state": "finished", "model": title} if role == "assistant" else None
    moment = json_format.moment(at)
    head = {"format": json_format.FORMAT, "version": json_format.VERSION, "id": str(uuid4()), "title": title}
    return {**head, "created_at": moment, "updated_at": moment, "messages": rows}


def _bring(documents: Sequence[object], actor: Actor) -> ImportFile:
    data = json.dumps(documents).encode()
    file = imports.begin_import(len(data), actor=actor)
    for number, start in enumerate(range(0, len(data), PIECE_BYTES)):
        imports.receive_piece(file.id, number, data[start : start + PIECE_BYTES], actor=actor)
    imports.start_import(file.id, actor=actor)
    file.refresh_from_db()
    assert file.job_id is not None
    Runner(Heartbeat(on_stuck=lambda: None)).run(file.job_id)
    file.refresh_from_db()
    return file


def _attach_all(conversation: Conversation, texts: Sequence[str]) -> None:
    """A file with each question; a source of each answer, and a comment on it. The first file holds all texts."""
    messages = list(Message.objects.filter(conversation=conversation).order_by("number"))
    turns = {row.answer_id: row for row in Turn.objects.filter(conversation=conversation)}
    questions, answers = messages[::2], messages[1::2]
    comments = []
    for text, question, answer in zip(texts, questions, answers, strict=True):
        _attach(question, text, texts if question is questions[0] else ())
        turn = turns[answer.id]
        keep_sources(turn.id, [_source(text)])
        row = Feedback(id=new_id(), workspace_id=turn.workspace_id, turn=turn, author_id=turn.owner_id)
        row.verdict, row.comment = Verdict.BAD, sealed_comment(turn.owner_id, row.id, text)
        comments.append(row)
    Feedback.objects.bulk_create(comments)


def _attach(question: Message, name: str, texts: Sequence[str]) -> None:
    person_id = question.conversation.owner_id
    owner = Subject.person(person_id)
    file = StoredFile(id=new_id(), workspace_id=question.workspace_id, owner_id=person_id)
    file.name, file.kind, file.size = sealed_name(owner, file.id, name), Kind.HTML, len(name)
    file.state, file.characters, file.pages = StoredFile.State.READY, len(name), 1
    if texts:
        kinds = itertools.cycle(get_args(BlockKind))
        blocks = tuple(Block(text, kind, 1, 1) for text, kind in zip(texts, kinds, strict=False))
        file.text_key = write_document(file, Document(Kind.HTML, blocks, 1))
    file.attached_at = question.created_at
    file.save()
    row = Attachment(workspace_id=file.workspace_id, message=question, file=file, position=0, use="whole")
    row.given, row.given_use = sealed_given(owner, row.id, Given("whole", name, 1)), "whole"
    row.save()


def _source(text: str) -> Source:
    around = text[:AROUND_CHARS]
    return Source(
        number=1,
        kind="web",
        title=text[:TITLE_CHARS],
        passage=text[:PASSAGE_CHARS],
        before=around,
        after=around,
        url=text[:2_000],
    )
