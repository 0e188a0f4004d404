"""Row-level security: raw SQL in one workspace's scope meets no row of another, and takes none.

The scoped managers are left out on purpose. The tests become an ordinary role, for a superuser sees everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from chatplatform.accounts.groups import create_group
from chatplatform.accounts.models import Workspace
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.common.actors import Actor
from chatplatform.common.ids import new_id
from chatplatform.common.row_security import (
    POLICY,
    install_row_security,
    is_above_row_security,
    row_security_problems,
    tenant_tables,
)
from chatplatform.common.scope import all_workspaces, workspace_scope

COMMAND = Actor.system("command")
ROLE = "chatplatform_row_security_test"


@pytest.fixture
def ordinary_role(db: None) -> Iterator[None]:
    """The connection as a role that policies bind, whoever runs the tests."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no row-level security")
    if not is_above_row_security(connection):
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS")
        cursor.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}")
        cursor.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {ROLE}")
        for table in tenant_tables(connection):  # as in life: the role of the platform owns its tables
            cursor.execute(f"GRANT CREATE ON SCHEMA public TO {ROLE}")
            cursor.execute(f"ALTER TABLE {table} OWNER TO {ROLE}")
        cursor.execute(f"SET ROLE {ROLE}")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


@pytest.fixture
def two(ordinary_role: None) -> tuple[UUID, UUID]:
    """Two workspaces with a group each, `of A` and `of B`."""
    bootstrap_owner()
    first, second = Workspace.objects.get(), Workspace.objects.create(name="B")
    for workspace, name in ((first, "of A"), (second, "of B")):
        with workspace_scope(workspace.id):
            create_group(name, actor=COMMAND)
    return first.id, second.id


def seen() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM accounts_group ORDER BY name")
        return [name for (name,) in cursor.fetchall()]


def test_raw_sql_sees_the_open_workspace_only(two: tuple[UUID, UUID]) -> None:
    first, second = two
    with workspace_scope(first):
        assert seen() == ["of A"]
        with workspace_scope(second):
            assert seen() == ["of B"]
        with all_workspaces("a test looks across"):
            assert seen() == ["of A", "of B"]
        assert seen() == ["of A"]
    assert seen() == []


def test_raw_sql_takes_no_row_of_another_workspace(two: tuple[UUID, UUID]) -> None:
    first, second = two
    with workspace_scope(first), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_group SET name = 'stolen' WHERE workspace_id = %s", [second])
        assert cursor.rowcount == 0
        cursor.execute("DELETE FROM accounts_group WHERE name = 'of B'")
        assert cursor.rowcount == 0
        insert = (
            "INSERT INTO accounts_group (id, workspace_id, name, description, external_name, created_at)"
            " VALUES (%s, %s, 'x', '', '', now())"
        )
        with pytest.raises(DatabaseError), transaction.atomic():
            cursor.execute(insert, [new_id(), second])
        with pytest.raises(DatabaseError), transaction.atomic():
            cursor.execute("UPDATE accounts_group SET workspace_id = %s", [second])
        cursor.execute(insert, [new_id(), first])
    with workspace_scope(second):
        assert seen() == ["of B"]


def test_the_scope_is_told_again_after_a_rollback(two: tuple[UUID, UUID]) -> None:
    first, second = two

    class Undone(Exception):
        pass

    with workspace_scope(first):
        assert seen() == ["of A"]
        with suppress(Undone), transaction.atomic(), workspace_scope(second):
            assert seen() == ["of B"]
            raise Undone
        assert seen() == ["of A"]
    with workspace_scope(second):
        with suppress(Undone), transaction.atomic():
            with workspace_scope(first):
                assert seen() == ["of A"]
            raise Undone
        assert seen() == ["of B"]
    # a transaction that is broken already can still be left
    with suppress(DatabaseError), transaction.atomic(), workspace_scope(first), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    with workspace_scope(first):
        assert seen() == ["of A"]


def test_it_is_the_policy_that_holds(two: tuple[UUID, UUID]) -> None:
    first, _second = two
    assert row_security_problems(connection) == []
    for damage in (
        "ALTER TABLE accounts_group NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE accounts_group DISABLE ROW LEVEL SECURITY",
        f"DROP POLICY {POLICY} ON accounts_group; ALTER TABLE accounts_group DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY wide_open ON accounts_group USING (true)",
    ):
        with workspace_scope(first):
            with connection.cursor() as cursor:
                cursor.execute(damage)
            assert seen() == ["of A", "of B"], damage
            assert row_security_problems(connection) == ["accounts_group"]
            with connection.cursor() as cursor:
                cursor.execute("DROP POLICY IF EXISTS wide_open ON accounts_group")
            install_row_security(connection)
            assert row_security_problems(connection) == []
            assert seen() == ["of A"]


def test_telling_the_scope_costs_nothing_where_it_stays(two: tuple[UUID, UUID]) -> None:
    first, second = two
    told: list[str] = []

    raw = connection.connection
    original = raw.cursor

    def cursor(*args: object, **kwargs: object) -> object:
        told.append("cursor")
        return original(*args, **kwargs)

    with workspace_scope(first):
        seen()
        raw.cursor = cursor
        try:
            seen()
            once = len(told)
            seen()
            assert len(told) == 2 * once
            with workspace_scope(second):
                seen()
            assert len(told) == 3 * once + 1
        finally:
            del raw.cursor
