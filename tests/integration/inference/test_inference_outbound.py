"""Engines elsewhere, reached through the guarded door: what of their connections is believed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chatplatform.common.errors import PlatformError
from chatplatform.inference.endpoints.outbound import HEALTH, OutboundTransport
from chatplatform.inference.protocol.openai_client import EngineClient

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

HOST = "llm.internal"
MODELS = b'HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{"data": [{"id": "large"}]}'


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    moment = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@asynccontextmanager
async def listening(
    reply: bytes, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


async def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


async def nowhere(host: str, port: int) -> list[str]:
    raise OSError


def client(url: str) -> EngineClient:
    transport = OutboundTransport(HEALTH, HOST, in_network=True, resolve=here)
    return EngineClient(url, "secret", transport=transport)


async def code_of(engine: EngineClient) -> str:
    with pytest.raises(PlatformError) as caught:
        await engine.models()
    return caught.value.code


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    audit_log_survives_flush: None, tmp_path: Path
) -> None:
    async with listening(MODELS, self_signed(tmp_path)) as (port, heads):
        assert await code_of(client(f"https://{HOST}:{port}/v1")) == "engine_not_trusted"
    assert heads == []


async def test_a_redirect_is_not_followed(audit_log_survives_flush: None) -> None:
    async with listening(MODELS) as (there, elsewhere):
        away = b"HTTP/1.1 307 Away\r\nLocation: http://%b:%d/v1/models\r\nContent-Length: 0\r\n\r\n"
        async with listening(away % (HOST.encode(), there)) as (port, heads):
            assert await code_of(client(f"http://{HOST}:{port}/v1")) == "engine_not_understood"
    assert (len(heads), elsewhere) == (1, [])


async def test_the_name_is_sent_and_the_checked_address_is_reached(audit_log_survives_flush: None) -> None:
    async with listening(MODELS) as (port, heads):
        served = await client(f"http://me:word@{HOST}:{port}/v1").models()
    assert [model.id for model in served.models] == ["large"]
    assert f"host: {HOST}:{port}" in heads[0].decode().lower()
    assert b"Basic bWU6d29yZA==" in heads[0]
    assert b"secret" not in heads[0]


async def test_a_name_that_nobody_knows_is_an_engine_that_is_down(audit_log_survives_flush: None) -> None:
    transport = OutboundTransport(HEALTH, HOST, resolve=nowhere)
    assert await code_of(EngineClient(f"https://{HOST}/v1", "", transport=transport)) == "engine_unreachable"


async def test_another_host_is_not_reached(audit_log_survives_flush: None) -> None:
    code = await code_of(client("http://elsewhere.internal/v1"))
    assert code == "engine_address_not_permitted"
