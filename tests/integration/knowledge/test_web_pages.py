"""Web pages as documents, from a real server: what is followed, taken, left out, taken again and given up."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from chatplatform.accounts.models import Membership, Role
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotAllowed, NotFound, TooMany
from chatplatform.common.scope import workspace_scope
from chatplatform.documents import marks
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.services import cancel
from chatplatform.knowledge import content as documents_content
from chatplatform.knowledge import document_queries
from chatplatform.knowledge.collections import Grant, create_collection, delete_collection, set_access
from chatplatform.knowledge.document_acts import delete_documents
from chatplatform.knowledge.documents import add_text
from chatplatform.knowledge.models import Document
from chatplatform.knowledge.web_pages import chores, content, crawl, fetching, queries, services
from chatplatform.knowledge.web_pages.fetching import Limits, Way
from chatplatform.knowledge.web_pages.models import WebPage
from chatplatform.knowledge.web_pages.models import WebSite as Site
from chatplatform.testing.web_site import Answer, WebSite, serving
from tests.integration.api.test_files_api import run_jobs
from tests.integration.web.conftest import MakePerson, Someone, make_person, member, owner, workspace

__all__ = ["make_person", "member", "owner", "workspace"]

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

SYSTEM = Actor.system("test")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def web() -> Iterator[WebSite]:
    with serving() as site:
        yield site


@pytest.fixture(autouse=True)
def way(web: WebSite, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is permitted for these tests, under one name and no other."""
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"
    permit(settings, web.name)
    limits = Limits(page_s=5, connect_s=2, body_bytes=200_000, pause_s=0)
    monkeypatch.setattr(fetching, "WAY", Way(allow_private=True, resolve=web.resolve, limits=limits))


@pytest.fixture
def collection(owner: Someone) -> Iterator[UUID]:
    with workspace_scope(owner.workspace.id):
        yield create_collection("Handbook", actor=SYSTEM)


def permit(settings: Settings, *hosts: str) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"web_page_hosts": hosts})


def add(web: WebSite, collection_id: UUID, path: str = "/", **more: object) -> UUID:
    given: dict[str, object] = {"most_pages": 50, "depth": 5, "actor": SYSTEM, **more}
    return services.add_site(collection_id, web.url + path, **given)  # type: ignore[arg-type]


def fetch() -> None:
    run_jobs("knowledge.fetch_pages")


def again(site_id: UUID, **more: bool) -> None:
    services.fetch_again(site_id, actor=SYSTEM, **more)
    fetch()


def states(site_id: UUID) -> dict[str, tuple[str, str]]:
    """State and problem of each page, by its path."""
    found = {}
    for page in WebPage.objects.filter(site_id=site_id):
        path = "/" + content.address_of(page).split("/", 3)[3]
        found[path] = (page.state, page.problem)
    return found


def site_of(site_id: UUID) -> tuple[str, str]:
    row = Site.objects.get(id=site_id)
    return row.state, row.problem


def origins(collection_id: UUID, web: WebSite) -> list[str]:
    return sorted(origin.removeprefix(web.url) for origin in document_queries.origins_of(collection_id))


def test_a_site_becomes_documents_that_say_where_they_came_from(
    web: WebSite, collection: UUID, owner: Someone
) -> None:
    web.page("/", '<title>Start</title><a href="/tents#top">Tents</a> <a href="tents?utm_source=x">Again</a>')
    web.page("/tents", '<title>Tents</title><h2>Tents</h2><a href="/">Back</a><a href="/guide.pdf">Guide</a>')
    web.pages["/guide.pdf"] = Answer(b"%PDF-1.4 broken", kind="application/pdf")
    site_id = add(web, collection)
    assert site_of(site_id) == ("waiting", "")
    fetch()
    assert site_of(site_id) == ("done", "")
    assert states(site_id) == {
        "/": ("taken", ""), "/tents": ("taken", ""), "/guide.pdf": ("taken", ""),
    }  # fmt: skip
    assert sorted(web.asked) == ["/", "/guide.pdf", "/robots.txt", "/tents"], "a loop of links is gone once"
    assert web.most_at_once == 1
    assert web.headers[-1]["User-Agent"].startswith("chatplatform ")
    run_jobs("knowledge.read")
    document_id = document_queries.origins_of(collection)[web.url + "/tents"]
    view = document_queries.document_view(owner.user.id, document_id)
    assert (view.source, view.title, view.name, view.origin) == (
        "web", "Tents", "tents.html", web.url + "/tents",
    )  # fmt: skip
    row = Document.objects.get(id=document_id)
    assert b"/tents" not in bytes(row.origin)
    for event in AuditEvent.objects.filter(code__startswith="knowledge.site"):
        assert web.name not in event.details
    assert not any("tents" in json.dumps(job.args) for job in Job.objects.all())


