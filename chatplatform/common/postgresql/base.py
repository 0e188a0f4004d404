"""The database backend that carries the workspace scope to PostgreSQL, where row-level security reads it.

Before a statement, if the scope is another than the connection told last, it tells the new one: one short round
trip where the scope changes, none where it does not. A setting is undone by a rollback, so after one it is told
again. The settings live in the session, so a pooler between must keep sessions apart (not pool by transaction).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql import base as postgresql

from chatplatform.common.open_scope import scope_for_database

_TELL = "SELECT set_config('chatplatform.workspace', %s, false), set_config('chatplatform.all_workspaces', %s, false)"
# these end or mark a transaction, perhaps a broken one in which nothing else may be said; they read no rows
_OF_TRANSACTIONS = ("SAVEPOINT", "ROLLBACK", "RELEASE")


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """See the module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._told: tuple[str, str] | None = None
        self.execute_wrappers.append(self._in_scope)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self._told = None
        return super().get_new_connection(conn_params)

    def _in_scope(
        self,
        execute: Callable[[str, Any, bool, dict[str, Any]], Any],
        sql: str,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        wanted = scope_for_database()
        if wanted != self._told and not str(sql).startswith(_OF_TRANSACTIONS):
            self._told = None
            with self.wrap_database_errors, self.connection.cursor() as cursor:
                cursor.execute(_TELL, wanted)
            self._told = wanted
        return execute(sql, params, many, context)

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]
        except BaseException:
            self._told = None
            raise

    def _rollback(self) -> None:
        self._told = None
        super()._rollback()  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> None:
        self._told = None
        super()._savepoint_rollback(sid)  # type: ignore[misc]
