"""SQLite finds a few rows of known ids by their ids, not by reading all of a workspace."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatplatform.accounts.models import Membership
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.common.clock import now
from chatplatform.common.scope import workspace_scope
from chatplatform.jobs.chores import gather_query_statistics
from chatplatform.text_search.models import Kind, SearchEntry

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

ROWS = 600


def test_known_ids_are_found_by_their_index() -> None:
    place = Membership.objects.get(user=bootstrap_owner())
    with workspace_scope(place.workspace_id):
        rows = SearchEntry.objects.bulk_create(
            SearchEntry(
                workspace_id=place.workspace_id,
                owner_id=place.user_id,
                kind=Kind.MESSAGE,
                item_id=uuid4(),
                group_id=uuid4(),
                at=now(),
            )
            for _ in range(ROWS)
        )
        some = SearchEntry.objects.filter(item_id__in=[row.item_id for row in rows[:32]])
        with CaptureQueriesContext(connection) as queries:
            gather_query_statistics()
        if connection.vendor == "sqlite":
            assert "(item_id=?)" in some.explain()
        else:
            assert not queries.captured_queries  # PostgreSQL does it by itself