def test_what_did_not_change_is_not_taken_again_and_what_is_gone_goes(web: WebSite, collection: UUID) -> None:
    web.page("/", '<a href="/a">A</a><a href="/b">B</a><a href="/c">C</a><a href="/d">D</a>')
    web.page("/a", "<p>First", headers={"ETag": '"1"'})
    web.page("/b", "<p>Second")
    web.page("/c", "<p>Third")
    web.page("/d", "<p>Fourth")
    site_id = add(web, collection)
    fetch()
    before = document_queries.origins_of(collection)
    assert len(before) == 5
    web.page("/b", "<p>Second, changed")
    del web.pages["/c"]
    web.page("/d", "<p>Fourth", status=503)
    web.forget()
    services.fetch_again(site_id, actor=SYSTEM)
    services.stop_site(site_id, actor=SYSTEM)
    web.page("/d", "<p>Fourth", status=500)
    again(site_id)
    assert states(site_id) == {
        "/": ("unchanged", ""),
        "/a": ("unchanged", ""),
        "/b": ("taken", ""),
        "/c": ("gone", "page_gone"),
        "/d": ("failed", "server_fault"),
    }
    asked = dict(zip(web.asked, web.headers, strict=True))
    assert asked["/a"]["If-None-Match"] == '"1"'
    after = document_queries.origins_of(collection)
    assert after == {origin: before[origin] for origin in before if not origin.endswith("/c")}, (
        "the same ones"
    )
    revisions = {
        documents_content.field_of(row, documents_content.Field.ORIGIN)[-2:]: row.revision
        for row in Document.objects.all()
    }
    assert revisions["/b"] == 2
    assert revisions["/a"] == 1

    # what failed alone is tried again, and the one that was gone is forgotten
    web.page("/d", "<p>Fourth")
    web.forget()
    again(site_id, only_failed=True)
    assert web.asked == ["/robots.txt", "/d"]
    assert states(site_id)["/d"] == ("unchanged", "")
    assert "/c" not in states(site_id)
    with pytest.raises(Conflict):
        services.fetch_again(site_id, only_failed=True, actor=SYSTEM)


def test_documents_of_gone_pages_stay_where_that_is_wished(web: WebSite, collection: UUID) -> None:
    web.page("/", "<p>Here")
    site_id = add(web, collection, most_pages=1, depth=0, removes_gone=False)
    fetch()
    del web.pages["/"]
    again(site_id)
    assert site_of(site_id) == ("failed", "page_gone")
    assert origins(collection, web) == ["/"]
    services.change_site(site_id, every="never", removes_gone=True, actor=SYSTEM)
    again(site_id)
    assert origins(collection, web) == []


def test_robots_and_pages_that_are_not_to_be_kept(web: WebSite, collection: UUID) -> None:
    web.pages["/robots.txt"] = Answer(
        b"User-agent: *\nAllow: /\nDisallow: /private\nDisallow: /*.cgi$", kind="text/plain"
    )
    web.page(
        "/",
        '<a href="/private/x">P</a><a href="/run.cgi">C</a><a href="/hidden">H</a><a href="/dead-end">D</a>'
        '<a href="/header">X</a><a rel="nofollow" href="/unwanted">U</a><a href="/leads">L</a>',
    )
    web.page("/hidden", '<meta name="robots" content="noindex"><a href="/behind">B</a>')
    web.page("/behind", "<p>Behind")
    web.page("/dead-end", '<meta name="ROBOTS" content="NoFollow"><p>End <a href="/further">F</a>')
    web.page("/header", "<p>No", headers={"X-Robots-Tag": "noindex"})
    web.page("/leads", "", status=302, headers={"Location": "/private/y"})
    site_id = add(web, collection)
    fetch()
    assert states(site_id) == {
        "/": ("taken", ""),
        "/hidden": ("left_out", "noindex"),
        "/behind": ("taken", ""),
        "/dead-end": ("taken", ""),
        "/header": ("left_out", "noindex"),
        "/leads": ("left_out", "robots"),
    }
    assert not {"/private/x", "/private/y", "/run.cgi", "/further", "/unwanted"} & set(web.asked)
    # excluded later: its document goes
    web.pages["/robots.txt"] = Answer(b"User-agent: chatplatform\nDisallow: /behind", kind="text/plain")
    again(site_id)
    assert states(site_id)["/behind"] == ("left_out", "robots")
    assert "/behind" not in origins(collection, web)


