"""Model files from their publisher's hub, in pieces, through the one door for outbound HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from django.db import DatabaseError

from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.inference.model_files.catalogue import ModelFile, hub_hosts
from chatplatform.inference.model_files.model_sources.errors import (
    SourceDamaged,
    SourceFailed,
    SourceUnreachable,
)
from chatplatform.privacy.egress import EgressClient, EgressLimits, EgressResponse, open_egress

# One request each, so that a broken connection costs a piece; every request is recorded, so not too small.
PIECE_BYTES = 16 * 1024 * 1024
LIMITS = EgressLimits(total_s=300.0, connect_s=5.0, body_bytes=PIECE_BYTES)
ATTEMPTS = 3

Report = Callable[[int, str], None]

# Hosts that could not be reached since this process started: asking for each file would cost a timeout each.
_unreachable: set[str] = set()


def fetch(file: ModelFile, target: Path, report: Report) -> None:
    """Download `file.hub` to `target`, going on from what `target` holds; `report(bytes_so_far, detail)`.

    Raises SourceFailed, at once for a host that this process could not reach before.
    """
    host = urlsplit(file.hub).hostname or ""
    if host in _unreachable:
        raise SourceUnreachable(f"{host} cannot be reached")
    report(_size(target), host)
    try:
        asyncio.run(_fetch(file, host, target, report))
    except SourceUnreachable:
        _unreachable.add(host)
        raise


def forget_unreachable() -> None:
    """Ask every host again: a process that lives long must not hold an old failure against one."""
    _unreachable.clear()


async def _fetch(file: ModelFile, host: str, target: Path, report: Report) -> None:
    async with open_egress(
        purpose="models.pull",
        actor=Actor.system("models"),
        workspace_id=None,
        hosts=hub_hosts(),
        limits=LIMITS,
    ) as client:
        while (have := _size(target)) < file.size:
            piece = await _piece(client, file, host, have)
            _append(target, piece)
            report(have + len(piece), host)


async def _piece(client: EgressClient, file: ModelFile, host: str, have: int) -> bytes:
    """The next bytes from `have` on. A connection that broke is tried again once something has arrived."""
    end = min(have + PIECE_BYTES, file.size) - 1
    attempts = ATTEMPTS if have else 1
    for attempt in range(1, attempts + 1):
        try:
            response = await client.request("GET", file.hub, headers={"Range": f"bytes={have}-{end}"})
        except (PlatformError, DatabaseError) as error:
            if attempt == attempts:
                reason = error.code if isinstance(error, PlatformError) else "cannot be recorded"
                raise SourceUnreachable(f"{host} cannot be reached ({reason})") from error
            await asyncio.sleep(attempt)
        else:
            return _checked(response, file, host, have, end)
    raise AssertionError("a piece is had or given up within its attempts")


def _checked(response: EgressResponse, file: ModelFile, host: str, have: int, end: int) -> bytes:
    """The body, if it is the piece that was asked for."""
    if response.status == HTTPStatus.OK and have == 0 and len(response.body) == file.size:
        return response.body  # a small file, sent whole
    if response.status != HTTPStatus.PARTIAL_CONTENT:
        raise SourceFailed(f"{host} answered {response.status}")
    described = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("content-range", ""))
    total = described.group(2) if described else "*"
    if described is None or int(described.group(1)) != have or total not in {"*", str(file.size)}:
        raise SourceDamaged(f"{host} has a file of another size")
    if not 0 < len(response.body) <= end + 1 - have:
        raise SourceDamaged(f"{host} sent another piece than was asked for")
    return response.body


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _append(target: Path, piece: bytes) -> None:
    with target.open("ab") as out:
        out.write(piece)
