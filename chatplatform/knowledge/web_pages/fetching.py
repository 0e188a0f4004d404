"""One page from its server, through the one door for outbound HTTP: type, size and time are bounded.

Redirects are not left to the door: each step has to belong to the site and to be permitted by its robots.txt.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, TypeVar
from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.knowledge.web_pages.addresses import canonical, host_of, is_permitted
from chatplatform.knowledge.web_pages.problems import PageProblem, Problem
from chatplatform.knowledge.web_pages.robots import MOST_BYTES, NOTHING, OUR_NAME, Rules, rules_of
from chatplatform.privacy.egress import (
    EgressClient,
    EgressFailed,
    EgressLimits,
    EgressRefused,
    EgressStream,
    Resolver,
    open_egress,
    system_resolver,
)

Found = TypeVar("Found")

PURPOSE: Final = "knowledge.web_pages"
MOST_REDIRECTS: Final = 5
# what is read of pages, by the ending that the reader of documents knows it by
ENDINGS: Final[Mapping[str, str]] = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/csv": "csv",
    "application/epub+zip": "epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.oasis.opendocument.text": "odt",
}
_HEADERS: Final = {
    "User-Agent": f"{OUR_NAME} (pages for a knowledge collection)",
    "Accept": ", ".join(ENDINGS),
    "Accept-Encoding": "identity",
}
_REFUSALS: Final = {
    "host_not_permitted": Problem.HOST_NOT_PERMITTED,
    "address_not_permitted": Problem.ADDRESS_NOT_PERMITTED,
    "not_encrypted": Problem.NOT_ENCRYPTED,
    "host_not_found": Problem.HOST_NOT_FOUND,
}
_REDIRECTS: Final = {301, 302, 303, 307, 308}
_CHARSET: Final = re.compile(r"charset=[\"']?([a-zA-Z0-9_-]{2,40})")


@dataclass(frozen=True, slots=True)
class Limits:
    """For one page with its redirects; bytes are counted unpacked. `pause_s` lies between any two requests."""

    page_s: float = 30.0
    connect_s: float = 10.0
    body_bytes: int = 10 * 2**20
    pause_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Way:
    """How pages are reached. Private addresses are, by tests of this package, which serve pages on loopback, and by
    nothing else."""

    allow_private: bool = False
    resolve: Resolver = system_resolver
    limits: Limits = field(default_factory=Limits)


WAY: Way = Way()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as it came. `address` is where it was in the end; `ending` says its kind, empty where its server told
    none; `validators` are headers to ask with whether it changed. `is_unchanged`: it has not, and there is no body."""

    address: str = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    ending: str = ""
    charset: str = ""
    robots_header: str = field(default="", repr=False)
    validators: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Fetcher:
    """To the hosts of one site, for one person or the platform."""

    actor: Actor
    workspace_id: UUID
    host: str = field(repr=False)

    def page(
        self, address: str, validators: Mapping[str, str], may_go: Callable[[str], Problem | None]
    ) -> Fetched:
        """The page, after redirects that `may_go` has nothing against. Raises PageProblem, and AuditUnavailable when it
        cannot be recorded: then nothing was sent."""
        return asyncio.run(_in_time(self._page(address, dict(validators), may_go)))

    def rules(self, address: str) -> Rules:
        """What the robots.txt beside this address says. A site that has none permits everything, one that keeps it to
        itself nothing. Raises PageProblem where it is not known, and as `page` does."""
        return asyncio.run(_in_time(self._rules(canonical("/robots.txt", address))))

    async def _page(
        self, address: str, validators: Mapping[str, str], may_go: Callable[[str], Problem | None]
    ) -> Fetched:
        async with self._door() as client:
            for _step in range(MOST_REDIRECTS + 1):
                async with _asked(client, address, validators) as answer:
                    if answer.status not in _REDIRECTS:
                        return await _fetched(answer, address)
                    address = canonical(answer.headers.get("location", ""), address)
                problem = may_go(address) if address else Problem.ANSWER
                if problem is not None:
                    raise PageProblem(problem)
                validators = {}
                await asyncio.sleep(WAY.limits.pause_s)
        raise PageProblem(Problem.REDIRECTS)

    async def _rules(self, address: str) -> Rules:
        async with self._door() as client:
            for _step in range(MOST_REDIRECTS + 1):
                async with _asked(client, address, {}) as answer:
                    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                        return NOTHING
                    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= 500:
                        raise PageProblem(Problem.ROBOTS_UNKNOWN)
                    if answer.status == HTTPStatus.OK:
                        return rules_of(await _body(answer, MOST_BYTES, is_cut=True))
                    if answer.status not in _REDIRECTS:
                        return Rules()
                    address = canonical(answer.headers.get("location", ""), address)
                if not address or host_of(address) != self.host:
                    return Rules()
        raise PageProblem(Problem.ROBOTS_UNKNOWN)

    def _door(self) -> AbstractAsyncContextManager[EgressClient]:
        if not is_permitted(self.host):
            raise PageProblem(Problem.HOST_NOT_PERMITTED)
        return open_egress(
            purpose=PURPOSE,
            actor=self.actor,
            workspace_id=self.workspace_id,
            hosts=(self.host,),
            allow_private=WAY.allow_private,
            limits=EgressLimits(total_s=WAY.limits.page_s, connect_s=WAY.limits.connect_s),
            resolve=WAY.resolve,
        )


