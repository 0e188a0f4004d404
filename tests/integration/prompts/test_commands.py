"""`manage.py demo` and `manage.py evaluate`, the latter against the scripted engine."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.inference.models import ModelCall
from chatplatform.prompts.queries import assistants
from chatplatform.prompts.services import ensure_workspace_content
from chatplatform.testing.fixtures import ScriptedEngineProcess

ACTOR = Actor.system("test")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
class TestDemo:
    def test_it_comes_and_goes_with_one_command_in_every_workspace(self) -> None:
        for name in ("One", "Two"):
            Workspace.objects.create(name=name)
        assert run("demo", "install").count("nothing to do") == 2  # the first time it comes with all the rest
        assert run("demo", "remove").count("removed Larkfell Outdoor") == 2
        assert run("demo", "remove").count("nothing to do") == 2
        assert run("demo", "install").count("installed Larkfell Outdoor") == 2

    def test_one_workspace_can_be_named(self) -> None:
        one, two = (Workspace.objects.create(name=name) for name in ("One", "Two"))
        for workspace in (one, two):
            ensure_workspace_content(workspace.id, actor=ACTOR)
        run("demo", "remove", "--workspace", str(one.id))
        for workspace, count in ((one, 1), (two, 2)):
            with workspace_scope(workspace.id):
                assert len(assistants("en")) == count

    def test_without_a_workspace_it_says_what_to_do(self) -> None:
        with pytest.raises(CommandError, match="make run"):
            run("demo", "install")


@pytest.fixture
def site(transactional_db: None, scripted_engine: ScriptedEngineProcess) -> ScriptedEngineProcess:
    workspace = Workspace.objects.create(name="Test")
    ensure_workspace_content(workspace.id, actor=ACTOR)
    return scripted_engine


@pytest.mark.django_db(transaction=True, databases=["default", "keys"])
class TestEvaluate:
    ONLY = ("--only", "en-language-goodbye", "zh-refusal-owner", "en-follow-name")

    def test_it_asks_through_the_gateway_and_prints_a_score_by_kind(
        self, site: ScriptedEngineProcess
    ) -> None:
        printed = run("evaluate", *self.ONLY)
        assert [line.split()[0] for line in printed.splitlines() if line.startswith(("refusal", "all"))]
        assert "zh-refusal-owner: 你们的老板叫什么名字？" in printed
        assert "expected  " in printed
        assert "prompt version 1" in printed
        with all_workspaces("test"):
            calls = list(ModelCall.objects.values_list("purpose", "state"))
        assert calls == [("prompts.evaluation", "completed")] * 3

    def test_everything_is_there_as_json(self, site: ScriptedEngineProcess, tmp_path: Path) -> None:
        file = tmp_path / "answers.json"
        document: dict[str, Any] = json.loads(run("evaluate", *self.ONLY, "--json", "--answers", str(file)))
        assert document == json.loads(file.read_text())
        assert {answer["id"] for answer in document["answers"]} == set(self.ONLY[1:])
        assert document["by_kind"]["refusal"]["zh"] == {"asked": 1, "right": 0}
        assert document["model_sha256"]

    def test_a_score_that_is_too_low_fails(self, site: ScriptedEngineProcess) -> None:
        with pytest.raises(CommandError, match="lower than 90"):
            run("evaluate", *self.ONLY, "--at-least", "90")

    def test_the_wrong_name_is_said(self, site: ScriptedEngineProcess) -> None:
        with pytest.raises(CommandError, match="no assistant"):
            run("evaluate", "--assistant", "Nobody")
        with pytest.raises(CommandError, match="no question"):
            run("evaluate", "--only", "fr-")

    def test_an_engine_that_is_down_is_no_score(self, site: ScriptedEngineProcess) -> None:
        site.kill()
        with pytest.raises(CommandError, match="does not answer"):
            run("evaluate", *self.ONLY)
