"""Bytes that no browser would send, to a web process of its own: refused in words, memory flat, and it lives on."""

from __future__ import annotations

import base64
import os
import random
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from typing import NamedTuple

import pytest

from chatplatform.chat.protocol import MAX_FRAME_BYTES
from chatplatform.testing.fixtures import TOKEN
from chatplatform.testing.site_process import SiteProcesses
from tests.security.permission_matrix import SOCKETS

TEXT, BINARY, CONTINUATION, PING = 1, 2, 0, 9
FLAT_MIB = 8.0
PATIENCE_S = 20.0


class Running(NamedTuple):
    site: SiteProcesses
    cookies: list[str]

    @property
    def host(self) -> bytes:
        return f"127.0.0.1:{self.site.port}".encode()

    @property
    def own(self) -> bytes:
        return b"http://" + self.host

    def memory_mib(self) -> float:
        time.sleep(0.3)
        return self.site.memory_mib("web")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    # nobody asks a model anything here
    site = SiteProcesses(
        tmp_path_factory.mktemp("site"), engine_url="http://127.0.0.1:9/v1", engine_token=TOKEN
    )
    site.migrate()
    cookies = site.people(1)
    site.start_web()
    yield Running(site, cookies)
    site.stop()


@pytest.fixture(autouse=True)
def _it_lives_on(running: Running) -> Iterator[None]:
    """After each test the process is the same one, answers, and has logged no defect of ours."""
    pid, logged = running.site.pid("web"), len(running.site.log("web"))
    yield
    with closing(HTTPConnection("127.0.0.1", running.site.port, timeout=5)) as asking:
        asking.request("GET", "/healthz")
        assert asking.getresponse().status == 200
    assert running.site.pid("web") == pid
    # Django tells of names of hosts that are not ours with a traceback; that is no defect
    said = running.site.log("web")[logged:]
    assert "Exception in ASGI" not in said, said
    assert "Internal Server Error" not in said, said


