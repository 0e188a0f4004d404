"""Outbound HTTP: named hosts, checked and pinned addresses, limits, and a record of every connection."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from chatplatform.audit.errors import AuditUnavailable
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.threads import in_thread
from chatplatform.privacy import egress
from chatplatform.privacy.egress import (
    EgressClient,
    EgressFailed,
    EgressLimits,
    EgressRefused,
    EgressTooLarge,
    open_egress,
)

pytestmark = pytest.mark.django_db(databases=["default"], transaction=True)


class Server:
    """An HTTP server on loopback that answers by path and remembers what it was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: list[str] = []
        self.answers: dict[str, bytes] = {}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        site.requests.append(request)
        answer = site.answers.get(request.split()[1], b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        if answer == b"never":
            await ended.wait()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    ended = asyncio.Event()
    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    site = Server(running.sockets[0].getsockname()[1])
    yield site
    ended.set()
    running.close()
    await running.wait_closed()
    await asyncio.sleep(0.01)


def _names(**addresses: Collection[str]) -> Callable[[str, int], Awaitable[Collection[str]]]:
    async def resolve(host: str, port: int) -> Collection[str]:
        found = addresses.get(host.replace(".", "_"))
        if found is None:
            raise OSError("no such host")
        return found

    return resolve


@asynccontextmanager
async def _client(**changes: Any) -> AsyncIterator[EgressClient]:
    arguments: dict[str, Any] = {
        "purpose": "test.fetch",
        "actor": Actor.system("test"),
        "workspace_id": uuid4(),
        "hosts": ["shop.test"],
        "allow_private": True,
        "resolve": _names(shop_test=["127.0.0.1"]),
    }
    async with open_egress(**arguments | changes) as client:
        yield client


@in_thread
def _records() -> list[tuple[str, dict[str, object]]]:
    return [(event.outcome, json.loads(event.details)) for event in AuditEvent.objects.order_by("id")]


async def _refused(code: str, url: str, **changes: Any) -> None:
    async with _client(**changes) as client:
        with pytest.raises(EgressRefused) as raised:
            await client.request("GET", url)
    assert raised.value.code == code
    if code != "url_invalid":
        outcome, details = (await _records())[-1]
        assert (outcome, details["reason"]) == ("refused", code)


async def test_a_named_host_is_reached_by_its_checked_address(server: Server) -> None:
    async with _client() as client:
        answer = await client.request(
            "GET", f"http://shop.test:{server.port}/secret-path?q=word", headers={"x-a": "b"}
        )
    assert (answer.status, answer.body) == (200, b"hi")
    assert f"Host: shop.test:{server.port}" in server.requests[0]
    assert "x-a: b" in server.requests[0]
    ((outcome, details),) = await _records()
    assert outcome == "ok"
    assert details == {
        "host": "shop.test", "port": server.port, "method": "GET", "purpose": "test.fetch", "reason": "",
    }  # fmt: skip


async def test_a_body_is_sent(server: Server) -> None:
    async with _client() as client:
        await client.request("POST", f"http://shop.test:{server.port}/", content=b"12345")
    assert "content-length: 5" in server.requests[0].lower()


async def test_the_name_is_resolved_once_and_pinned(server: Server) -> None:
    """A name that answers with a good address first and a bad one later gains nothing."""
    asked = 0

    async def rebinding(host: str, port: int) -> Collection[str]:
        nonlocal asked
        asked += 1
        return ["127.0.0.1"] if asked == 1 else ["169.254.169.254"]

    async with _client(resolve=rebinding) as client:
        await client.request("GET", f"http://shop.test:{server.port}/")
        assert asked == 1
        with pytest.raises(EgressRefused):
            await client.request("GET", f"http://shop.test:{server.port}/")
    assert len(server.requests) == 1


async def test_other_hosts_are_refused(server: Server) -> None:
    resolve = _names(shop_test=["127.0.0.1"], evil_test=["127.0.0.1"])
    for url in (
        f"http://evil.test:{server.port}/",
        f"http://127.0.0.1:{server.port}/",
        f"http://2130706433:{server.port}/",
        f"http://shop.test.evil.test:{server.port}/",
    ):
        await _refused("host_not_permitted", url, resolve=resolve)
    await _refused("credentials_in_url", f"http://user:word@shop.test:{server.port}/")
    assert server.requests == []


@pytest.mark.parametrize(
    "url", ["ftp://shop.test/", "file:///etc/passwd", "shop.test", "http://", "https://shop.test:99999/"]
)
async def test_what_is_no_web_address_is_refused(url: str) -> None:
    async with _client() as client:
        with pytest.raises(EgressRefused):
            await client.request("GET", url)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.8"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["169.254.169.254"],
        ["8.8.8.8", "127.0.0.1"],
        ["fd00::1"],
    ],
)
async def test_names_of_inner_addresses_are_refused(server: Server, addresses: list[str]) -> None:
    await _refused(
        "address_not_permitted",
        f"https://shop.test:{server.port}/",
        allow_private=False,
        resolve=_names(shop_test=addresses),
    )
    assert server.requests == []


