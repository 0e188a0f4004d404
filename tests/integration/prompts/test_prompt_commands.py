"""`manage.py prompts` and `manage.py assistants`: the console's acts without a browser."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from chatplatform.accounts.models import Group, Workspace
from chatplatform.prompts.models import Assistant
from chatplatform.prompts.queries import assistants, released_prompt

pytestmark = pytest.mark.usefixtures("workspace")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "draft.txt"
    path.write_text("Be brief.\n", encoding="utf-8")
    return path


def test_a_prompt_is_saved_released_and_taken_back(tmp_path: Path, draft: Path) -> None:
    assert "version 1 in production" in run("prompts", "save", "Shop", str(draft))
    draft.write_text("Be kind. 请友好。", encoding="utf-8")
    assert "version 2 saved" in run("prompts", "save", "shop", str(draft), "--note", "kinder")
    assert run("prompts", "show", "Shop") == "Be brief.\n"
    run("prompts", "release", "Shop", "2", "--expect", "1")
    assert run("prompts", "show", "Shop") == "Be kind. 请友好。\n"
    assert run("prompts", "list") == "Shop: production 2, newest 2\n"
    with pytest.raises(CommandError, match="label_moved_meanwhile"):
        run("prompts", "rollback", "Shop", "--expect", "1")
    assert "version 1" in run("prompts", "rollback", "Shop", "--expect", "2")
    with pytest.raises(CommandError, match="nothing_before"):
        run("prompts", "rollback", "Shop")


def test_all_prompts_go_out_and_come_back(tmp_path: Path, draft: Path) -> None:
    run("prompts", "save", "Shop!", str(draft))
    run("prompts", "save", "Shop?", str(draft))
    folder = tmp_path / "out"
    run("prompts", "export", str(folder))
    files = sorted(folder.iterdir())
    assert len(files) == 2, "names that differ in signs only do not overwrite each other"
    assert "which is here already" in run("prompts", "import", *map(str, files))
    other = Workspace.objects.create(name="Other")
    assert "a new prompt" in run("prompts", "--workspace", str(other.id), "import", str(files[0]))


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.md"
    damaged.write_bytes(b"+++\n\xff")
    with pytest.raises(CommandError, match="prompt_file_damaged"):
        run("prompts", "import", str(damaged))
    with pytest.raises(CommandError, match="prompt_unknown"):
        run("prompts", "show", "Nothing")
    with pytest.raises(CommandError, match="No such file"):
        run("prompts", "save", "Shop", str(tmp_path / "none.txt"))
    with pytest.raises(CommandError, match="UTF-8"):
        run("prompts", "save", "Shop", str(damaged))


def test_an_assistant_is_made_changed_and_archived(workspace: Workspace, draft: Path) -> None:
    Group.objects.create(workspace_id=workspace.id, name="Sales")
    run("prompts", "save", "Shop", str(draft))
    run("assistants", "create", "Helper", "--prompt", "Shop", "--description", "Helps")
    run("assistants", "default", "helper")
    assert released_prompt(None).system_text == "Be brief.\n"
    run("assistants", "create", "Second", "--prompt", "Shop", "--model", "quick", "--group", "sales")
    assert "Second: prompt Shop, model quick, groups Sales" in run("assistants", "list")
    run("assistants", "change", "Second", "--everybody", "--rename", "Third")
    row = Assistant.objects.get(name="Third")
    assert (row.audience, row.model) == ("everybody", "quick")
    run("assistants", "archive", "Third")
    assert [view.name for view in assistants()] == ["Helper"]
    assert "archived" in run("assistants", "list")
    run("assistants", "restore", "Third")
    with pytest.raises(CommandError, match="assistant_is_default"):
        run("assistants", "archive", "Helper")
    with pytest.raises(CommandError, match="no group"):
        run("assistants", "change", "Third", "--group", "Nobody")
