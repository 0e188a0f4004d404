"""Knowledge over the API: documents in as they are, encrypted, out again and gone; and who may do what to them."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from chatplatform.accounts.api_tokens import Scope
from chatplatform.accounts.models import Role
from chatplatform.common.actors import Actor
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.knowledge.collections import Grant, set_access
from chatplatform.knowledge.models import Collection, Index
from chatplatform.testing.fixtures import ScriptedEngineProcess
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import configured
from tests.integration.api.conftest import ApiSite, Program
from tests.integration.api.test_files_api import left, on_disk, run_jobs

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

BYTES = {"Content-Type": "application/octet-stream"}
TEXT = b"# Returns\n\nSend it back within 30 days."


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"
    return tmp_path / "knowledge"


async def make(http: httpx.AsyncClient, **more: str) -> str:
    made = await http.post("/api/knowledge/collections", json={"name": f"Help {uuid4().hex[:6]}", **more})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def send(
    http: httpx.AsyncClient, to: str, content: Any = TEXT, name: str = "returns.md"
) -> httpx.Response:
    return await http.post(f"/api/knowledge/{to}", content=content, headers={**BYTES, "X-File-Name": name})


async def test_a_document_goes_in_is_read_comes_out_and_goes(api_site: ApiSite, folder: Path) -> None:
    async with api_site.http() as http:
        collection = await make(http)
        sent = await send(http, f"collections/{collection}/documents", name="../R%C3%BCckgabe.md")
        assert sent.status_code == 201, sent.text
        document = sent.json()
        assert (document["name"], document["state"], document["kind"]) == (
            "Rückgabe.md",
            "waiting",
            "markdown",
        )
        assert all(b"30 days" not in path.read_bytes() for path in on_disk(folder))
        again = await send(http, f"collections/{collection}/documents", name="other.md")
        assert (again.status_code, again.json()["id"]) == (200, document["id"])
        assert await left(folder, 1) == 1

        await sync_to_async(run_jobs)("knowledge.read")
        address = f"/api/knowledge/documents/{document['id']}"
        text = (await http.get(f"{address}/text")).json()
        assert [block["text"] for block in text["blocks"]] == ["Returns", "Send it back within 30 days."]
        assert (await http.get(f"{address}/text?start=30")).json()["blocks"]
        out = await http.get(f"{address}/content")
        assert out.content == TEXT
        assert out.headers["content-disposition"].startswith("attachment;")
        assert "sandbox" in out.headers["content-security-policy"]
        assert (await http.get(f"{address}/passages")).json() == {"items": [], "next": None}
        assert (await http.post(f"{address}/retry")).status_code == 409
        assert (await http.post(f"{address}/stop")).json()["state"] == "failed"
        assert (await http.get(address)).json()["problem"]["code"] == "stopped"
        assert (await http.post(f"{address}/retry")).status_code == 200

        replaced = await send(http, f"documents/{document['id']}/content", b"Within 60 days.", "returns.txt")
        assert (replaced.status_code, replaced.json()["revision"], replaced.json()["name"]) == (
            200,
            2,
            "returns.txt",
        )
        assert (await http.delete(address)).status_code == 204
        assert (await http.delete(address)).status_code == 404
        assert await left(folder, 0) == 0


async def test_what_cannot_be_taken_is_refused_with_words(
    api_site: ApiSite, folder: Path, settings: Settings
) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"knowledge_file_mb": 1})
    async with api_site.http() as http:
        collection = await make(http)
        to = f"collections/{collection}/documents"
        for content, name, status, code in (
            (b"", "none.txt", 400, "file_empty"),
            (b"\x89PNG\r\n\x1a\n" + bytes(64), "photo.png", 400, "file_picture"),
            (bytes(2**20 + 1), "large.txt", 413, "file_too_large"),
        ):
            refused = await send(http, to, content, name)
            assert (refused.status_code, refused.json()["code"]) == (status, code)

        async def endless() -> Any:
            for _ in range(40):
                yield bytes(64 * 1024)

        refused = await send(http, to, endless(), "unannounced.txt")
        assert (refused.status_code, refused.json()["code"]) == (413, "file_too_large")
        as_json = await http.post(f"/api/knowledge/{to}", json={"name": "x"})
        assert as_json.status_code in (201, 400, 415)
        assert (await send(http, f"collections/{uuid4()}/documents")).status_code == 404
        assert (await send(http, f"documents/{uuid4()}/content")).status_code == 404


async def test_many_at_once_are_each_taken_once(api_site: ApiSite) -> None:
    async with api_site.http() as http:
        to = f"collections/{await make(http)}/documents"
        sent = await asyncio.gather(
            *(send(http, to, f"Article {n % 4}".encode(), f"{n}.txt") for n in range(6))
        )
        assert sorted(answer.status_code for answer in sent) == [200, 200, 201, 201, 201, 201]
        listed = (await http.get(f"/api/knowledge/{to}?limit=3")).json()
        rest = (await http.get(f"/api/knowledge/{to}?limit=3&after={listed['next']}")).json()
        assert len(listed["items"]) == 3
        assert (len(rest["items"]), rest["next"]) == (1, None)
        assert (await http.get(f"/api/knowledge/{to}?find=none")).json()["items"] == []


async def test_texts_answers_and_an_assistants_collections(api_site: ApiSite) -> None:
    async with api_site.http() as http:
        collection = await make(http)
        base = f"/api/knowledge/collections/{collection}"
        body = {"title": "Hours", "text": "Nine to five."}
        assert [(await http.post(f"{base}/texts", json=body)).status_code for _ in range(2)] == [201, 200]
        pairs = [{"question": "Is it free?", "answer": "Yes."}]
        made = await http.post(f"{base}/answers", json={"title": "Prices", "pairs": pairs})
        assert (made.status_code, made.json()["source"]) == (201, "answers")
        assert (await http.post(f"{base}/answers", json={"title": "None", "pairs": []})).status_code == 400
        view = (await http.get(base)).json()
        assert (view["documents"], view["states"]["waiting"]) == (2, 2)
        assert (await http.patch(base, json={"description": "Articles"})).json()["description"] == "Articles"

        assistant = (await http.get("/api/assistants")).json()["items"][0]["id"]
        chosen = {"collection_ids": [collection], "use": "only"}
        answer = await http.put(f"/api/assistants/{assistant}/knowledge", json=chosen)
        assert answer.json() == chosen
        assert (await http.get(f"/api/assistants/{assistant}/knowledge")).json() == chosen
        assert (await http.get(f"/api/assistants/{uuid4()}/knowledge")).status_code == 404
        assert (await http.delete(base)).status_code == 204
        assert (await http.get(f"/api/assistants/{assistant}/knowledge")).json()["collection_ids"] == []


async def test_access_is_set_and_holds_for_the_next_request(api_site: ApiSite) -> None:
    agent: Program = await sync_to_async(api_site.make)(Role.SUPPORT_AGENT)
    async with api_site.http() as http, api_site.http(agent) as theirs:
        collection = await make(http)
        base = f"/api/knowledge/collections/{collection}"
        assert (await theirs.get(f"{base}/documents")).status_code == 200
        assert (await theirs.post(f"{base}/search", json={"question": "Returns?"})).status_code == 200
        told = await http.put(f"{base}/access", json={"access": "chosen", "grants": [{"role": "owner"}]})
        assert told.json()["grants"] == [
            {"role": "owner", "group_id": None, "user_id": None, "level": "search"}
        ]
        assert (await theirs.get(f"{base}/documents")).status_code == 404
        assert (await theirs.post(f"{base}/search", json={"question": "Returns?"})).status_code == 404
        both = {"access": "chosen", "grants": [{"role": "owner", "user_id": str(agent.user.id)}]}
        assert (await http.put(f"{base}/access", json=both)).status_code == 400


async def test_a_token_changes_documents_only_with_the_scope_for_it(api_site: ApiSite) -> None:
    """Also where a grant lets its person do so."""
    reader: Program = await sync_to_async(api_site.make)(Role.OWNER, scopes={Scope.KNOWLEDGE_READ})
    agent: Program = await sync_to_async(api_site.make)(Role.SUPPORT_AGENT)
    async with api_site.http() as http, api_site.http(reader) as reading, api_site.http(agent) as theirs:
        collection = await make(http)

        def let_them_edit() -> None:
            with workspace_scope(api_site.owner.workspace.id):
                grant = Grant(person_id=agent.user.id, level="edit")
                set_access(UUID(collection), "everybody", [grant], actor=Actor.person(api_site.owner.user.id))

        await sync_to_async(let_them_edit)()
        for one in (reading, theirs):
            refused = await send(one, f"collections/{collection}/documents")
            assert refused.status_code == 403
        document = (await send(http, f"collections/{collection}/documents")).json()["id"]
        assert (await reading.delete(f"/api/knowledge/documents/{document}")).status_code == 403
        assert (await reading.get(f"/api/knowledge/documents/{document}")).status_code == 200


async def test_web_pages_are_added_watched_and_taken_away(api_site: ApiSite, settings: Settings) -> None:
    async with api_site.http() as http:
        collection = await make(http)
        base = f"/api/knowledge/collections/{collection}/sites"
        refused = await http.post(base, json={"address": "https://docs.invalid/"})
        assert (refused.status_code, refused.json()["code"]) == (409, "web_host_not_permitted")
        assert "CHATPLATFORM_WEB_PAGE_HOSTS" in refused.json()["message"]
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"web_page_hosts": (".invalid",)})
        assert (await http.post(base, json={"address": "docs"})).status_code == 400
        body = {"address": "https://Docs.invalid/#top", "prefix": "/en", "most_pages": 20, "depth": 3}
        made = await http.post(base, json=body)
        assert made.status_code == 201, made.text
        site = made.json()
        assert (site["address"], site["prefix"], site["state"], site["counts"]) == (
            "https://docs.invalid/", "/en", "waiting", {"waiting": 1},
        )  # fmt: skip
        assert (await http.get(base)).json()["items"] == [site]
        one = f"/api/knowledge/sites/{site['id']}"
        assert (await http.post(f"{one}/fetch", json={})).status_code == 409
        await sync_to_async(run_jobs)("knowledge.fetch_pages")
        failed = (await http.get(one)).json()
        assert (failed["state"], failed["problem"]["code"]) == ("failed", "host_not_found")
        (page,) = (await http.get(f"{one}/pages?state=failed")).json()["items"]
        assert (page["address"], page["document_id"]) == ("https://docs.invalid/", None)
        assert (await http.get(f"{one}/pages?after=x")).status_code == 400
        assert (await http.post(f"{one}/fetch", json={"only_failed": True})).json()["state"] == "waiting"
        assert (await http.post(f"{one}/stop")).json()["state"] == "stopped"
        changed = (await http.patch(one, json={"every": "week", "removes_gone": False})).json()
        assert (changed["every"], changed["removes_gone"], bool(changed["next_at"])) == ("week", False, True)
        assert (await http.delete(f"{one}?documents=true")).status_code == 204
        assert (await http.get(one)).status_code == 404


async def test_golden_questions_are_written_carried_over_and_measured(
    api_site: ApiSite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: VectorMemory())
    async with api_site.http() as http:
        collection = await make(http)
        document = (await send(http, f"collections/{collection}/documents")).json()["id"]
        place = f"/api/knowledge/collections/{collection}"
        golden = {"question": "How long may I send it back?", "document_id": document}
        made = await http.post(f"{place}/golden-questions", json=golden)
        assert made.status_code == 201, made.text
        one = f"{place}/golden-questions/{made.json()['id']}"
        assert (await http.post(f"{place}/golden-questions", json=golden)).status_code == 409
        assert (await http.put(one, json={"question": "How long?"})).status_code == 400
        changed = await http.put(one, json={**golden, "question": "How long?"})
        assert (changed.json()["question"], changed.json()["document_id"]) == ("How long?", document)
        lines = '{"question": "Who?", "unanswerable": true}\n{"question": "What?"}\n'
        brought = (await http.post(f"{place}/golden-questions/import", json={"content": lines})).json()
        assert (brought["added"], brought["refused"], brought["problems"][0]["number"]) == (1, 1, 2)
        out = await http.get(f"{place}/golden-questions/export")
        assert len(out.text.splitlines()) == 2
        assert out.headers["content-type"].startswith("application/jsonl")

        assert (await http.post(f"{place}/quality-runs", json={})).status_code == 409, "nothing is indexed"
        await sync_to_async(_live_index)(UUID(collection))
        begun = await http.post(f"{place}/quality-runs", json={})
        assert (begun.status_code, begun.json()["state"]) == (201, "in_work")
        await sync_to_async(run_jobs)("knowledge.quality")
        run = f"/api/knowledge/quality-runs/{begun.json()['id']}"
        done = (await http.get(run)).json()
        assert (done["state"], done["figures"]["questions"], done["figures"]["recall_10"]) == ("done", 2, 0)
        results = (await http.get(f"{run}/results")).json()["items"]
        assert {each["verdict"] for each in results} == {"missing", "rightly_refused"}
        detail = (await http.get(f"{run}/results/{results[0]['question_id']}")).json()
        assert (detail["expected"]["document_id"], detail["found"]) == (document, [])
        assert (await http.get(f"{place}/quality-runs")).json()["items"] == [done]
        assert (await http.delete(one)).status_code == 204
        assert len((await http.get(f"{place}/golden-questions")).json()["items"]) == 1


async def test_golden_questions_are_proposed_accepted_and_rejected(
    api_site: ApiSite, scripted_engine: ScriptedEngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = VectorMemory()
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: memory)
    work = sync_to_async(run_jobs)
    async with api_site.http() as http:
        base = f"/api/knowledge/collections/{await make(http)}"
        place = f"{base}/proposed-questions"
        assert (await http.get(place)).json() == {"run": None, "items": []}
        assert (await http.post(place, json={})).json()["code"] == "proposals_no_passages"
        for question in ("Who mends tents?", "Who mends boots?"):
            say = base64.urlsafe_b64encode(question.encode()).decode()
            text = f"The shop mends all that it has ever sold, in the yard behind it, and for nothing. [[say={say}]]"
            await http.post(f"{base}/texts", json={"title": question, "text": text})
        await work("knowledge.read")
        await work("knowledge.index")
        assert (await http.post(place, json={"passages": 51})).status_code == 422
        begun = await http.post(place, json={"passages": 5})
        assert (begun.status_code, begun.json()["state"]) == (201, "in_work")
        assert (await http.post(place, json={})).status_code == 409
        await work("knowledge.propose")
        listed = (await http.get(place)).json()
        assert (listed["run"]["state"], listed["run"]["proposed"], listed["run"]["left_out"]) == (
            "done",
            2,
            0,
        )
        tents, boots = sorted(listed["items"], key=lambda one: str(one["question"]), reverse=True)
        assert (tents["question"], tents["document"]) == ("Who mends tents?", "Who mends tents")
        assert "in the yard behind it" in tents["passage"]
        assert (await http.get(f"{base}/golden-questions")).json()["items"] == []
        kept = await http.post(f"{place}/{tents['id']}/accept", json={"question": "Where are tents mended?"})
        assert (kept.status_code, kept.json()["question"]) == (201, "Where are tents mended?")
        assert (kept.json()["document_id"], kept.json()["passage"]) == (
            tents["document_id"],
            tents["passage"],
        )
        assert (await http.post(f"{place}/{tents['id']}/accept", json={})).status_code == 404
        other = f"/api/knowledge/collections/{await make(http)}/proposed-questions/{boots['id']}"
        assert (await http.delete(other)).status_code == 404
        assert (await http.delete(f"{place}/{boots['id']}")).status_code == 204
        assert (await http.get(place)).json()["items"] == []
        assert len((await http.get(f"{base}/golden-questions")).json()["items"]) == 1


def _live_index(collection_id: UUID) -> None:
    with all_workspaces("test"):
        collection = Collection.objects.get(id=collection_id)
        collection.live_index = Index.objects.create(
            workspace_id=collection.workspace_id, collection=collection, state=Index.State.LIVE
        )
        collection.save()


async def test_another_index_is_asked_for_used_and_given_up(
    api_site: ApiSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = VectorMemory()
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: memory)
    work = sync_to_async(run_jobs)
    async with api_site.http() as http:
        base = f"/api/knowledge/collections/{await make(http)}"
        assert (await http.get(f"{base}/index")).json() == {"live": None, "building": None, "before": None}
        assert (await http.post(f"{base}/index", json={})).json()["code"] == "knowledge.no_index"
        await http.post(f"{base}/texts", json={"title": "Hours", "text": "Nine to five."})
        await work("knowledge.read")
        await work("knowledge.index")
        live = (await http.get(f"{base}/index")).json()["live"]
        assert (live["state"], live["chunk_tokens"], live["done"], live["progress"]) == ("live", 224, 1, 1.0)
        estimates = (await http.get(f"{base}/index/estimate?chunk_tokens=96&chunk_tokens=448")).json()
        assert [(one["chunk_tokens"], one["chunks"]) for one in estimates["items"]] == [(96, 1), (448, 1)]
        assert (await http.get(f"{base}/index/estimate?chunk_tokens=9")).status_code == 400

        assert (await http.post(f"{base}/index", json={"chunk_tokens": 9})).status_code == 422
        begun = await http.post(f"{base}/index", json={"chunk_tokens": 128})
        assert (begun.status_code, begun.json()["building"]["is_ready"]) == (201, False)
        assert (await http.post(f"{base}/index/use")).json()["code"] == "knowledge.index_is_not_ready"
        await work("knowledge.index")
        assert (await http.get(f"{base}/index")).json()["building"]["is_ready"] is True
        used = (await http.post(f"{base}/index/use")).json()
        assert (used["live"]["chunk_tokens"], used["before"]["chunk_tokens"]) == (128, 224)
        assert (await http.post(f"{base}/index/go-back")).json()["live"]["chunk_tokens"] == 224
        await http.post(f"{base}/index", json={})
        assert (await http.post(f"{base}/index/give-up")).json()["building"] is None