def handshake(
    running: Running,
    *extra: bytes,
    route: str = SOCKETS[0],
    host: bytes | None = None,
    key: bytes | None = None,
    target: bytes | None = None,
) -> bytes:
    """The bytes of an upgrade; `extra` are lines of their own."""
    lines = [
        b"GET " + (target or f"/{route}".encode()) + b" HTTP/1.1",
        b"Host: " + (running.host if host is None else host),
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: " + (base64.b64encode(os.urandom(16)) if key is None else key),
        b"Cookie: " + running.cookies[0].encode(),
        *extra,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def opened(running: Running, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", running.site.port), timeout=PATIENCE_S)
    with suppress(OSError):
        connection.sendall(sent)
    return connection


def status_of(running: Running, sent: bytes) -> int:
    """The status of the answer; 0 when the connection was closed without one."""
    with opened(running, sent) as connection:
        answer = b""
        with suppress(ConnectionResetError):
            while b"\r\n" not in answer:
                more = connection.recv(4096)
                if not more:
                    break
                answer += more
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def frame(opcode: int, payload: bytes, *, is_last: bool = True, claimed: int | None = None) -> bytes:
    """A masked frame; `claimed` is the length that it says it has."""
    length = len(payload) if claimed is None else claimed
    head = bytes([(0x80 if is_last else 0) | opcode])
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 2**16:
        head += bytes([0x80 | 126]) + struct.pack("!H", length)
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", length)
    return head + bytes(4) + payload  # a mask of zeros changes nothing


def signed_in(running: Running, *extra: bytes) -> socket.socket:
    """A socket past its handshake; the welcome is read."""
    connection = opened(running, handshake(running, b"Origin: " + running.own, *extra))
    answer = b""
    while b'"welcome"' not in answer and b"welcome" not in answer and len(answer) < 400:
        more = connection.recv(4096)
        assert more, answer
        answer += more
    assert answer.startswith(b"HTTP/1.1 101 "), answer
    return connection


def close_code(connection: socket.socket) -> int | None:
    """What the other side closes with; None when the connection just ends."""
    received = b""
    with suppress(OSError):
        while more := connection.recv(65536):
            received += more
    at = received.rfind(b"\x88")
    return struct.unpack("!H", received[at + 2 : at + 4])[0] if at >= 0 else None


def pour(connection: socket.socket, pieces: Iterator[bytes], *, most: int) -> int | None:
    """Send until the other side has had enough, or `most` bytes are sent; the close code."""
    sent = 0
    with suppress(OSError):
        for piece in pieces:
            connection.sendall(piece)
            sent += len(piece)
            if sent > most:
                break
    return close_code(connection)


# ------------------------------------------------------------------ where the page is from


def origins(running: Running) -> dict[str, tuple[bytes, ...]]:
    own = running.own
    odd = {
        f"{name} 0x{byte:02x}": (line,)
        for byte in (0x00, 0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x1F, 0x7F, 0x85, 0xA0)
        for name, line in {
            "after": b"Origin: " + own + bytes([byte]),
            "before": b"Origin: " + bytes([byte]) + own,
            "evil, then": b"Origin: http://evil.example" + bytes([byte]) + own,
            "a line behind": b"X: a" + bytes([byte]) + b"Origin: " + own,
        }.items()
    }
    return {
        "missing": (),
        "empty": (b"Origin:",),
        "null": (b"Origin: null",),
        "evil": (b"Origin: http://evil.example",),
        "longer": (b"Origin: " + own + b".evil.example",),
        "shorter": (b"Origin: " + own[:-1],),
        "with a name before": (b"Origin: http://evil.example@" + running.host,),
        "with a path": (b"Origin: " + own + b"/",),
        "another port": (b"Origin: http://127.0.0.1:1",),
        "another scheme": (b"Origin: ftp://" + running.host,),
        "another spelling of the machine": (b"Origin: http://localhost:%d" % running.site.port,),
        "two": (b"Origin: " + own, b"Origin: http://evil.example"),
        "the same twice": (b"Origin: " + own, b"Origin: " + own),
        "two in one": (b"Origin: http://evil.example, " + own,),
        "folded": (b"Origin: http://evil.example\r\n " + own,),
        "folded and empty": (b"Origin:\r\n " + own,),
        "a space before the colon": (b"Origin : " + own,),
        "a bare newline": (b"X: a\nOrigin: " + own,),
        "a bare return": (b"X: a\rOrigin: " + own,),
        "another case, two": (b"origin: http://evil.example", b"ORIGIN: " + own),
        **odd,
    }


@pytest.mark.parametrize("route", SOCKETS)
def test_only_our_own_pages_open_a_socket(running: Running, route: str) -> None:
    assert status_of(running, handshake(running, b"Origin: " + running.own, route=route)) == 101
    let_in = {
        name: status
        for name, lines in origins(running).items()
        if not 400 <= (status := status_of(running, handshake(running, *lines, route=route))) < 500
        and status != 0
    }
    # a newline alone ends a line, says RFC 9112, so that is our own origin in a line of its own
    assert set(let_in) <= {"a bare newline"}, let_in


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (b"evil.example", b"http://evil.example"),
        (b"evil.example", None),
        (b"", b"http://"),
        (b"127.0.0.1\x0bevil.example", None),
        (b"[::1", b"http://[::1"),
        (b"127.0.0.1:99999999999999999999", b"http://127.0.0.1:99999999999999999999"),
    ],
)
def test_the_host_must_be_ours(running: Running, host: bytes, origin: bytes | None) -> None:
    sent = handshake(running, b"Origin: " + (running.own if origin is None else origin), host=host)
    assert status_of(running, sent) in range(400, 500)


