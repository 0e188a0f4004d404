"""The suite once more as it runs scaled out: PostgreSQL, RabbitMQ and Redis instead of SQLite, files and memory.

`python -m tests.servers` needs three addresses: CHATPLATFORM_TEST_POSTGRES_URL, a server on which databases may be
made; CHATPLATFORM_TEST_BROKER_URLS, brokers by comma, of which the first serves the whole suite; and
CHATPLATFORM_TEST_REDIS_URL. The suite runs as a role of its own there, for superusers are above row-level security.
Without them it says so, and fails in CI. What needs a model or a browser, and what is marked `any_database`, does not
depend on the database's kind and runs once, on SQLite.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg

NEEDED = ("CHATPLATFORM_TEST_POSTGRES_URL", "CHATPLATFORM_TEST_BROKER_URLS", "CHATPLATFORM_TEST_REDIS_URL")
FOLDERS = (
    "tests/unit",
    "tests/integration",
    "tests/security",
    "tests/websocket",
    "tests/contracts",
    "tests/privacy",
    "tests/faults/jobs",
)


class Servers(NamedTuple):
    """Where the servers are."""

    postgres: str
    broker: str
    redis: str


def servers() -> Servers | None:
    """The servers that the variables name, or None where one of them is missing."""
    postgres, brokers, redis = (os.environ.get(name, "") for name in NEEDED)
    return Servers(postgres, brokers.split(",")[0], redis) if postgres and brokers and redis else None


def ordinary(postgres: str) -> str:
    """The same server as a role that row-level security binds, as in life; made where it is missing."""
    server = urlsplit(postgres)
    role, password = "chatplatform_suite", uuid4().hex
    with psycopg.connect(postgres, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        verb = "ALTER" if known else "CREATE"
        connection.execute(f"{verb} ROLE {role} LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS PASSWORD '{password}'")
        # the databases of a test run need not outlive a power cut
        connection.execute(f"ALTER ROLE {role} SET synchronous_commit = off")
    place = server.netloc.rpartition("@")[2]
    return urlunsplit(server._replace(netloc=f"{role}:{password}@{place}"))


def environment(postgres: str, broker: str, redis: str) -> dict[str, str]:
    """The settings of an installation of its own on these servers."""
    name = f"chatplatform_{uuid4().hex[:8]}"
    server = urlsplit(postgres)
    return {
        "CHATPLATFORM_DATABASE_URL": urlunsplit(server._replace(path=f"/{name}")),
        "CHATPLATFORM_KEYS_DATABASE_URL": urlunsplit(server._replace(path=f"/{name}_keys")),
        "CHATPLATFORM_BROKER_URL": broker,
        "CHATPLATFORM_BROKER_QUEUE": name,
        "CHATPLATFORM_REDIS_URL": redis,
    }


def main() -> int:
    named = servers()
    if named is None:
        print(f"Not run on PostgreSQL, RabbitMQ and Redis: set {', '.join(NEEDED)} (docs/testing.md).")
        return 1 if os.environ.get("CI") else 0
    print("Running the tests on PostgreSQL, RabbitMQ and Redis", flush=True)
    settings = {**os.environ, **environment(*named._replace(postgres=ordinary(named.postgres)))}
    command = [sys.executable, "-m", "pytest", *FOLDERS, *sys.argv[1:]]
    results = [
        subprocess.run([*command, *choice], env=settings, check=False).returncode
        for choice in (
            ["-m", "side_by_side and not any_database", "-n", "auto"],
            ["-m", "not side_by_side and not model and not browser and not any_database", "--durations=20"],
        )
    ]
    return max(results)


if __name__ == "__main__":
    sys.exit(main())
