"""Two web processes behind a real nginx with our configuration: TLS, websockets, addresses, and what stays shut."""

from __future__ import annotations

import datetime
import os
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.typing import Origin

from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses, free_port

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed here"),
]


def make_certificate(folder: Path) -> ssl.SSLContext:
    """A certificate for localhost, and what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    moment = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - datetime.timedelta(days=1))
        .not_valid_after(moment + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, SHA256())
    )
    folder.mkdir()
    (folder / "site.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "site.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return ssl.create_default_context(cafile=str(folder / "site.pem"))


class Proxied:
    def __init__(self, site: SiteProcesses, port: int, trust: ssl.SSLContext) -> None:
        self.site, self.port, self.trust = site, port, trust
        self.url = f"https://localhost:{port}"

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, verify=self.trust, headers=headers, timeout=10)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("tls")
    engine = ScriptedEngineProcess()
    tls, plain, second = free_port(), free_port(), free_port()
    site = SiteProcesses(
        folder / "site",
        engine_url=engine.url,
        engine_token=TOKEN,
        CHATPLATFORM_PUBLIC_URL=f"https://localhost:{tls}",
        CHATPLATFORM_TRUSTED_PROXIES="127.0.0.0/8",
        CHATPLATFORM_HSTS_S="3600",
    )
    site.migrate()
    site.start("web", known_as="first")
    site.start("web", known_as="second", CHATPLATFORM_PORT=str(second))
    trust = make_certificate(folder / "certificates")
    text = Path("deploy/nginx.conf").read_text()
    for old, new in {
        "web1:8000": f"127.0.0.1:{site.port}",
        "web2:8000": f"127.0.0.1:{second}",
        "listen 443 ssl": f"listen 127.0.0.1:{tls} ssl",
        "listen 80 ": f"listen 127.0.0.1:{plain} ",
        "certificates/": f"{folder}/certificates/",
        "http {": f"pid {folder}/nginx.pid;\ndaemon off;\nhttp {{\naccess_log off;",
    }.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(text)
    command = [
        str(NGINX),
        "-c",
        str(folder / "nginx.conf"),
        "-p",
        str(folder),
        "-e",
        str(folder / "error.log"),
    ]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    site.wait_for_web(known_as="first")
    site.wait_for_web(port=second, known_as="second")
    nginx = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield Proxied(site, tls, trust)
    finally:
        nginx.terminate()
        nginx.wait(timeout=10)
        site.stop()
        engine.stop()


def test_the_scheme_is_https_and_browsers_are_told_to_stay(proxied: Proxied) -> None:
    with proxied.client() as client:
        answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=3600"
    assert len(answer.headers["X-Request-ID"]) == 32


def test_without_the_proxy_nothing_says_https(proxied: Proxied) -> None:
    assert "Strict-Transport-Security" not in httpx.get(f"{proxied.site.url}/healthz").headers


def test_metrics_stay_inside_whatever_a_client_says(proxied: Proxied) -> None:
    with proxied.client(**{"X-Forwarded-For": "127.0.0.1"}) as client:
        assert client.get("/metrics").status_code == 404
    assert httpx.get(f"{proxied.site.url}/metrics").status_code == 200


async def test_sockets_pass_with_the_sites_origin_only(proxied: Proxied) -> None:
    (cookie,) = proxied.site.people(1)
    url = f"wss://localhost:{proxied.port}/ws/chat/"
    headers = {"Cookie": cookie}
    async with connect(
        url, ssl=proxied.trust, origin=Origin(proxied.url), additional_headers=headers
    ) as socket:
        assert "welcome" in str(await socket.recv())
    with pytest.raises(Exception, match="403"):
        async with connect(
            url, ssl=proxied.trust, origin=Origin("https://evil.example"), additional_headers=headers
        ):
            pass


def test_one_process_may_leave_and_nobody_notices(proxied: Proxied) -> None:
    os.kill(proxied.site.pid("second"), signal.SIGTERM)
    with proxied.client() as client:
        assert {client.get("/readyz").status_code for _ in range(30)} == {200}
