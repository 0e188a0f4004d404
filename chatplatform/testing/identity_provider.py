"""An identity provider of our own for tests: discovery, keys, real signatures, and the lies that it is told."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "chatplatform"
CLIENT_SECRET = "a secret & more"  # noqa: S105  # of a fake on loopback
Claims = dict[str, Any]


@cache
def _key() -> rsa.RSAPrivateKey:
    """One for a whole run: making it takes longer than a test."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class IdentityProviderFake:
    """`person` holds the claims of whoever signs in next; `spoil` may change an ID token's claims before it is signed.

    `forge` makes the whole token instead: it is given claims and the provider.
    """

    person: Claims = field(default_factory=dict)
    in_userinfo: set[str] = field(default_factory=set)
    spoil: Callable[[Claims], None] = lambda claims: None
    forge: Callable[[Claims, IdentityProviderFake], str] | None = None
    discovery: Claims = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0
    key: rsa.RSAPrivateKey = field(default_factory=_key, repr=False)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sign_in(self, address: str) -> str:
        """What the person's browser does at the provider: consents, and is sent back to the address returned."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def answer(self, path: str, form: dict[str, str], bearer: str) -> tuple[int, Any]:
        self.asked.append(path)
        match path:
            case "/.well-known/openid-configuration":
                return 200, {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    "userinfo_endpoint": f"{self.issuer}/userinfo",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                } | self.discovery
            case "/keys":
                return 200, {"keys": [self.public_key()]}
            case "/token":
                return self._token(form)
            case "/userinfo":
                return (200, dict(self.person)) if bearer == "Bearer access" else (401, {})
            case _:
                return 404, {}

    def _token(self, form: dict[str, str]) -> tuple[int, Any]:
        asked = self._codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if (
            asked is None
            or challenge != asked["code_challenge"]
            or form.get("client_secret") != CLIENT_SECRET
        ):
            return 400, {"error": "invalid_grant"}
        moment = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": moment,
            "exp": moment + 300,
            "nonce": asked["nonce"],
        } | {name: value for name, value in self.person.items() if name not in self.in_userinfo}
        self.spoil(claims)
        token = self.forge(claims, self) if self.forge else self.signed(claims)
        return 200, {"access_token": "access", "token_type": "Bearer", "expires_in": 300, "id_token": token}

    def signed(self, claims: Claims, key: rsa.RSAPrivateKey | None = None) -> str:
        token: str = jwt.encode(claims, key or self.key, algorithm="RS256", headers={"kid": "first"})
        return token

    def public_key(self) -> Claims:
        public: Claims = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return public | {"kid": "first", "use": "sig", "alg": "RS256"}


@contextmanager
def identity_provider_running(**fields: Any) -> Iterator[IdentityProviderFake]:
    """The provider, listening on loopback."""
    fake = IdentityProviderFake(**fields)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._reply({name: values[0] for name, values in parse_qs(raw).items()})

        def _reply(self, form: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            status, body = fake.answer(path, form, self.headers.get("Authorization", ""))
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)
