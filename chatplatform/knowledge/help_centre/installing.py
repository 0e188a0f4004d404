"""Puts the help centre into a workspace, once, and takes it out again."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import transaction

from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict
from chatplatform.jobs.services import enqueue
from chatplatform.knowledge.collections import create_collection, delete_collection, set_assistant
from chatplatform.knowledge.documents import add_text
from chatplatform.knowledge.help_centre.articles import DESCRIPTION, NAME, articles
from chatplatform.knowledge.models import AssistantCollection, AssistantKnowledge, Collection
from chatplatform.prompts.models import Assistant
from chatplatform.prompts.shipped import OUTDOOR_SHOP

INSTALL_JOB: Final = "knowledge.help_centre"
SHIPPED_ID: Final = "larkfell-help-centre"
ACTOR: Final = Actor.system("help-centre")


def have_it_installed(workspace_id: UUID, *, actor: Actor) -> None:
    """Have a job put it in: sixty texts are too many for whoever makes a workspace to wait for."""
    enqueue(INSTALL_JOB, args={}, actor=actor, workspace_id=workspace_id, dedupe_key=INSTALL_JOB)


def install() -> None:
    """Put in what is missing, inside the workspace's scope. Does nothing where the demo is not, or where people use the
    name for a collection of theirs."""
    assistant = Assistant.objects.filter(is_demo=True, prompt__shipped_id=OUTDOOR_SHOP).first()
    if assistant is None:
        return
    collection_id = _collection()
    if collection_id is None:
        return
    for article in articles():
        add_text(collection_id, article.title, article.text, origin=article.origin, actor=ACTOR)
    with transaction.atomic():
        found = AssistantCollection.objects.filter(assistant=assistant)
        present = set(found.values_list("collection_id", flat=True))
        if collection_id not in present:
            set_assistant(assistant.id, present | {collection_id}, _use(assistant), actor=ACTOR)


def remove(*, actor: Actor) -> None:
    """Delete it, inside the workspace's scope and the caller's transaction."""
    for collection in Collection.objects.filter(shipped_id=SHIPPED_ID, deleted_at=None):
        delete_collection(collection.id, actor=actor)


def _collection() -> UUID | None:
    found = Collection.objects.filter(shipped_id=SHIPPED_ID, deleted_at=None).first()
    if found is not None:
        return found.id
    try:
        return create_collection(NAME, DESCRIPTION, shipped_id=SHIPPED_ID, actor=ACTOR)
    except Conflict:
        return None


def _use(assistant: Assistant) -> str:
    found = AssistantKnowledge.objects.filter(assistant=assistant).values_list("use", flat=True).first()
    return found or AssistantKnowledge.Use.HELP
