"""The demo's help centre: put in with the demo, once; taken out with it; not forced on whoever has the name already."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.jobs.models import Job
from chatplatform.knowledge.collections import create_collection
from chatplatform.knowledge.content import Field, field_of
from chatplatform.knowledge.help_centre.articles import NAME
from chatplatform.knowledge.help_centre.installing import INSTALL_JOB, install
from chatplatform.knowledge.models import AssistantCollection, Collection, Document
from chatplatform.prompts.services import ensure_workspace_content, install_demo, remove_demo

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

ACTOR = Actor.system("test")


@pytest.fixture
def workspace(db: None) -> Iterator[Workspace]:
    made = Workspace.objects.create(name="Larkfell Outdoor")
    with workspace_scope(made.id):
        yield made


def test_it_comes_with_the_demo_by_a_job(workspace: Workspace) -> None:
    ensure_workspace_content(workspace.id, actor=ACTOR)
    assert Job.objects.filter(kind=INSTALL_JOB).count() == 1
    assert not Collection.objects.exists()
    install()
    install()
    collection = Collection.objects.get()
    assert (collection.name, collection.access) == (NAME, "everybody")
    assert Document.objects.filter(collection=collection).count() == 60
    link = AssistantCollection.objects.get()
    assert link.assistant.is_demo
    titles = {field_of(row, Field.NAME) for row in Document.objects.all()}
    assert {"Returning goods", "退货"} <= titles


def test_it_goes_with_the_demo_and_comes_back(workspace: Workspace) -> None:
    ensure_workspace_content(workspace.id, actor=ACTOR)
    install()
    remove_demo(workspace.id, actor=ACTOR)
    assert not Collection.objects.filter(deleted_at=None).exists()
    install()
    assert not Collection.objects.filter(deleted_at=None).exists(), (
        "without the demo's assistant nothing is put in"
    )
    install_demo(workspace.id, actor=ACTOR)
    install()
    assert Collection.objects.filter(deleted_at=None).count() == 1


def test_a_collection_of_that_name_stays_whose_it_is(workspace: Workspace) -> None:
    ensure_workspace_content(workspace.id, actor=ACTOR)
    own = create_collection(NAME, actor=ACTOR)
    install()
    assert Collection.objects.get().id == own
    assert not Document.objects.exists()
