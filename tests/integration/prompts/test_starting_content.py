"""What a workspace starts with, and the demo that comes and goes."""

from __future__ import annotations

import pytest

from chatplatform.accounts.models import Workspace
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict
from chatplatform.common.scope import workspace_scope
from chatplatform.prompts.models import Assistant, Prompt, PromptLabel, PromptVersion
from chatplatform.prompts.queries import assistants, released_prompt
from chatplatform.prompts.services import (
    create_prompt,
    ensure_workspace_content,
    install_demo,
    move_label,
    remove_demo,
    save_version,
)

ACTOR = Actor.system("test")
SHOP = "Larkfell Outdoor"


def names() -> list[str]:
    return [view.name for view in assistants("en")]


def test_a_workspace_starts_with_the_general_assistant_as_default_and_the_demo(workspace: Workspace) -> None:
    ensure_workspace_content(workspace.id, actor=ACTOR)
    general, shop = assistants("en")
    assert (general.name, general.is_default, general.is_demo) == ("General assistant", True, False)
    assert (shop.name, shop.is_default, shop.is_demo) == (SHOP, False, True)
    assert released_prompt(None).assistant_id == general.id
    assert general.starters
    assert shop.starters


def test_doing_it_again_writes_nothing(workspace: Workspace) -> None:
    ensure_workspace_content(workspace.id, actor=ACTOR)
    written = AuditEvent.objects.count()
    ensure_workspace_content(workspace.id, actor=ACTOR)
    assert install_demo(workspace.id, actor=ACTOR) == []
    assert AuditEvent.objects.count() == written


def test_the_removed_demo_stays_away_until_it_is_asked_for(workspace: Workspace) -> None:
    ensure_workspace_content(workspace.id, actor=ACTOR)
    assert remove_demo(workspace.id, actor=ACTOR) == [SHOP]
    assert remove_demo(workspace.id, actor=ACTOR) == []
    ensure_workspace_content(workspace.id, actor=ACTOR)
    assert names() == ["General assistant"]
    assert install_demo(workspace.id, actor=ACTOR) == [SHOP]
    assert names() == ["General assistant", SHOP]
    assert PromptVersion.objects.filter(prompt__name=SHOP).count() == 1


def test_a_start_keeps_what_an_administrator_released_and_install_puts_the_shipped_text_back(
    workspace: Workspace,
) -> None:
    ensure_workspace_content(workspace.id, actor=ACTOR)
    prompt = Prompt.objects.get(name=SHOP)
    shipped = prompt.versions.get().text
    mine = save_version(prompt.id, "Only say hello.", actor=ACTOR)
    move_label(prompt.id, PromptLabel.PRODUCTION, mine.version_id, actor=ACTOR)
    shop = Assistant.objects.get(name=SHOP)
    ensure_workspace_content(workspace.id, actor=ACTOR)
    assert released_prompt(shop.id).system_text == "Only say hello."
    install_demo(workspace.id, actor=ACTOR)
    assert released_prompt(shop.id).system_text == shipped


def test_a_name_that_people_use_is_theirs(workspace: Workspace) -> None:
    create_prompt(SHOP, "Ours.", actor=ACTOR)
    ensure_workspace_content(workspace.id, actor=ACTOR)
    assert names() == ["General assistant"]
    with pytest.raises(Conflict):
        install_demo(workspace.id, actor=ACTOR)


def test_workspaces_have_content_of_their_own(workspace: Workspace) -> None:
    other = Workspace.objects.create(name="Other")
    ensure_workspace_content(workspace.id, actor=ACTOR)
    ensure_workspace_content(other.id, actor=ACTOR)
    remove_demo(other.id, actor=ACTOR)
    assert names() == ["General assistant", SHOP]
    with workspace_scope(other.id):
        assert names() == ["General assistant"]
