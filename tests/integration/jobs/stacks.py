"""On which databases and brokers the process tests run: the one that needs no server, or those that are named.

`CHATPLATFORM_TEST_POSTGRES_URL` is a server on which databases may be made; `CHATPLATFORM_TEST_BROKER_URLS` are
brokers, by comma.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg

from tests.integration.jobs.stack import Stack


@dataclass(frozen=True)
class Place:
    """A kind of database and a broker."""

    name: str
    postgres_url: str = ""
    broker_url: str = ""


def places() -> list[Place]:
    postgres = os.environ.get("CHATPLATFORM_TEST_POSTGRES_URL", "")
    brokers = [url for url in os.environ.get("CHATPLATFORM_TEST_BROKER_URLS", "").split(",") if url]
    if not (postgres and brokers):
        return [Place("sqlite-folder")]
    return [Place(f"postgresql-{urlsplit(url).scheme}", postgres, url) for url in brokers]


@contextmanager
def stack_at(place: Place, folder: Path) -> Iterator[Stack]:
    """A fresh installation at `place`; its processes and its database end with the block."""
    with _database(place.postgres_url) as url:
        stack = Stack(folder, database_url=url, broker_url=place.broker_url)
        stack.set_up()
        try:
            yield stack
        finally:
            stack.tear_down()


@contextmanager
def _database(server_url: str) -> Iterator[str]:
    if not server_url:
        yield ""
        return
    name = f"chatplatform_jobs_{uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