@pytest.mark.parametrize(
    ("status", "state", "problem"),
    [(404, "done", ""), (403, "failed", "robots"), (500, "failed", "robots_unknown")],
)
def test_a_robots_txt_that_cannot_be_read(
    web: WebSite, collection: UUID, status: int, state: str, problem: str
) -> None:
    web.pages["/robots.txt"] = Answer(b"", status)
    web.page("/", "<p>Here")
    site_id = add(web, collection)
    fetch()
    assert site_of(site_id) == (state, problem)
    assert ("/" in web.asked) == (status == 404)


def test_only_the_part_that_was_asked_for(web: WebSite, collection: UUID) -> None:
    web.page(
        "/docs/",
        '<a href="a">A</a><a href="/docsets">S</a><a href="/docs/../blog">B</a><a href="/docs">D</a>',
    )
    web.page("/docs", "<p>Docs")
    web.page("/docs/a", '<p>A</p><a href="/docs/b">B</a>')
    web.page("/docs/b", '<p>B</p><a href="/docs/c">C</a>')
    for path in ("/docsets", "/blog", "/docs/c"):
        web.page(path, f"<p>{path}")
    site_id = add(web, collection, "/docs/", prefix="/docs", depth=2)
    fetch()
    assert sorted(states(site_id)) == ["/docs", "/docs/", "/docs/a", "/docs/b"]
    # so many pages, however many there are
    web.page("/many", "".join(f'<a href="/n/{n}">{n}</a>' for n in range(100)))
    for n in range(100):
        web.page(f"/n/{n}", f"<p>Page {n}<a href='/n/{n}/deeper'>")
    few = add(web, collection, "/many", most_pages=7)
    fetch()
    assert len(states(few)) == 7


def test_the_same_page_is_taken_once(web: WebSite, collection: UUID) -> None:
    web.page(
        "/",
        '<a href="/old">O</a><a href="/print?p=1">P</a><a href="/copy">C</a><a href="/x">X</a><a href="/y">Y</a>',
    )
    web.page("/old", "", status=301, headers={"Location": "/new"})
    web.page("/new", "<p>New")
    web.page("/print?p=1", '<link rel="canonical" href="/new"><p>New, to print')
    web.page("/copy", "<p>Pasted already")
    # two that each call the other their own
    web.page("/x", '<link rel=canonical href="/y"><p>X')
    web.page("/y", '<link rel=canonical href="/x"><p>Y')
    add_text(collection, "Other", "<p>Pasted already", actor=SYSTEM)
    site_id = add(web, collection)
    fetch()
    found = states(site_id)
    assert found["/old"] == found["/print?p=1"] == ("same", "other_address")
    assert found["/new"] == ("taken", "")
    assert found["/copy"] == ("same", "same_content")
    assert Counter(state for state, _ in (found["/x"], found["/y"])) == {"taken": 1, "same": 1}
    assert origins(collection, web)[:2] == ["/", "/new"]
    # canonical addresses of another host are not believed
    web.page("/", '<link rel="canonical" href="https://elsewhere.test/"><p>Start')
    again(site_id)
    assert states(site_id)["/"] == ("taken", "")


