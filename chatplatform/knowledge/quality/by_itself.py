"""An index that was built beside another is measured once it is whole, so that both can be compared."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.knowledge.models import Index, IndexEntry
from chatplatform.knowledge.quality.models import GoldenQuestion, QualityRun
from chatplatform.knowledge.quality.services import begin_run_as
from chatplatform.knowledge.rights import may_search

US: Final = Actor.system("knowledge.quality")


def measure_new_indexes() -> int:
    """Begin a run for each whole index that stands beside another one and has had none; gives how many."""
    with all_workspaces("new indexes are measured in every workspace"):
        found = list(_unmeasured())
    begun = 0
    for index in found:
        with workspace_scope(index.workspace_id):
            person_id = _on_behalf_of(index.collection_id)
            if person_id is None:
                continue
            try:
                begin_run_as(person_id, index.collection_id, index_id=index.id, by_itself=True, actor=US)
            except Conflict:
                continue  # one is under way, or nothing can be measured
            begun += 1
    return begun


def _unmeasured() -> QuerySet[Index]:
    entries = IndexEntry.objects.filter(index=OuterRef("pk"))
    others = Index.objects.filter(collection=OuterRef("collection")).exclude(pk=OuterRef("pk"))
    questions = GoldenQuestion.objects.filter(collection=OuterRef("collection"))
    return Index.objects.filter(
        Exists(entries),
        ~Exists(entries.filter(state=IndexEntry.State.WAITING)),
        Exists(others),
        Exists(questions),
        ~Exists(QualityRun.objects.filter(index_id=OuterRef("pk"))),
        state__in=[Index.State.BUILDING, Index.State.LIVE],
        collection__deleted_at=None,
    ).order_by("created_at", "id")


def _on_behalf_of(collection_id: UUID) -> UUID | None:
    """Who began a run last, or wrote a golden question last, of those who may search the collection now: every search
    is somebody's."""
    ran = QualityRun.objects.filter(collection_id=collection_id).order_by("-created_at")
    wrote = GoldenQuestion.objects.filter(collection_id=collection_id).order_by("-created_at")
    people = [
        *ran.values_list("person_id", flat=True)[:20],
        *filter(None, wrote.values_list("written_by", flat=True)[:200]),
    ]
    return next((each for each in dict.fromkeys(people) if may_search(each, collection_id)), None)
