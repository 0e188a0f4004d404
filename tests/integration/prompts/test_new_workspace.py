"""A new workspace can be used at once."""

from __future__ import annotations

import pytest

from chatplatform.accounts.models import Membership
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.common.scope import workspace_scope
from chatplatform.prompts.queries import assistants, released_prompt


@pytest.mark.django_db(databases=["default", "keys"])
def test_the_first_workspace_has_an_assistant_and_a_demo() -> None:
    workspace_id = Membership.objects.get(user=bootstrap_owner()).workspace_id
    with workspace_scope(workspace_id):
        assert [assistant.is_demo for assistant in assistants()] == [False, True]
        assert released_prompt(None).system_text