def test_what_is_no_page_says_why(web: WebSite, collection: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "CPU_S", 1)
    paths = {
        "/busy": (Answer(b"<a b='" * 30_000), "failed", "page_markup"),
        "/picture": (Answer(PNG, kind="image/png"), "left_out", "wrong_type"),
        "/lie": (Answer(PNG), "left_out", "wrong_type"),
        "/empty": (Answer(b" \n"), "left_out", "page_empty"),
        "/huge": (Answer(b"<p>" + bytes(200_001)), "left_out", "page_too_large"),
        "/bomb": (
            Answer(gzip.compress(b"a" * 300_000), headers={"Content-Encoding": "gzip"}),
            "left_out",
            "page_too_large",
        ),
        "/packed": (Answer(gzip.compress(b"<p>Packed"), headers={"Content-Encoding": "gzip"}), "taken", ""),
        "/odd": (Answer(b"x", headers={"Content-Encoding": "br"}), "failed", "other_answer"),
        "/members": (Answer(b"", 401), "failed", "sign_in"),
        "/teapot": (Answer(b"", 418), "failed", "other_answer"),
        "/round": (Answer(b"", 302, headers={"Location": "/round"}), "failed", "too_many_redirects"),
        "/away": (Answer(b"", 302, headers={"Location": "https://elsewhere.test/"}), "left_out", "elsewhere"),
        "/broken": (Answer(b"<html><p>Half <b>a <a href='/n'x <![bad <table><tr"), "taken", ""),
        "/untold": (Answer(b"# Plain", kind=""), "taken", ""),
        "/text": (Answer(b"Plain", kind="text/plain"), "taken", ""),
    }
    web.page("/", "".join(f'<a href="{path}">x</a>' for path in paths) + '<a href="mailto:a@b">m</a>')
    web.pages |= {path: answer for path, (answer, _state, _problem) in paths.items()}
    site_id = add(web, collection, depth=1)
    fetch()
    found = states(site_id)
    del found["/"]
    assert found == {path: (state, problem) for path, (_answer, state, problem) in paths.items()}
    for view in queries.page_list(_owner(), site_id).pages:
        assert bool(view.message) == bool(view.problem)


def _owner() -> UUID:
    return Membership.objects.filter(role=Role.OWNER).values_list("user_id", flat=True)[0]


