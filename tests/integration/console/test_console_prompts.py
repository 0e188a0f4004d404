"""The console's pages for prompts: writing, comparing, releasing, going back, importing and exporting."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chatplatform.accounts.models import Role
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.prompts.models import Prompt, PromptLabel, PromptVersion
from chatplatform.prompts.services import create_prompt
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

ANY = "00000000-0000-4000-8000-000000000000"
ACTOR = Actor.system("test")


@pytest.fixture
def editor(make_person: MakePerson) -> Someone:
    return make_person(Role.PROMPT_EDITOR)


@pytest.fixture
def prompt_id(editor: Someone) -> UUID:
    with workspace_scope(editor.workspace.id):
        return create_prompt("Greeter", "Be kind.\nUse one word.", actor=ACTOR).prompt_id


def released(someone: Someone, prompt_id: UUID) -> int:
    with workspace_scope(someone.workspace.id):
        return PromptLabel.objects.get(prompt_id=prompt_id, name="production").version.number


def texts(someone: Someone, prompt_id: UUID) -> list[str]:
    with workspace_scope(someone.workspace.id):
        rows = PromptVersion.objects.filter(prompt_id=prompt_id).order_by("number")
        return list(rows.values_list("text", flat=True))


def test_the_list_leads_to_each_prompt(editor: Someone, prompt_id: UUID) -> None:
    page = editor.browser.get("/console/prompts/").text
    assert f'href="/console/prompts/{prompt_id}/"' in page
    assert "Greeter" in page


def test_a_new_prompt_opens_in_the_editor(editor: Someone) -> None:
    answer = editor.browser.post("/console/prompts/new/", {"name": "Fresh", "text": "Hello.\r\nAnd more."})
    page = editor.browser.get(answer.headers["Location"])
    assert page.status_code == 200
    assert "Hello.\nAnd more." in page.text


@pytest.mark.parametrize("fields", [{"name": "", "text": "x"}, {"name": "x", "text": " "}])
def test_a_bad_new_prompt_keeps_what_was_typed(editor: Someone, fields: dict[str, str]) -> None:
    answer = editor.browser.post("/console/prompts/new/", fields)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_saving_makes_a_version_and_releases_nothing(editor: Someone, prompt_id: UUID) -> None:
    form = {"text": "Be kind.\r\nUse two words.", "note": "longer"}
    answer = editor.browser.post(f"/console/prompts/{prompt_id}/save/", form, follow=True)
    assert texts(editor, prompt_id)[-1] == "Be kind.\nUse two words."
    assert released(editor, prompt_id) == 1
    assert "version 2" in answer.text


def test_saving_with_a_release_needs_to_have_seen_production(editor: Someone, prompt_id: UUID) -> None:
    address = f"/console/prompts/{prompt_id}/save/"
    editor.browser.post(address, {"text": "two", "release": "1", "production": "1"})
    assert released(editor, prompt_id) == 2
    late = editor.browser.post(address, {"text": "three", "release": "1", "production": "1"})
    assert late.status_code == 409
    assert released(editor, prompt_id) == 2
    assert texts(editor, prompt_id) == ["Be kind.\nUse one word.", "two"], (
        "half of it would be worse than nothing"
    )


def test_bad_examples_are_refused_with_words(editor: Someone, prompt_id: UUID) -> None:
    answer = editor.browser.post(f"/console/prompts/{prompt_id}/save/", {"text": "x\n[user]\nhm"})
    assert answer.status_code == 400
    assert "[assistant]" in answer.text


def test_release_and_rollback_from_the_versions(editor: Someone, prompt_id: UUID) -> None:
    editor.browser.post(f"/console/prompts/{prompt_id}/save/", {"text": "two"})
    label = f"/console/prompts/{prompt_id}/label/"
    assert editor.browser.post(label, {"label": "production", "number": "2", "seen": "1"}).status_code == 302
    assert released(editor, prompt_id) == 2
    back = f"/console/prompts/{prompt_id}/roll-back/"
    assert editor.browser.post(back, {"seen": "2"}).status_code == 302
    assert released(editor, prompt_id) == 1
    again = editor.browser.post(back, {"seen": "2"})
    assert again.status_code == 409
    assert "Somebody has moved this label" in again.text


def test_labels_of_ones_own(editor: Someone, prompt_id: UUID) -> None:
    editor.browser.post(f"/console/prompts/{prompt_id}/label/", {"label": "staging", "number": "1"})
    assert "staging" in editor.browser.get(f"/console/prompts/{prompt_id}/versions/").text
    editor.browser.post(f"/console/prompts/{prompt_id}/label/remove/", {"label": "staging"})
    with workspace_scope(editor.workspace.id):
        assert PromptLabel.objects.filter(prompt_id=prompt_id).count() == 1


def test_the_comparison_marks_words(editor: Someone, prompt_id: UUID) -> None:
    editor.browser.post(f"/console/prompts/{prompt_id}/save/", {"text": "Be kind.\nUse two words."})
    page = editor.browser.get(f"/console/prompts/{prompt_id}/compare/?from=1&to=2").text
    assert "<del>one</del>" in page
    assert "<ins>two</ins>" in page


def test_the_preview_shows_messages_length_and_difference(editor: Someone, prompt_id: UUID) -> None:
    text = "Rules <b>\n[user]\nHi?\n[assistant]\nHello!"
    part = editor.browser.post(
        f"/console/prompts/{prompt_id}/preview/", {"text": text}, headers={"hx-request": "true"}
    ).text
    assert [f'data-role="{role}"' in part for role in ("system", "user", "assistant")] == [True] * 3
    assert "Rules &lt;b&gt;" in part
    assert "about" in part, "without an engine the length is an estimate"
    assert "diff__line" in part


def test_the_preview_says_what_is_wrong_with_the_text(editor: Someone, prompt_id: UUID) -> None:
    part = editor.browser.post(f"/console/prompts/{prompt_id}/preview/", {"text": "[user]\nHi"}).text
    assert "Examples must be pairs" in part


def test_a_file_goes_out_and_comes_back(editor: Someone, prompt_id: UUID) -> None:
    file = editor.browser.get(f"/console/prompts/{prompt_id}/export/")
    assert file.headers["Content-Disposition"] == 'attachment; filename="greeter.md"'
    assert file.headers["Content-Type"].startswith("text/markdown")
    changed = file.content.replace(b"one word", b"three words")
    changed = b"".join(line for line in changed.splitlines(True) if not line.startswith(b"sha256"))
    upload = SimpleUploadedFile("greeter.md", changed)
    editor.browser.post("/console/prompts/import/", {"file": upload})
    assert texts(editor, prompt_id)[-1] == "Be kind.\nUse three words."
    assert released(editor, prompt_id) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"just text",
        b"\xff\xfe\x00",
        b"+++\nname = \n+++\nx",
        b'+++\nformat = "other/1"\nname = "x"\n+++\nx',
        b'+++\nformat = "chatplatform-prompt/1"\n+++\nx',
        b'+++\nformat = "chatplatform-prompt/1"\nname = "x"\nevil = 1\n+++\nx',
        b'+++\nformat = "chatplatform-prompt/1"\nname = "x"\nsha256 = "' + b"0" * 64 + b'"\n+++\nx',
        b'+++\nformat = "chatplatform-prompt/1"\nname = "x"\n+++\n',
        b'+++\nformat = "chatplatform-prompt/1"\nname = "x"\n+++\n\x00',
        b'+++\nformat = "chatplatform-prompt/1"\nname = "x"\n+++\n[user]\nno answer',
        b"+++\n" + b"#" * 500_000,
    ],
)
def test_a_damaged_file_changes_nothing(editor: Someone, prompt_id: UUID, content: bytes) -> None:
    with workspace_scope(editor.workspace.id):
        before = (Prompt.objects.count(), PromptVersion.objects.count())
    answer = editor.browser.post(
        "/console/prompts/import/", {"file": SimpleUploadedFile("x.md", content or b" ")}
    )
    assert answer.status_code == 400
    with workspace_scope(editor.workspace.id):
        assert (Prompt.objects.count(), PromptVersion.objects.count()) == before


PAGES = ["", "versions/", "compare/", "export/"]
POSTS = ["preview/", "save/", "test/", "label/", "label/remove/", "roll-back/", "rename/"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "9" * 12, "１"])
def test_there_are_no_other_versions(editor: Someone, prompt_id: UUID, page: str, number: str) -> None:
    query = {"": "version", "versions/": "before", "compare/": "from", "export/": "version"}[page]
    answer = editor.browser.get(f"/console/prompts/{prompt_id}/{page}", {query: number})
    assert answer.status_code in {200, 400, 404}


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_for_readers_of_prompts(
    make_person: MakePerson, client: Client, prompt_id: UUID, page: str
) -> None:
    address = f"/console/prompts/{prompt_id}/{page}"
    assert make_person(Role.PROMPT_EDITOR).browser.get(address).status_code == 200
    assert make_person(Role.MEMBER).browser.get(address).status_code == 403
    assert make_person(Role.SUPPORT_AGENT).browser.get(address).status_code == 403
    assert client.get(address).status_code == 302
    assert make_person(Role.OWNER, elsewhere=True).browser.get(address).status_code == 404
    assert make_person(Role.OWNER).browser.get(f"/console/prompts/{ANY}/{page}").status_code == 404


@pytest.mark.parametrize("page", POSTS)
def test_changes_are_for_editors(make_person: MakePerson, client: Client, prompt_id: UUID, page: str) -> None:
    address = f"/console/prompts/{prompt_id}/{page}"
    form = {"text": "x", "label": "x", "number": "1", "seen": "1", "name": "x"}
    assert make_person(Role.MEMBER).browser.post(address, form).status_code == 403
    assert client.post(address, form).status_code == 302
    assert make_person(Role.OWNER, elsewhere=True).browser.post(address, form).status_code == 404
    assert make_person(Role.OWNER).browser.get(address).status_code == 405


def test_a_form_without_a_token_is_refused(editor: Someone, prompt_id: UUID) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(editor.user)
    assert strict.post(f"/console/prompts/{prompt_id}/save/", {"text": "x"}).status_code == 403
