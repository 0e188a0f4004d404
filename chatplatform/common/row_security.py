"""Row-level security on PostgreSQL: the second lock of every tenant's table, behind the scoped managers.

A policy shows and takes only rows of the workspace that the connection has told (postgresql/base.py), for the
owner of the tables too. What runs across workspaces says so; what says nothing sees nothing. Installed after each
`migrate`. Superusers, and roles with BYPASSRLS, are above it: run the platform as an ordinary role. SQLite has
nothing of the kind.
"""

from __future__ import annotations

from django.apps import apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from chatplatform.common.scope import ScopedManager

POLICY = "chatplatform_workspace"
# asked once for a statement, not for each row
_MAY = (
    "(SELECT current_setting('chatplatform.all_workspaces', true)) = 'on' OR workspace_id = "
    "(SELECT nullif(current_setting('chatplatform.workspace', true), '')::uuid)"
)


def tenant_models() -> list[type[models.Model]]:
    """Every model whose rows belong to workspaces: those with a scoped manager."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if isinstance(model._base_manager, ScopedManager)
    ]


def tenant_tables(connection: BaseDatabaseWrapper) -> list[str]:
    """The tables of tenants that exist on this connection."""
    existing = set(connection.introspection.table_names())
    return sorted({model._meta.db_table for model in tenant_models()} & existing)


def install_row_security(connection: BaseDatabaseWrapper) -> None:
    """Put the policy on every tenant's table that lacks it. May run any number of times."""
    for table in row_security_problems(connection):
        name = connection.ops.quote_name(table)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP POLICY IF EXISTS {POLICY} ON {name}")
            cursor.execute(f"CREATE POLICY {POLICY} ON {name} USING ({_MAY}) WITH CHECK ({_MAY})")
            cursor.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
            cursor.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")


def row_security_problems(connection: BaseDatabaseWrapper) -> list[str]:
    """Tables of tenants without the policy, with another one beside it, or where it is switched off."""
    if connection.vendor != "postgresql":
        return []
    wanted = tenant_tables(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, count(p.polname),"
            " bool_and(p.polname = %s AND p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}'"
            "   AND pg_get_expr(p.polqual, p.polrelid) = pg_get_expr(p.polwithcheck, p.polrelid)"
            "   AND pg_get_expr(p.polqual, p.polrelid) LIKE '%%chatplatform.workspace%%')"
            " FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid"
            " WHERE c.relname = ANY(%s) AND c.relnamespace = current_schema()::regnamespace"
            " GROUP BY c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity",
            [POLICY, wanted],
        )
        guarded = {
            table
            for table, is_on, policies, is_ours in cursor.fetchall()
            if is_on and policies == 1 and is_ours
        }
    return [table for table in wanted if table not in guarded]


def is_above_row_security(connection: BaseDatabaseWrapper) -> bool:
    """Whether the role of this connection sees every row, whatever the policies say."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        row = cursor.fetchone()
    return bool(row and row[0])
