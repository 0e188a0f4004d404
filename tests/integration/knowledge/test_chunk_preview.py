"""How documents and files are cut, told before anything is indexed, without a model: by page, REST and command."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from chatplatform.accounts.models import Role
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.collections import create_collection, set_access
from chatplatform.knowledge.documents import add_answers, add_text
from chatplatform.knowledge.written import Pair
from tests.integration.api.conftest import ApiClient, MakeProgram, make_program
from tests.integration.knowledge.at_work import run_jobs
from tests.integration.web.conftest import MakePerson, Someone, make_person, owner, workspace

__all__ = ["make_person", "make_program", "owner", "workspace"]

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

GUIDE = "# Care\n\n" + "\n\n".join(
    f"## Part {n}\n\n" + f"Rule {n}: dry the tent {n} times. " * 24 for n in range(1, 20)
)
# a question that is longer than a passage may be: it is never cut
LONG = "Is it so that " + "the tent with the long name " * 60 + "is free?"


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> None:
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"


@pytest.fixture
def collection(owner: Someone) -> UUID:
    with workspace_scope(owner.workspace.id):
        return create_collection("Library", actor=Actor.person(owner.user.id))


@pytest.fixture
def guide(owner: Someone, collection: UUID) -> UUID:
    """Read, and not indexed: nothing answers as an embedding model."""
    with workspace_scope(owner.workspace.id):
        made = add_text(collection, "Guide", GUIDE, actor=Actor.person(owner.user.id)).document_id
        run_jobs(only=["knowledge.read"])
    return made


def chunk_page(someone: Someone, document_id: UUID, query: str = "") -> str:
    return str(someone.browser.get(f"/console/knowledge/documents/{document_id}/chunks/{query}").text)


def test_the_page_shows_each_passage_with_what_it_stands_under(owner: Someone, guide: UUID) -> None:
    page = owner.browser.get(f"/console/knowledge/documents/{guide}/?view=chunks").text
    assert f"/console/knowledge/documents/{guide}/chunks/?tokens=224" in page
    assert "224 tokens · now" in page
    shown = chunk_page(owner, guide)
    assert "Care › Part 1" in shown
    assert "Rule 1: dry the tent 1 times." in shown
    assert "Part 1, " in shown
    assert "plot__bar" in shown
    assert "too long" not in shown
    small = chunk_page(owner, guide, "?tokens=96")
    more = re.search(r'href="([^"]*after=49)"', small)
    assert more is not None
    further = owner.browser.get(more[1].replace("&amp;", "&")).text
    assert "tokens=96&amp;after=49" in further
    assert "<b>51</b>" in chunk_page(owner, guide, "?tokens=96&after=49")
    with workspace_scope(owner.workspace.id):
        opened = AuditEvent.objects.filter(code="knowledge.document.opened")
        assert opened.filter(target_id=str(guide)).count() == 3


def test_an_overlong_passage_is_marked(owner: Someone, collection: UUID) -> None:
    with workspace_scope(owner.workspace.id):
        pairs = [Pair(LONG, "Yes."), Pair("Is it heavy?", "No.")]
        made = add_answers(collection, "Prices", pairs, actor=Actor.person(owner.user.id)).document_id
        assert "Nothing was read of it yet." in chunk_page(owner, made)
        run_jobs(only=["knowledge.read"])
    shown = chunk_page(owner, made)
    assert shown.count(">too long<") == 1
    assert "Too long" in shown
    assert "too long" not in chunk_page(owner, made, "?tokens=448").lower()
    assert "A chunk has from 64 to 480 tokens." in chunk_page(owner, made, "?tokens=5")


def test_who_may_not_search_sees_no_passage(
    owner: Someone, collection: UUID, guide: UUID, make_person: MakePerson
) -> None:
    editor = make_person(Role.PROMPT_EDITOR)
    address = f"/console/knowledge/documents/{guide}/chunks/"
    assert editor.browser.get(address).status_code == 200
    with workspace_scope(owner.workspace.id):
        set_access(collection, "chosen", actor=Actor.person(owner.user.id))
    assert editor.browser.get(address).status_code == 404
    assert owner.browser.get(address).status_code == 404, "who manages it does not see into it"


def test_programs_get_the_same(owner: Someone, guide: UUID, make_program: MakeProgram) -> None:
    program = make_program(Role.ADMINISTRATOR, workspace=owner.workspace)
    client = ApiClient(program.secret)
    address = f"/api/knowledge/documents/{guide}/chunks"
    first = client.get(f"{address}?chunk_tokens=96&limit=2").json()
    assert (first["chunk_tokens"], first["present_tokens"], len(first["items"])) == (96, 224, 2)
    assert first["chunks"] > 50
    assert first["largest"] <= 96
    assert first["overlong"] == 0
    one = first["items"][1]
    assert (one["number"], one["context"], one["part"], one["is_overlong"]) == (1, "Care › Part 1", 0, False)
    assert one["text"].startswith("Rule 1: dry the tent")
    second = client.get(f"{address}?chunk_tokens=96&limit=2&after={first['next']}").json()
    assert [item["number"] for item in second["items"]] == [2, 3]
    assert client.get(address).json()["chunk_tokens"] == 224
    assert client.get(f"{address}?chunk_tokens=5").status_code == 422
    assert client.get(f"/api/knowledge/documents/{uuid4()}/chunks").status_code == 404


def told(*words: object) -> list[str]:
    out = StringIO()
    call_command("knowledge", "chunks", *map(str, words), stdout=out)
    return out.getvalue().splitlines()


def test_the_command_cuts_files_and_documents(owner: Someone, guide: UUID, tmp_path: Path) -> None:
    file = tmp_path / "guide.md"
    file.write_text(GUIDE)
    place = ("--workspace", owner.workspace.id)
    of_file, of_document = told(file, *place), told(guide, *place)
    assert of_file == of_document
    assert of_file[0].endswith("part 1")
    assert "    [Care › Part 1]" in of_file
    assert of_file[-1].startswith(f"{of_file[-1].split()[0]} passages of 224 tokens at most")
    few = told(file, "--chunk-tokens", 96, "--most", 1, *place)
    assert len(few) == 3
    assert int(few[-1].split()[0]) > int(of_file[-1].split()[0])
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    for what, said in (
        (tmp_path / "photo.png", "."),
        ("nothing.txt", "There is no file nothing.txt"),
        (uuid4(), "does not exist"),
    ):
        with pytest.raises(CommandError, match=said):
            told(what, *place)
