"""Mail: over real SMTP, only to the server that the operator named, recorded without a word of what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from chatplatform.accounts.invitations import invite
from chatplatform.accounts.models import Role, User
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.environment.mail_server import mail_server
from chatplatform.jobs import publishing
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job
from chatplatform.jobs.runner import Runner
from chatplatform.privacy.errors import EgressFailed, EgressRefused
from chatplatform.privacy.mail_door import Letter, send_mail
from chatplatform.sign_in.limits import LINKS_BY_ACCOUNT
from chatplatform.testing.mail_server import MailServerFake, mail_server_running
from tests.integration.sign_in.conftest import SYSTEM, NewPerson, come_in, come_in_by_link, is_in

pytestmark = pytest.mark.django_db(databases=["default", "keys"], transaction=True)


@pytest.fixture
def bo(transactional_db: None, new_person: NewPerson) -> User:
    return new_person()


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "_quiet_until", float("inf"))


@pytest.fixture
def server(settings: Settings) -> Iterator[MailServerFake]:
    with mail_server_running() as fake:
        settings.MAIL_SERVER = mail_server(fake.url)
        settings.MAIL_FROM = "chat@example.org"
        yield fake


def run_jobs() -> list[str]:
    """Run the letters that wait, as a worker does; the states after."""
    with all_workspaces("test"):
        letters = Job.objects.filter(state="waiting", kind__startswith="sign_in.")
        waiting = list(letters.values_list("id", flat=True))
    for job_id in waiting:
        Runner(Heartbeat(on_stuck=lambda: None)).run(job_id)
    with all_workspaces("test"):
        return list(Job.objects.filter(id__in=waiting).values_list("state", flat=True))


def link_in(text: str) -> str:
    found = re.search(r"http://\S+", text)
    assert found, text
    return urlsplit(found[0]).path


def send(text: str = "Hello", *, to: str = "bo@example.org", subject: str = "Hi") -> None:
    send_mail(Letter(to, subject, text), purpose="test", actor=SYSTEM, workspace_id=None)


def test_a_link_by_mail(bo: User, server: MailServerFake) -> None:
    page = Client().post("/sign-in/mail/", {"email": "BO@example.org"})
    assert page.status_code == 200
    assert run_jobs() == ["succeeded"]
    (mail,) = server.taken
    assert mail.recipients == ["bo@example.org"]
    path = link_in(mail.text)
    browser = Client()
    assert browser.get(path).status_code == 200, "a preview does not use it up"
    assert browser.post(path).status_code == 302
    assert is_in(browser)
    assert Client().post(path).status_code == 400, "it works once"
    assert "mail" in AuditEvent.objects.get(code="accounts.signed_in").details


def test_an_unknown_address_gets_the_same_answer_and_no_mail(bo: User, server: MailServerFake) -> None:
    known, unknown = (Client().post("/sign-in/mail/", {"email": f"{n}@example.org"}) for n in ("bo", "xx"))
    pages = {re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", each.text) for each in (known, unknown)}
    assert len(pages) == 1
    with all_workspaces("test"):
        assert Job.objects.filter(kind="sign_in.mail_link").count() == 2, "the work is the same too"
    run_jobs()
    assert len(server.taken) == 1


def test_a_mailed_link_asks_for_the_code(bo: User, server: MailServerFake) -> None:
    from tests.integration.sign_in.test_one_time_codes import code_of, turn_on

    secret, _ = turn_on(come_in())
    Client().post("/sign-in/mail/", {"email": bo.email})
    run_jobs()
    browser = Client()
    assert browser.post(link_in(server.taken[0].text))["Location"] == "/sign-in/code/"
    assert not is_in(browser)
    browser.post("/sign-in/code/", {"code": code_of(secret)})
    assert is_in(browser)


def test_a_mailed_token_opens_no_other_door(bo: User, server: MailServerFake) -> None:
    """The link of who runs the place asks for no code: a mailed one must not pass for it."""
    Client().post("/sign-in/mail/", {"email": bo.email})
    run_jobs()
    token = link_in(server.taken[0].text).rstrip("/").rpartition("/")[2]
    assert Client().post(f"/sign-in/{token}/").status_code == 400


def test_links_are_limited(bo: User, server: MailServerFake) -> None:
    answers = [
        Client().post("/sign-in/mail/", {"email": bo.email}).status_code
        for _ in range(LINKS_BY_ACCOUNT.most + 1)
    ]
    assert answers == [200] * LINKS_BY_ACCOUNT.most + [429]


def test_without_a_server_there_is_no_such_page(bo: User, settings: Settings) -> None:
    assert settings.MAIL_SERVER is None
    assert Client().get("/sign-in/mail/")["Location"] == "/sign-in/"
    assert "/sign-in/mail/" not in Client().get("/sign-in/").content.decode()
    with pytest.raises(EgressRefused):
        send()


def test_an_invitation_is_mailed(bo: User, owner: User, server: MailServerFake) -> None:
    workspace_id = owner.memberships.get().workspace_id
    with workspace_scope(workspace_id):
        made = invite(email="new@example.org", role=Role.MEMBER, actor=Actor.person(owner.id))
        invite(email="", role=Role.MEMBER, actor=Actor.person(owner.id))
    assert run_jobs() == ["succeeded"], "an open invitation is copied by hand"
    (mail,) = server.taken
    assert mail.recipients == ["new@example.org"]
    assert made.url in mail.text


def test_the_test_button(bo: User, owner: User, server: MailServerFake) -> None:
    browser = come_in_by_link(owner)
    page = browser.post("/settings/mail/")
    assert page.status_code == 200
    assert server.taken[0].recipients == [owner.email]
    assert come_in().get("/settings/mail/").status_code == 403
    assert come_in().post("/settings/mail/").status_code == 403


def test_the_test_button_says_what_is_wrong(owner: User, settings: Settings) -> None:
    browser = come_in_by_link(owner)
    assert "CHATPLATFORM_EMAIL_URL" in browser.get("/settings/mail/").content.decode()
    settings.MAIL_SERVER = mail_server("smtp://127.0.0.1:1?tls=none")
    page = browser.post("/settings/mail/")
    assert page.status_code == 503
    assert "could not be reached" in page.content.decode()


def test_the_command(db: None, server: MailServerFake) -> None:
    output = StringIO()
    call_command("send_test_email", "bo@example.org", stdout=output)
    assert "Sent to bo@example.org" in output.getvalue()
    assert len(server.taken) == 1
    with pytest.raises(CommandError, match="not an e-mail address"):
        call_command("send_test_email", "nonsense")


def test_the_command_without_a_server(db: None) -> None:
    with pytest.raises(CommandError, match="No mail server is set"):
        call_command("send_test_email", "bo@example.org")


def test_what_is_recorded_holds_no_content(db: None, server: MailServerFake) -> None:
    send("a secret word: heron")
    row = AuditEvent.objects.get(code="privacy.mail.requested")
    assert "heron" not in row.details
    assert "bo@example.org" not in row.details + row.target_id
    assert '"purpose":"test"' in row.details


def test_without_the_record_nothing_leaves(
    db: None, server: MailServerFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no record")

    monkeypatch.setattr("chatplatform.privacy.mail_door.record", broken)
    with pytest.raises(RuntimeError):
        send()
    assert server.taken == []


def test_letters_in_any_script(db: None, server: MailServerFake) -> None:
    send("你好，山高水長。\n.\n..end", subject="邀请 " * 60)
    assert server.taken[0].text.splitlines()[:3] == ["你好，山高水長。", ".", "..end"]
    assert server.taken[0].message["Subject"].strip().startswith("邀请 邀请")


@pytest.mark.parametrize("to", ["bo@example.org\r\nBcc: all@example.org", "bo@example.org, li@example.org\n"])
def test_headers_cannot_be_smuggled_in(db: None, server: MailServerFake, to: str) -> None:
    with pytest.raises(EgressRefused):
        send(to=to)
    assert server.taken == []


def test_line_breaks_in_a_subject_are_spaces(db: None, server: MailServerFake) -> None:
    send(subject="Hi\r\nBcc: all@example.org")
    assert server.taken[0].message["Bcc"] is None
    assert server.taken[0].recipients == ["bo@example.org"]


def test_a_server_that_wants_an_account(db: None, settings: Settings) -> None:
    with mail_server_running(account=("me", "p@ss word")) as fake:
        settings.MAIL_SERVER = mail_server(f"smtp://me:p%40ss%20word@127.0.0.1:{fake.port}?tls=none")
        send()
        assert len(fake.taken) == 1
        settings.MAIL_SERVER = mail_server(f"smtp://me:wrong@127.0.0.1:{fake.port}?tls=none")
        with pytest.raises(EgressFailed):
            send()


def test_an_address_that_the_server_will_not_have(db: None, settings: Settings) -> None:
    with mail_server_running(refuses={"bo@example.org"}) as fake:
        settings.MAIL_SERVER = mail_server(fake.url)
        with pytest.raises(EgressRefused):
            send()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("smtp://192.0.2.1?tls=none", "mail_address_not_permitted"),
        ("smtp://169.254.169.254?tls=none", "mail_address_not_permitted"),
        ("smtp://no.such.host.invalid", "mail_host_not_found"),
        ("smtp://8.8.8.8?tls=none", "mail_not_encrypted"),
    ],
)
def test_where_nothing_is_sent(db: None, settings: Settings, url: str, code: str) -> None:
    settings.MAIL_SERVER = mail_server(url)
    with pytest.raises(EgressRefused) as refused:
        send()
    assert refused.value.code == code
    assert AuditEvent.objects.get(code="privacy.mail.requested").outcome == "refused"


def test_addresses_of_servers() -> None:
    server = mail_server("smtps://me:p%40ss@mail.example.org")
    assert server is not None
    assert (server.host, server.port, server.encryption) == ("mail.example.org", 465, "tls")
    assert (server.user, server.password) == ("me", "p@ss")
    assert "p@ss" not in repr(server)
    assert mail_server("") is None


@pytest.mark.parametrize(
    "url", ["mail.example.org", "http://x", "smtp://", "smtp://x?tls=maybe", "smtp://x?ssl=1", "smtp://x?tls"]
)
def test_bad_addresses_of_servers(url: str) -> None:
    with pytest.raises(ValueError, match=r"CHATPLATFORM_EMAIL_URL|bad query"):
        mail_server(url)