async def _in_time(asked: Awaitable[Found]) -> Found:
    try:
        async with asyncio.timeout(WAY.limits.page_s):
            return await asked
    except TimeoutError:
        raise PageProblem(Problem.TOO_SLOW) from None


@asynccontextmanager
async def _asked(client: EgressClient, address: str, more: Mapping[str, str]) -> AsyncIterator[EgressStream]:
    """One request. What went wrong is told without the address, which the causes may hold."""
    try:
        async with client.stream("GET", address, headers={**_HEADERS, **more}, content=None) as answer:
            yield answer
    except EgressRefused as error:
        raise PageProblem(_REFUSALS.get(error.code, Problem.ADDRESS_NOT_PERMITTED)) from None
    except EgressFailed as error:
        is_trust = error.code == "egress_not_trusted"
        raise PageProblem(Problem.NOT_TRUSTED if is_trust else Problem.NO_ANSWER) from None


async def _fetched(answer: EgressStream, address: str) -> Fetched:
    """Raises PageProblem for what is no page."""
    headers = answer.headers
    validators = {
        asked: headers[told][:500]
        for told, asked in (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
        if headers.get(told)
    }
    if answer.status == HTTPStatus.NOT_MODIFIED:
        return Fetched(address, is_unchanged=True)
    if answer.status != HTTPStatus.OK:
        raise PageProblem(_problem_of(answer.status))
    told, _semicolon, more = headers.get("content-type", "").partition(";")
    kind = told.strip().lower()
    if kind and kind not in ENDINGS:
        raise PageProblem(Problem.WRONG_TYPE)
    body = await _body(answer, WAY.limits.body_bytes)
    if not body.strip():
        raise PageProblem(Problem.EMPTY)
    charset = match[1] if (match := _CHARSET.search(more.lower())) else ""
    return Fetched(
        address=address,
        body=body,
        ending=ENDINGS.get(kind, ""),
        charset=charset,
        robots_header=headers.get("x-robots-tag", ""),
        validators=validators,
    )


def _problem_of(status: int) -> Problem:
    match status:
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
            return Problem.GONE
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN | HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
            return Problem.SIGN_IN
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE:
            return Problem.BUSY
        case _ if status >= 500:
            return Problem.SERVER_FAULT
    return Problem.ANSWER


async def _body(answer: EgressStream, most: int, *, is_cut: bool = False) -> bytes:
    """The whole body, unpacked; no more than `most`, past which it is refused, or cut where that does no harm."""
    unpack = _unpacker(answer.headers.get("content-encoding", ""))
    body = bytearray()
    while piece := await answer.piece():
        try:
            body += unpack(piece, most + 1 - len(body))
        except zlib.error:
            raise PageProblem(Problem.ANSWER) from None
        if len(body) > most:
            if is_cut:
                break
            raise PageProblem(Problem.TOO_LARGE)
    return bytes(body[:most])


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    """For servers that pack what they were asked to send as it is. Raises PageProblem for what is not known."""
    match encoding.strip().lower():
        case "" | "identity":
            return lambda piece, _most: piece
        case "gzip" | "x-gzip" | "deflate":
            unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either, by its head
            # what is not taken out of a piece makes the body too long already
            return lambda piece, most: unpacking.decompress(piece, most)
    raise PageProblem(Problem.ANSWER)