def test_two_hosts_are_refused(running: Running) -> None:
    sent = handshake(running, b"Host: evil.example", b"Origin: " + running.own)
    assert status_of(running, sent) in (0, *range(400, 500))


def test_what_follows_a_refusal_is_not_read(running: Running) -> None:
    """A handshake from elsewhere with frames right behind it: the frames reach nobody."""
    sent = handshake(running, b"Origin: http://evil.example") + frame(TEXT, b'{"type": "ping"}') * 10
    with opened(running, sent) as connection:
        received = b""
        with suppress(OSError):
            while more := connection.recv(4096):
                received += more
    assert received.startswith(b"HTTP/1.1 403 ")
    assert b"pong" not in received
    assert b"welcome" not in received


# ------------------------------------------------------------------ handshakes that are none


def test_broken_handshakes(running: Running) -> None:
    own = b"Origin: " + running.own
    broken = {
        "no key": handshake(running, own, key=b""),
        "a short key": handshake(running, own, key=b"AAAA"),
        "a key that is no base64": handshake(running, own, key=b"\xff" * 24),
        "a long key": handshake(running, own, key=b"A" * 8000),
        "two keys": handshake(running, own, b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
        "an old version": handshake(running, own).replace(b"Version: 13", b"Version: 8"),
        "no version": handshake(running, own).replace(b"Sec-WebSocket-Version: 13\r\n", b""),
        "a version of letters": handshake(running, own).replace(b"Version: 13", b"Version: \xff"),
        "no such route": handshake(running, own, route="ws/nothing/"),
        "a route of bytes": handshake(running, own, target=b"/ws/chat/\xff\xfe"),
        "a route in percent": handshake(running, own, target=b"/ws/chat/%ff%00"),
        "an address as target": handshake(running, own, target=b"http://evil.example/ws/chat/x"),
        "many headers": handshake(running, own, *[b"X-%d: y" % n for n in range(20_000)]),
        "one long header": handshake(running, own, b"X: " + b"y" * 2_000_000),
        "a long cookie": handshake(running, own, b"Cookie: " + b"y" * 200_000),
    }
    for name, sent in broken.items():
        status = status_of(running, sent)
        assert status == 0 or 400 <= status < 500, (name, status)


def test_odd_headers_of_a_good_handshake(running: Running) -> None:
    """What a person's browser might carry along: never a defect, whoever it lets in."""
    own = b"Origin: " + running.own
    for line in (
        b"Accept-Language: \xff\xfe\xe4\xb8\xad",
        b"Accept-Language: " + b"zh;q=0.1," * 500,
        b"Accept-Language: en;q=" + b"9" * 300,
        b"Cookie: sessionid=\xff\xfe",
        b"Cookie: sessionid=\xe4\xb8\xad; sessionid=x; =; ;;",
        b"Cookie: django_language=../../etc/passwd",
        b"Cookie: sessionid=" + b"x" * 4000,
        b"X-Request-ID: \xff\x00",
        b"X-Request-ID: " + b"x" * 4000,
        b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=0",
        b"Sec-WebSocket-Extensions: " + b"permessage-deflate;" * 400,
        b"Sec-WebSocket-Protocol: \xff, a, a",
        b"User-Agent: \xf0\x9f\x8f\x95" * 50,
    ):
        sent = handshake(running, own, line)
        if line.startswith(b"Cookie"):
            sent = sent.replace(b"Cookie: " + running.cookies[0].encode() + b"\r\n", b"")
        status = status_of(running, sent)
        assert status in (0, 101) or 400 <= status < 500, (line[:60], status)


def test_random_bytes(running: Running) -> None:
    chance = random.Random(20)
    good = bytearray(handshake(running, b"Origin: " + running.own))
    for _ in range(150):
        sent = bytearray(good)
        for _change in range(chance.randint(1, 6)):
            at = chance.randrange(len(sent))
            kind = chance.randrange(3)
            if kind == 0:
                sent[at] = chance.randrange(256)
            elif kind == 1:
                del sent[at]
            else:
                sent.insert(at, chance.randrange(256))
        with opened(running, bytes(sent) + b"\r\n\r\n") as connection:
            connection.settimeout(1)
            answer = b""
            with suppress(OSError):
                answer = connection.recv(4096)
        assert not answer.startswith(b"HTTP/1.1 5"), bytes(sent)


# ------------------------------------------------------------------ more than there is room for


def attacks() -> dict[str, tuple[bytes, object]]:
    zeros = bytes(2**16)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = squeeze.compress(bytes(2**28)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    bomb = bomb.removesuffix(b"\x00\x00\xff\xff")
    squeezed = bytearray(frame(BINARY, bomb))
    squeezed[0] |= 0x40  # RSV1: compressed

    def endlessly(first: bytes, then: bytes) -> Iterator[bytes]:
        yield first
        while True:
            yield then

    return {
        "a frame of 1 GiB": (b"", lambda: endlessly(frame(BINARY, b"", claimed=2**30), zeros)),
        "a text of 1 GiB": (b"", lambda: endlessly(frame(TEXT, b"", claimed=2**30), zeros)),
        "a frame of 2^63": (b"", lambda: endlessly(frame(BINARY, b"", claimed=2**63 - 1), zeros)),
        "endless fragments": (
            b"",
            lambda: endlessly(frame(TEXT, zeros, is_last=False), frame(CONTINUATION, zeros, is_last=False)),
        ),
        "endless small fragments": (
            b"",
            lambda: endlessly(
                frame(TEXT, b"x", is_last=False), frame(CONTINUATION, b"x", is_last=False) * 1000
            ),
        ),
        "a bomb": (b"Sec-WebSocket-Extensions: permessage-deflate", lambda: iter([bytes(squeezed)])),
    }


@pytest.mark.parametrize("name", attacks())
def test_what_is_too_large_closes_the_socket(running: Running, name: str) -> None:
    extension, pieces = attacks()[name]
    lines = [extension] if extension else []
    codes = []
    before = None
    for round_ in range(4):
        with signed_in(running, *lines) as connection:
            codes.append(pour(connection, pieces(), most=64 * MAX_FRAME_BYTES))  # type: ignore[operator]
        if round_ == 0:
            before = running.memory_mib()  # code and buffers of the first time are there now
    # a bomb is refused for being compressed at all, which nobody offered
    assert set(codes) <= ({1002} if extension else {1009, None}), codes
    assert before is not None
    assert running.memory_mib() - before < FLAT_MIB


def test_fragments_of_nothing_end_the_socket(running: Running) -> None:
    """They count towards no size and could go on for ever."""
    nothing = frame(CONTINUATION, b"", is_last=False) * 500

    def endlessly() -> Iterator[bytes]:
        yield frame(TEXT, b"", is_last=False)
        while True:
            yield nothing

    before = running.memory_mib()
    for _ in range(3):
        with signed_in(running) as connection:
            assert pour(connection, endlessly(), most=MAX_FRAME_BYTES) in (1008, None)
    assert running.memory_mib() - before < FLAT_MIB
    with signed_in(running) as connection:  # a few are nobody's harm
        connection.sendall(frame(TEXT, b'{"type": ', is_last=False) + nothing[: 6 * 100])
        connection.sendall(frame(CONTINUATION, b'"ping"}'))
        assert b"pong" in connection.recv(4096)


def test_pings_that_are_never_read(running: Running) -> None:
    """Each ping is owed a pong. Whoever takes none is owed no more than a little."""
    with signed_in(running) as connection:
        connection.settimeout(2)
        before = running.memory_mib()
        flood = frame(PING, bytes(125)) * 500
        with suppress(OSError):
            for _ in range(600):  # 39 MB, for as long as they are taken
                connection.sendall(flood)
        assert running.memory_mib() - before < FLAT_MIB