async def test_even_with_private_networks_permitted_the_metadata_address_is_not() -> None:
    await _refused(
        "address_not_permitted", "http://shop.test/", resolve=_names(shop_test=["169.254.169.254"])
    )


async def test_public_hosts_are_spoken_to_in_cipher_only() -> None:
    await _refused("not_encrypted", "http://shop.test/", resolve=_names(shop_test=["8.8.8.8"]))


async def test_a_name_that_is_not_known_is_refused() -> None:
    await _refused("host_not_found", "https://shop.test/", resolve=_names())
    await _refused("host_not_found", "https://shop.test/", resolve=_names(shop_test=[]))


async def test_redirects_pass_the_same_door(server: Server) -> None:
    def moved(url: str) -> bytes:
        return f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()

    server.answers = {
        "/good": moved("/end"),
        "/evil": moved(f"http://evil.test:{server.port}/"),
        "/inner": moved(f"http://inner.test:{server.port}/"),
        "/file": moved("file:///etc/passwd"),
        "/loop": moved("/loop"),
    }
    resolve = _names(shop_test=["127.0.0.1"], inner_test=["169.254.169.254"], evil_test=["127.0.0.1"])
    async with _client(hosts=["shop.test", "inner.test"], resolve=resolve) as client:
        base = f"http://shop.test:{server.port}"
        assert (await client.request("GET", f"{base}/good")).status == 200
        for path in ("/evil", "/inner", "/file"):
            with pytest.raises(EgressRefused):
                await client.request("GET", base + path)
        with pytest.raises(EgressFailed):
            await client.request("GET", f"{base}/loop")
    assert not any("evil.test" in request for request in server.requests)


async def test_an_answer_has_its_limits(server: Server) -> None:
    import gzip

    bomb = gzip.compress(b"0" * 1_000_000)
    server.answers = {
        "/large": b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + b"0" * 3000,
        "/bomb": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
        + bomb,
        "/never": b"never",
        "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n123",
        "/rubbish": b"\0\1\2 rubbish\r\n\r\n",
    }
    async with _client(limits=EgressLimits(total_s=0.5, body_bytes=2000)) as client:
        base = f"http://shop.test:{server.port}"
        for path in ("/large", "/bomb"):
            with pytest.raises(EgressTooLarge):
                await client.request("GET", base + path)
        for path in ("/never", "/cut", "/rubbish"):
            with pytest.raises(EgressFailed):
                await client.request("GET", base + path)


async def test_nobody_listening_is_a_failure_in_words() -> None:
    async with _client() as client:
        with pytest.raises(EgressFailed) as raised:
            await client.request("GET", "http://shop.test:9/")
    assert str(raised.value.message)


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(1))
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=_own_certificate(tmp_path, "shop.test"))
    async with _client() as client:
        with pytest.raises(EgressFailed):
            await client.request("GET", f"https://shop.test:{running.sockets[0].getsockname()[1]}/")
    running.close()
    await running.wait_closed()
    assert asked == []


def _own_certificate(folder: Path, host: str) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    moment = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_without_a_record_nothing_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AuditUnavailable

    monkeypatch.setattr(egress, "record", refuse)
    async with _client() as client:
        with pytest.raises(AuditUnavailable):
            await client.request("GET", f"http://shop.test:{server.port}/")
    assert server.requests == []


async def test_proxies_of_the_environment_are_ignored(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with _client() as client:
        assert (await client.request("GET", f"http://shop.test:{server.port}/")).status == 200


async def test_the_system_knows_its_own_name() -> None:
    assert "127.0.0.1" in await egress.system_resolver("127.0.0.1", 80)


async def test_without_the_check_of_addresses_the_request_would_go_through(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is this check that the refusals above depend on."""
    url = f"http://shop.test:{server.port}/"
    await _refused("address_not_permitted", url, allow_private=False)
    # for this address: permitted to connect to, and not public
    monkeypatch.setattr(egress, "is_reachable", lambda address, allow_private: next(verdicts))
    verdicts = iter([True, False])
    async with _client(allow_private=False) as client:
        assert (await client.request("GET", url)).status == 200
