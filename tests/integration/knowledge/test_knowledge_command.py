"""`manage.py knowledge`: collections made, kept in step with folders, looked at and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from chatplatform.accounts.models import Membership
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.collections import Grant, set_access
from chatplatform.knowledge.document_acts import stop_documents
from chatplatform.knowledge.document_queries import origins_of
from chatplatform.knowledge.models import Collection

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


@pytest.fixture(autouse=True)
def scope(db: None, settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.KNOWLEDGE_DIR = tmp_path / "kept"
    with workspace_scope(Membership.objects.get(user=bootstrap_owner()).workspace_id):
        yield


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    folder = tmp_path / "handbook"
    (folder / "sub").mkdir(parents=True)
    (folder / "travel.md").write_text("# Travel\n\nTrains first.")
    (folder / "sub" / "pay.txt").write_text("On the last day.")
    (folder / ".hidden.txt").write_text("Not this.")
    (folder / "sub" / "link.txt").symlink_to("/etc/hostname")
    (folder / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    return folder


def told(*words: object) -> tuple[str, str]:
    out, error = StringIO(), StringIO()
    call_command("knowledge", *map(str, words), stdout=out, stderr=error)
    return out.getvalue().strip(), error.getvalue().strip()


def origins(collection_id: UUID) -> list[str]:
    return sorted(origins_of(collection_id))


def test_a_folder_is_kept_in_step_by_its_content(handbook: Path) -> None:
    made = UUID(told("create", "Handbook")[0])
    out, error = told("add", "Handbook", handbook)
    assert sorted(out.split(", ")) == ["1 refused", "2 added"]
    assert error.startswith("handbook/photo.png: ")
    assert origins(made) == ["handbook/sub/pay.txt", "handbook/travel.md"]
    before = origins_of(made)

    assert "2 unchanged" in told("add", made, handbook)[0]
    (handbook / "travel.md").write_text("# Travel\n\nBuses first.")
    (handbook / "sub" / "pay.txt").unlink()
    (handbook / "new.txt").write_text("New.")
    out = told("add", "Handbook", handbook)[0]
    assert sorted(out.split(", ")) == ["1 added", "1 refused", "1 replaced"]
    assert "1 removed" in told("add", "Handbook", handbook, "--remove-missing")[0]
    assert origins(made) == ["handbook/new.txt", "handbook/travel.md"]
    assert origins_of(made)["handbook/travel.md"] == before["handbook/travel.md"], "the same document"
    # one file alone takes nothing else away
    assert told("add", "Handbook", handbook / "new.txt", "--remove-missing")[0] == "1 unchanged"
    assert len(origins(made)) == 2


def test_what_is_there_is_told_and_deleted(handbook: Path) -> None:
    made = UUID(told("create", "Handbook", "--access", "everybody", "--description", "Rules")[0])
    told("add", "Handbook", handbook)
    assert told("list")[0].startswith("Handbook: 2 documents (2 waiting), 0 passages")
    stop_documents(list(origins_of(made).values()), actor=Actor.system("test"))
    out = told("status", "Handbook")[0]
    assert "2 documents (2 failed)" in out
    assert "handbook/travel.md: It was stopped." in out
    assert told("retry", "Handbook")[0] == "2 tried again"
    assert told("search", "Handbook", "Trains?")[0] == ""
    with pytest.raises(CommandError, match="2 documents would go"):
        told("delete", "Handbook")
    told("delete", "Handbook", "--yes")
    assert told("list")[0] == ""


def test_what_makes_no_sense_is_refused_with_words(handbook: Path) -> None:
    told("create", "Handbook")
    for words, said in (
        (("create", "Handbook"), "There is a collection with this name already."),
        (("add", "None", handbook), "There is no collection None."),
        (("add", "Handbook", handbook / "none"), "No such file"),
        (("search", "Handbook", "x", "--person", "nobody@example.org"), "is not in this workspace"),
    ):
        with pytest.raises(CommandError, match=said):
            told(*words)
    # the owner's own rights count for what is read
    collection = Collection.objects.get()
    set_access(collection.id, "chosen", [Grant(role="member")], actor=Actor.system("test"))
    with pytest.raises(CommandError, match="you may not search it"):
        told("status", "Handbook")
