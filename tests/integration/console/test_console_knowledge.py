"""Knowledge in the console: collections, their documents, who may search them, and what the pages tell to whom."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pytest_django.fixtures import Settings

from chatplatform.accounts.models import Group, Role
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge import document_queries, queries
from chatplatform.knowledge.collections import Grant, create_collection, set_access, set_assistant
from chatplatform.knowledge.document_acts import stop_documents
from chatplatform.knowledge.documents import add_bytes, add_text
from chatplatform.knowledge.gaps.services import file_gap
from chatplatform.knowledge.models import Collection, Document
from chatplatform.knowledge.quality.queries import golden_questions
from chatplatform.knowledge.retrieval import Passage, Retrieved, Score, Timings
from chatplatform.knowledge.rights import SearchScope
from chatplatform.knowledge.written import pairs_of
from chatplatform.prompts.services import AssistantSpec, create_assistant, create_prompt, move_label
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> None:
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"


def actor(someone: Someone) -> Actor:
    return Actor.person(someone.user.id)


def make(owner: Someone, name: str = "Help centre", *, access: str = "everybody") -> UUID:
    with workspace_scope(owner.workspace.id):
        return create_collection(name, "Articles", access=access, actor=actor(owner))


def add(someone: Someone, collection_id: UUID, title: str = "Returns", text: str = "Within 30 days.") -> UUID:
    with workspace_scope(someone.workspace.id):
        return add_text(collection_id, title, text, actor=actor(someone)).document_id


def address(collection_id: UUID, more: str = "") -> str:
    return f"/console/knowledge/{collection_id}/{more}"


# --- collections ---


def test_a_collection_is_made_named_and_deleted(owner: Someone) -> None:
    assert "No collections yet" in owner.browser.get("/console/knowledge/").text
    made = owner.browser.post("/console/knowledge/new/", {"name": "Help centre", "access": "everybody"})
    with workspace_scope(owner.workspace.id):
        collection = Collection.objects.get()
    assert made.headers["Location"] == address(collection.id)
    assert "No documents yet" in owner.browser.get(made.headers["Location"]).text

    again = owner.browser.post("/console/knowledge/new/", {"name": "Help centre", "access": "everybody"})
    assert again.status_code == 409
    assert "There is a collection with this name already." in again.text
    assert owner.browser.post("/console/knowledge/new/", {"name": " ", "access": "none"}).status_code == 400

    settings = address(collection.id, "settings/")
    owner.browser.post(settings, {"name": "Help", "description": "For shoppers"})
    listed = owner.browser.get("/console/knowledge/").text
    assert "For shoppers" in listed
    assert "Everybody in the workspace" in listed
    assert owner.browser.post(settings, {"name": "", "description": ""}).status_code == 400

    owner.browser.post(address(collection.id, "delete/"))
    assert "No collections yet" in owner.browser.get("/console/knowledge/").text
    assert owner.browser.get(address(collection.id)).status_code == 404


def test_who_may_search_is_set_and_holds_at_once(owner: Someone, make_person: MakePerson) -> None:
    agent, editor = make_person(Role.SUPPORT_AGENT), make_person(Role.PROMPT_EDITOR)
    collection = make(owner)
    add(owner, collection, "Secret plans")
    assert "Secret plans" in agent.browser.get(address(collection)).text

    with workspace_scope(owner.workspace.id):
        group = Group.objects.create(workspace_id=owner.workspace.id, name="Night shift")
    page = address(collection, "access/")
    body = {
        "access": "chosen",
        "role:prompt_editor": "search",
        f"group:{group.id}": "edit",
        "role:none": "edit",
    }
    owner.browser.post(page, body)
    assert agent.browser.get(address(collection)).status_code == 404
    assert agent.browser.get("/console/knowledge/").text.count("Help centre") == 0
    assert "Secret plans" in editor.browser.get(address(collection)).text
    shown = owner.browser.get(page).text
    assert '<option value="edit" selected>' in shown
    # who manages it sees that it is there, and nothing of what is in it
    assert owner.browser.get(address(collection)).status_code == 404
    assert address(collection, "settings/") in owner.browser.get("/console/knowledge/").text
    assert "Secret plans" not in owner.browser.get(address(collection, "settings/")).text

    found = owner.browser.get(page, {"find": agent.user.email}, headers={"HX-Request": "true"}).text
    assert "<html" not in found
    assert "Let " in found
    place = agent.user.memberships.get(workspace=owner.workspace).public_id
    owner.browser.post(page, {**body, "add": str(place)})
    assert "Secret plans" in agent.browser.get(address(collection)).text
    assert owner.browser.post(page, {"access": "nobody"}).status_code == 400


def test_who_may_not_manage_is_refused(owner: Someone, make_person: MakePerson, member: Someone) -> None:
    collection = make(owner)
    editor = make_person(Role.PROMPT_EDITOR)
    for someone in (editor, member):
        for path in ("/console/knowledge/new/", address(collection, "access/")):
            assert someone.browser.get(path).status_code == 403
            assert someone.browser.post(path, {"name": "x", "access": "chosen"}).status_code == 403
        assert someone.browser.post(address(collection, "delete/")).status_code == 403
    renamed = editor.browser.post(address(collection, "settings/"), {"name": "Mine", "description": ""})
    assert renamed.status_code == 403
    assert "Delete this collection?" not in editor.browser.get(address(collection, "settings/")).text
    assert member.browser.get("/console/knowledge/").status_code == 403


# --- documents ---


def test_documents_are_listed_filtered_and_found(owner: Someone) -> None:
    collection = make(owner)
    first, second = add(owner, collection), add(owner, collection, "Shipping", "In two days.")
    with workspace_scope(owner.workspace.id):
        stop_documents([second], actor=actor(owner))
    page = owner.browser.get(address(collection)).text
    assert page.index("Shipping") < page.index("Returns"), "newest first"
    assert "It was stopped. Try again to go on." in page
    assert "Pasted text" in page

    def shown(**query: str) -> tuple[bool, bool]:
        part = owner.browser.get(address(collection), {"part": "documents", **query}).text
        assert "<html" not in part
        return str(first) in part, str(second) in part

    assert shown() == (True, True)
    assert shown(state="failed") == (False, True)
    assert shown(state="waiting") == (True, False)
    assert shown(find="RETURN") == (True, False)
    assert shown(find="\x00nothing", state="none", after="nonsense") == (False, False)
    assert "Nothing matches" in owner.browser.get(address(collection), {"find": "none"}).text


def test_the_list_goes_on(owner: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatplatform.console.views.knowledge_documents.PAGE_DOCUMENTS", 2)
    collection = make(owner)
    added = [add(owner, collection, f"Article {number}", f"Text {number}") for number in range(5)]
    seen: list[str] = []
    path = address(collection)
    for _page in range(3):
        page = owner.browser.get(path).text
        seen += [str(each) for each in reversed(added) if f'value="{each}"' in page]
        _before, _found, rest = page.partition('<a class="button button--plain button--small" href="?after=')
        path = address(collection) + "?after=" + rest.partition('"')[0] if rest else path
    assert seen == [str(each) for each in reversed(added)]


def test_several_are_stopped_tried_again_and_deleted(owner: Someone) -> None:
    collection = make(owner)
    ids = [str(add(owner, collection, f"Article {number}", f"Text {number}")) for number in range(3)]
    act = address(collection, "documents/")

    def done(**body: object) -> str:
        return owner.browser.post(act, body, follow=True).text

    assert "2 documents stopped." in done(act="stop", document=ids[:2])
    assert "2 documents are tried again." in done(act="retry", document=ids)
    assert "1 document stopped." in done(act="stop", document=ids[0])
    assert "1 document is tried again." in done(retry=ids[0], back=ids[0])
    assert "That request made no sense to us" in done(act="none", document=ids)
    assert "0 documents deleted." in done(act="delete", document=["nonsense", str(uuid4())])
    assert "1 document deleted." in done(delete=ids[0], back=ids[0])
    assert "2 documents deleted." in done(act="delete", document=ids)
    with workspace_scope(owner.workspace.id):
        assert not Document.objects.exists()
        assert AuditEvent.objects.filter(code="knowledge.document.deleted").count() == 3


def test_text_and_answers_are_added(owner: Someone) -> None:
    collection = make(owner)
    text = address(collection, "text/")
    added = owner.browser.post(text, {"title": "Hours", "text": "# Hours\n\nNine to five."}, follow=True)
    assert "Added. It is being made ready." in added.text
    again = owner.browser.post(text, {"title": "Hours", "text": "# Hours\n\nNine to five."}, follow=True)
    assert "This was here already." in again.text
    for body in ({"title": "", "text": "x"}, {"title": "x", "text": " "}):
        refused = owner.browser.post(text, body)
        assert refused.status_code == 400
        assert 'role="alert"' in refused.text

    answers = address(collection, "answers/")
    pairs = {"question": ["Is it free?", "", "Only a question"], "answer": ["Yes.", "", ""]}
    refused = owner.browser.post(answers, {"title": "Prices", **pairs})
    assert refused.status_code == 400
    assert "Is it free?" in refused.text, "what was typed is still there"
    pairs = {"question": ["Is it free?", ""], "answer": ["Yes.", ""]}
    owner.browser.post(answers, {"title": "Prices", **pairs})
    with workspace_scope(owner.workspace.id):
        row = Document.objects.get(collection_id=collection, source="answers")
        assert [(pair.question, pair.answer) for pair in pairs_of(row)] == [("Is it free?", "Yes.")]


def test_a_document_says_how_it_stands(owner: Someone, make_person: MakePerson) -> None:
    collection = make(owner)
    document = add(owner, collection)
    path = f"/console/knowledge/documents/{document}/"
    page = owner.browser.get(path).text
    assert "It has no passages yet." in page
    assert "Waiting" in page
    assert "Nothing was read of it yet." in owner.browser.get(path, {"view": "text"}).text
    assert "<html" not in owner.browser.get(path, {"part": "facts"}).text
    for query in ({"after": "x"}, {"view": "text", "start": "-1"}, {"after": "9" * 30}):
        assert owner.browser.get(path, query).status_code == 200
    agent = make_person(Role.SUPPORT_AGENT)
    assert "Delete this document?" not in agent.browser.get(path).text
    stranger = make_person(Role.OWNER, elsewhere=True)
    assert stranger.browser.get(path).status_code == 404


def test_a_grant_lets_somebody_change_documents(owner: Someone, make_person: MakePerson) -> None:
    agent = make_person(Role.SUPPORT_AGENT)
    collection = make(owner)
    document = add(owner, collection)
    paths = [address(collection, "text/"), address(collection, "answers/")]
    assert [agent.browser.get(path).status_code for path in paths] == [403, 403]
    assert agent.browser.post(address(collection, "documents/"), {"delete": str(document)}).status_code == 403
    assert "Choose files" not in agent.browser.get(address(collection)).text
    with workspace_scope(owner.workspace.id):
        grant = Grant(person_id=agent.user.id, level="edit")
        set_access(collection, "everybody", [grant], actor=actor(owner))
    assert [agent.browser.get(path).status_code for path in paths] == [200, 200]
    assert "Choose files" in agent.browser.get(address(collection)).text
    agent.browser.post(address(collection, "documents/"), {"delete": str(document)})
    with workspace_scope(owner.workspace.id):
        assert document_queries.document_page(agent.user.id, collection).documents == ()


# --- searches and questions without an answer ---


def test_a_search_shows_how_each_passage_was_scored(owner: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = make(owner)
    document = add(owner, collection)
    passage = Passage(
        chunk_id=uuid4(),
        document_id=document,
        collection_id=collection,
        number=0,
        title="Returns",
        origin="",
        context="Shop",
        text="Within <30> days.",
        before="",
        after="",
        start=0,
        end=17,
        page=3,
        tokens=5,
        score=Score(0.83, 7.26, 0.5, 0.9, 0.7, 0.8, 0.61),
    )
    answers = [
        Retrieved((passage,), False, 0.7, "en", Timings(1, 2, 3, 4, 1234.4), degraded="words_only"),
        Retrieved((), False, 0.7, "en", Timings(1, 2, 3, 4, 5)),
    ]

    async def found(scope: SearchScope, question: str, **_more: object) -> Retrieved:
        assert (scope.collection_ids, question) == ((collection,), "How long?")
        return answers.pop(0)

    monkeypatch.setattr("chatplatform.console.views.knowledge_search.retrieve", found)
    path = address(collection, "search/")
    assert "Ask as people ask." in owner.browser.get(path).text
    part = owner.browser.post(path, {"question": " How long? "}, headers={"HX-Request": "true"}).text
    assert "<html" not in part
    for words in ("Within &lt;30&gt; days.", "61 % sure", "0.83", "7.3", "50 %", "1,234 ms", "Page 3"):
        assert words in part
    assert "words alone decided" in part
    assert "Nothing fits well enough" in part
    assert part.count("<progress") == 4
    assert "Nothing found" in owner.browser.post(path, {"question": "How long?"}).text


def test_what_nothing_answered_is_answered_or_closed(owner: Someone, make_person: MakePerson) -> None:
    collection = make(owner)
    with workspace_scope(owner.workspace.id):
        prompt = create_prompt("Shop", "Answer.", actor=actor(owner))
        move_label(prompt.prompt_id, "production", prompt.version_id, actor=actor(owner))
        assistant = create_assistant(AssistantSpec("Clerk"), prompt.prompt_id, actor=actor(owner))
        set_assistant(assistant, [collection], "only", actor=actor(owner))
        reader = make_person(Role.MEMBER)
        asked = [
            file_gap(words, assistant_id=assistant, conversation_id=uuid4(), actor=actor(reader))
            for words in ("May I bring a dog?", "Do you sell boats?")
        ]
    listed = owner.browser.get("/console/knowledge/gaps/").text
    assert "May I bring a dog?" in listed
    assert reader.user.email not in listed
    page = f"/console/knowledge/gaps/{asked[0]}/"
    assert "May I bring a dog?" in owner.browser.get(page).text
    body = {"question": "Are dogs welcome?", "answer": "On a lead.", "collection": str(collection)}
    for missing in ("answer", "collection"):
        refused = owner.browser.post(page, {**body, missing: ""})
        assert refused.status_code == 400
        assert "Are dogs welcome?" in refused.text
    made = owner.browser.post(page, {**body, "golden": "yes"})
    assert made.headers["Location"].startswith("/console/knowledge/documents/")
    with workspace_scope(owner.workspace.id):
        (golden,) = golden_questions(owner.user.id, collection)
    assert golden.question == "Are dogs welcome?"
    assert made.headers["Location"].endswith(f"/{golden.document_id}/")
    owner.browser.post(f"/console/knowledge/gaps/{asked[1]}/close/")
    assert "No questions here" in owner.browser.get("/console/knowledge/gaps/", {"state": "open"}).text
    assert made.headers["Location"] in owner.browser.get("/console/knowledge/gaps/?state=answered").text
    assert "Do you sell boats?" in owner.browser.get("/console/knowledge/gaps/?state=closed").text


def test_an_assistant_is_given_its_collections(owner: Someone) -> None:
    collection, other = make(owner), make(owner, "Other")
    with workspace_scope(owner.workspace.id):
        prompt = create_prompt("Shop", "Answer.", actor=actor(owner)).prompt_id
    form = {"name": "Clerk", "prompt": str(prompt), "audience": "everybody"}
    new = {**form, "collections": [str(collection), str(other)], "use": "only"}
    made = owner.browser.post("/console/assistants/new/", new).headers["Location"]
    assistant = UUID(made.rstrip("/").rpartition("/")[2])
    shown = owner.browser.get(made).text
    assert shown.count('name="collections"') == 2
    assert 'value="only" checked' in shown
    with workspace_scope(owner.workspace.id):
        assert set(queries.assistant_use(assistant).collection_ids) == {collection, other}
    owner.browser.post(made, {**form, "collections": [str(other)], "use": "help"})
    with workspace_scope(owner.workspace.id):
        assert queries.assistant_use(assistant) == queries.AssistantUse((other,), "help")
    assert "Clerk" in owner.browser.get(address(other, "settings/")).text
    assert owner.browser.post(made, {**form, "collections": [str(uuid4())]}).status_code == 400


# --- web pages ---


def test_a_site_is_added_watched_and_taken_away(
    owner: Someone, make_person: MakePerson, settings: Settings
) -> None:
    collection = make(owner)
    page = address(collection, "sites/")
    assert "No host is permitted yet" in owner.browser.get(page).text
    typed = {"address": "https://docs.invalid/start", "reach": "site", "prefix": "/docs", "most_pages": "30"}
    typed |= {"depth": "2", "every": "week"}
    refused = owner.browser.post(page, typed)
    assert refused.status_code == 409
    assert "CHATPLATFORM_WEB_PAGE_HOSTS" in refused.text
    assert "<code>docs.invalid</code>" in refused.text
    assert 'value="/docs"' in refused.text, "what was typed is not lost"
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"web_page_hosts": ("docs.invalid",)})
    assert owner.browser.post(page, {**typed, "most_pages": "many"}).status_code == 400
    made = owner.browser.post(page, typed)
    site = made.headers["Location"]
    assert site.startswith("/console/knowledge/sites/")
    shown = owner.browser.get(site).text
    assert "https://docs.invalid/start" in shown
    assert "30 pages at most, 2 links away" in shown
    assert 'rel="noopener noreferrer nofollow"' in shown
    part = owner.browser.get(site, {"part": "pages", "state": "waiting"}).text
    assert "<html" not in part
    assert "data-busy" in part
    assert "https://docs.invalid/start" in owner.browser.get(page, {"part": "sites"}).text

    agent, stranger = make_person(Role.SUPPORT_AGENT), make_person(Role.OWNER, elsewhere=True)
    assert 'name="act"' not in agent.browser.get(site).text
    assert agent.browser.post(site + "change/", {"act": "stop"}).status_code == 403
    assert agent.browser.post(page, typed).status_code == 403
    assert stranger.browser.get(site).status_code == 404

    def act(**body: str) -> str:
        answer = owner.browser.post(site + "change/", body, follow=True)
        assert answer.status_code == 200
        return answer.text

    assert "It is being fetched already." in act(act="fetch")
    assert "Stopped. What was taken stays." in act(act="stop")
    assert "It was stopped. Fetch it again to go on." in owner.browser.get(site).text
    assert "What failed is tried again." in act(act="failed")
    assert "Saved." in act(act="schedule", every="day")
    assert "made no sense" in act(act="dance")
    assert "The address is taken away." in act(act="delete", documents="on")
    assert owner.browser.get(site).status_code == 404


def test_a_document_of_a_page_links_to_it(owner: Someone) -> None:
    collection = make(owner)
    with workspace_scope(owner.workspace.id):
        kept = add_bytes(
            collection,
            [b"<p>Words"],
            "page.html",
            source=Document.Kind.WEB,
            origin="https://docs.invalid/page",
            actor=actor(owner),
        )
    shown = owner.browser.get(f"/console/knowledge/documents/{kept.document_id}/").text
    assert '<a href="https://docs.invalid/page" target="_blank" rel="noopener noreferrer nofollow">' in shown