def test_a_slow_site_is_given_up(web: WebSite, collection: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(page_s=0.2, connect_s=0.2, pause_s=0)
    monkeypatch.setattr(fetching, "WAY", Way(allow_private=True, resolve=web.resolve, limits=limits))
    web.page("/", "".join(f'<a href="/{n}">{n}</a>' for n in range(9)))
    for n in range(9):
        web.page(f"/{n}", "<p>Late", waits=True)
    site_id = add(web, collection)
    fetch()
    assert site_of(site_id) == ("failed", "page_too_slow")
    assert len([path for path in web.asked if path[1:].isdigit()]) == crawl.MOST_SILENT
    assert Counter(states(site_id).values()) == {("taken", ""): 1, ("failed", "page_too_slow"): 9}


def test_a_site_that_asks_to_be_left_alone_is(web: WebSite, collection: UUID) -> None:
    web.page("/", '<a href="/a">a</a><a href="/b">b</a>')
    web.page("/a", "", status=429)
    web.page("/b", "", status=429)
    site_id = add(web, collection)
    fetch()
    assert site_of(site_id) == ("failed", "server_busy")
    assert len({"/a", "/b"} & set(web.asked)) == 1, "nothing more was asked of it"


def test_nothing_is_fetched_that_is_not_permitted(web: WebSite, collection: UUID, settings: Settings) -> None:
    permit(settings)
    with pytest.raises(Conflict) as raised:
        add(web, collection)
    assert raised.value.code == "web_host_not_permitted"
    assert "CHATPLATFORM_WEB_PAGE_HOSTS" in str(raised.value.message)
    permit(settings, web.name)
    site_id = add(web, collection)
    permit(settings, "other.test")
    fetch()
    assert site_of(site_id) == ("failed", "host_not_permitted")
    assert web.asked == []
    permit(settings, ".test")
    again(site_id)
    assert web.asked[0] == "/robots.txt"


@pytest.mark.parametrize(
    ("address", "resolved", "problem"),
    [
        ("https://127.0.0.1/", ["127.0.0.1"], "address_not_permitted"),
        ("https://2130706433/", ["127.0.0.1"], "address_not_permitted"),
        ("https://0x7f.1/", ["127.0.0.1"], "address_not_permitted"),
        ("https://[::1]/", ["::1"], "address_not_permitted"),
        ("https://[::ffff:10.0.0.8]/", ["::ffff:10.0.0.8"], "address_not_permitted"),
        ("https://inner.test/", ["10.1.2.3"], "address_not_permitted"),
        ("https://inner.test/", ["172.16.0.1"], "address_not_permitted"),
        ("https://inner.test/", ["192.168.1.1"], "address_not_permitted"),
        ("https://inner.test/", ["169.254.169.254"], "address_not_permitted"),
        ("https://inner.test/", ["fd00::1"], "address_not_permitted"),
        ("https://inner.test/", ["fe80::1"], "address_not_permitted"),
        ("https://inner.test/", ["0.0.0.0"], "address_not_permitted"),
        ("https://inner.test/", ["8.8.8.8", "127.0.0.1"], "address_not_permitted"),
        ("https://inner.test/", ["64:ff9b::7f00:1"], "address_not_permitted"),
        ("http://inner.test/", ["8.8.8.8"], "not_encrypted"),
        ("https://inner.test/", [], "host_not_found"),
    ],
)
def test_private_addresses_are_never_reached(
    collection: UUID,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    resolved: list[str],
    problem: str,
) -> None:
    """Even where the host is permitted by name."""

    async def resolve(host: str, port: int) -> Collection[str]:
        return resolved

    hosts = ("127.0.0.1", "2130706433", "0x7f.1", "::1", "::ffff:10.0.0.8", "inner.test")
    permit(settings, *hosts)
    monkeypatch.setattr(fetching, "WAY", Way(resolve=resolve, limits=Limits(pause_s=0)))
    site_id = services.add_site(collection, address, actor=SYSTEM)
    fetch()
    assert site_of(site_id) == ("failed", problem)
    refused = AuditEvent.objects.filter(code="privacy.egress.requested").order_by("id").last()
    assert refused is not None
    assert json.loads(refused.details)["reason"] == problem


def test_a_name_that_changes_its_answer_gains_nothing(
    web: WebSite, collection: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request is resolved once, and goes to the address that was checked."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Collection[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) < 3 else ["169.254.169.254"]

    limits = Limits(pause_s=0)
    monkeypatch.setattr(fetching, "WAY", Way(allow_private=True, resolve=rebinding, limits=limits))
    web.page("/", '<a href="/a">a</a><a href="/b">b</a>')
    web.page("/a", "<p>A")
    site_id = add(web, collection)
    fetch()
    assert web.asked == ["/robots.txt", "/"]
    assert len(asked) == 3
    assert site_of(site_id) == ("failed", "address_not_permitted")


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:{port}/secret", "http://2130706433:{port}/secret", "//other.test/", "file:///etc/passwd",
     "http://user:word@site.test:{port}/secret", "http://site.test:1/", "gopher://site.test/"],
)  # fmt: skip
def test_redirects_lead_nowhere_else(web: WebSite, collection: UUID, target: str) -> None:
    web.page("/", "", status=302, headers={"Location": target.format(port=web.port)})
    web.page("/secret", "<p>Secret")
    site_id = add(web, collection)
    fetch()
    assert "/secret" not in web.asked
    assert states(site_id)["/"][1] in {"elsewhere", "other_answer"}
    assert Document.objects.count() == 0


def test_addresses_that_make_no_sense_are_refused(web: WebSite, collection: UUID) -> None:
    for address in (
        "",
        "site.test",
        "ftp://site.test/",
        "javascript:alert(1)",
        "https://u:p@site.test/",
        "https://",
    ):
        with pytest.raises(InvalidInput):
            services.add_site(collection, address, actor=SYSTEM)
    for limits in ({"most_pages": 0}, {"most_pages": 100_000}, {"depth": -1}, {"every": "second"}):
        with pytest.raises(InvalidInput):
            add(web, collection, **limits)
    add(web, collection)
    with pytest.raises(Conflict):
        add(web, collection, "/#top")


def test_it_is_stopped_and_goes_on(web: WebSite, collection: UUID) -> None:
    web.page("/", '<a href="/a">a</a>')
    web.page("/a", "<p>A")
    site_id = add(web, collection)
    with pytest.raises(Conflict):
        services.fetch_again(site_id, actor=SYSTEM)
    services.stop_site(site_id, actor=SYSTEM)
    fetch()
    assert web.asked == []
    assert (site_of(site_id), states(site_id)["/"]) == (
        ("stopped", "fetching_stopped"), ("failed", "fetching_stopped"),
    )  # fmt: skip
    with pytest.raises(Conflict):
        services.stop_site(site_id, actor=SYSTEM)
    again(site_id, only_failed=True)
    assert site_of(site_id) == ("done", "")
    assert origins(collection, web) == ["/", "/a"]


def test_a_run_that_another_one_followed_goes_no_further(
    web: WebSite, collection: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = crawl.take

    def overtaken(site: Site, *args: Any) -> None:
        monkeypatch.setattr(crawl, "take", taken)
        services.stop_site(site.id, actor=SYSTEM)
        services.fetch_again(site.id, actor=SYSTEM)
        taken(site, *args)

    monkeypatch.setattr(crawl, "take", overtaken)
    web.page("/", '<a href="/a">a</a>')
    web.page("/a", "<p>A")
    site_id = add(web, collection)
    fetch()
    assert web.asked == ["/robots.txt", "/"], "the pages are the next job's"
    assert site_of(site_id)[0] == "waiting"
    fetch()
    assert site_of(site_id) == ("done", "")
    assert origins(collection, web) == ["/", "/a"]


def test_it_is_done_in_slices_and_one_site_of_a_host_at_a_time(
    web: WebSite, collection: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawl, "SLICE_S", 0)
    web.page("/", '<a href="/a">a</a>')
    web.page("/a", "<p>A")
    web.page("/b", "<p>B")
    first, second = add(web, collection), add(web, collection, "/b", depth=0)
    fetch()
    assert (site_of(first)[0], site_of(second)[0]) == ("running", "waiting")
    for _ in range(4):
        fetch()
    assert (site_of(first)[0], site_of(second)[0]) == ("done", "done")
    assert origins(collection, web) == ["/", "/a", "/b"]


def test_what_was_dropped_is_taken_up_and_what_was_called_off_is_not(web: WebSite, collection: UUID) -> None:
    web.page("/", "<p>Here")
    site_id = add(web, collection)
    Site.objects.update(asked_at=now() - timedelta(minutes=1))
    Job.objects.filter(kind="knowledge.fetch_pages").delete()
    chores.take_up_what_was_dropped()
    fetch()
    assert site_of(site_id) == ("done", "")
    services.fetch_again(site_id, actor=SYSTEM)
    Site.objects.update(asked_at=now() - timedelta(minutes=1))
    chores.take_up_what_was_dropped()
    (job,) = Job.objects.filter(kind="knowledge.fetch_pages", state=JobState.WAITING)
    cancel(job.id, actor=SYSTEM)
    chores.take_up_what_was_dropped()
    assert site_of(site_id) == ("stopped", "fetching_stopped")


def test_it_is_fetched_by_its_schedule(web: WebSite, collection: UUID) -> None:
    web.page("/", "<p>Here")
    site_id = add(web, collection, every="day")
    fetch()
    chores.fetch_what_is_due()
    assert site_of(site_id)[0] == "done", "not yet"
    Site.objects.update(next_at=now() - timedelta(minutes=1))
    chores.fetch_what_is_due()
    chores.fetch_what_is_due()
    assert site_of(site_id)[0] == "waiting"
    following = Site.objects.get(id=site_id).next_at
    assert following is not None
    assert following > now() + timedelta(hours=23)
    fetch()
    assert states(site_id) == {"/": ("unchanged", "")}
    services.change_site(site_id, every="never", removes_gone=True, actor=SYSTEM)
    assert Site.objects.get(id=site_id).next_at is None


def test_it_goes_with_or_without_its_documents(web: WebSite, collection: UUID) -> None:
    web.page("/", "<p>Here")
    site_id = add(web, collection)
    fetch()
    assert services.remove_site(site_id, with_documents=False, actor=SYSTEM) == 0
    assert origins(collection, web) == ["/"]
    site_id = add(web, collection)
    fetch()
    assert states(site_id) == {"/": ("unchanged", "")}, "it is the same document"
    assert services.remove_site(site_id, with_documents=True, actor=SYSTEM) == 1
    assert (origins(collection, web), WebPage.objects.count()) == ([], 0)
    # a page that somebody deletes comes with the next fetch
    site_id = add(web, collection)
    fetch()
    delete_documents(list(Document.objects.values_list("id", flat=True)), actor=SYSTEM)
    again(site_id)
    assert origins(collection, web) == ["/"]
    delete_collection(collection, actor=SYSTEM)
    run_jobs("knowledge.delete_collection")
    assert Site.objects.count() == 0


def test_who_may(web: WebSite, collection: UUID, make_person: MakePerson, owner: Someone) -> None:
    editor, reader, agent = make_person(Role.PROMPT_EDITOR), make_person(), make_person(Role.SUPPORT_AGENT)
    stranger = make_person(Role.OWNER, elsewhere=True)
    site_id = add(web, collection, actor=Actor.person(editor.user.id))
    with pytest.raises(NotAllowed):
        add(web, collection, "/x", actor=Actor.person(reader.user.id))
    for act in (
        lambda who: services.fetch_again(site_id, actor=who),
        lambda who: services.stop_site(site_id, actor=who),
        lambda who: services.change_site(site_id, every="day", removes_gone=True, actor=who),
        lambda who: services.remove_site(site_id, with_documents=True, actor=who),
    ):
        with pytest.raises(NotAllowed):
            act(Actor.person(agent.user.id))
        with pytest.raises(NotFound):
            act(Actor.person(stranger.user.id))
    assert [view.id for view in queries.site_list(reader.user.id, collection)] == [site_id]
    with pytest.raises(NotFound):
        queries.site_view(stranger.user.id, site_id)
    with workspace_scope(stranger.workspace.id), pytest.raises(NotFound):
        queries.site_view(stranger.user.id, site_id)
    # a right that was taken back meanwhile holds for what is fetched from then on
    set_access(collection, "chosen", [Grant(person_id=owner.user.id)], actor=SYSTEM)
    web.page("/", "<p>Here")
    fetch()
    assert site_of(site_id) == ("failed", "not_allowed")
    with pytest.raises(NotFound):
        queries.page_list(reader.user.id, site_id)


def test_a_full_collection_says_so(
    web: WebSite, collection: UUID, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"knowledge_documents": 1})
    web.page("/", '<p>Start</p><a href="/a">a</a>')
    web.page("/a", "<p>A")
    site_id = add(web, collection)
    fetch()
    assert states(site_id)["/a"] == ("failed", "collection_full")
    monkeypatch.setattr(services, "MOST_SITES", 1)
    with pytest.raises(TooMany):
        add(web, collection, "/other")


def test_the_command_does_the_same(
    web: WebSite, collection: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*words: str) -> str:
        call_command("knowledge", *words)
        return capsys.readouterr().out.strip()

    web.page("/", '<a href="/a">a</a>')
    web.page("/a", "", status=500)
    with pytest.raises(CommandError, match="CHATPLATFORM_WEB_PAGE_HOSTS"):
        told("fetch", "Handbook", "https://not-permitted.test/")
    assert told("fetch", "Handbook", web.url, "--pages", "9", "--every", "week").startswith("added")
    assert told("fetch", "Handbook") == "", "it is being fetched already"
    fetch()
    assert f"    {web.url}/a: The site has a fault of its own." in told("sites", "Handbook")
    web.page("/a", "<p>A")
    assert told("fetch", "Handbook", web.url + "/", "--only-failed").endswith("fetched again")
    assert told("fetch", "Handbook", "--stop").endswith("stopped")
    assert "stopped" in told("sites", "Handbook")
    with pytest.raises(CommandError):
        told("forget", "Handbook", "https://other.test/")
    assert told("forget", "Handbook", web.url + "/", "--documents") == "taken away, with 1 documents"
    assert told("sites", "Handbook") == ""
