"""The databases: there, current, and protected."""

from __future__ import annotations

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, connections
from django.utils.translation import gettext as _

from chatplatform.audit.triggers import trigger_problems
from chatplatform.common.row_security import is_above_row_security, row_security_problems
from chatplatform.health.checks.findings import Finding, notice, problem, right
from chatplatform.health.database_state import pending_migrations
from chatplatform.prompts.immutability import guard_stands


def databases_answer() -> Finding:
    for alias in settings.DATABASES:
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError as error:
            return problem(
                _("The database “%(alias)s” does not answer (%(reason)s).")
                % {"alias": alias, "reason": type(error).__name__},
                _("Check that its server runs and its address is right, or that its file can be written."),
            )
    return right(", ".join(f"{alias}: {connections[alias].vendor}" for alias in settings.DATABASES))


def migrations_are_done() -> Finding:
    pending = {alias: pending_migrations(alias) for alias in settings.DATABASES}
    if any(pending.values()):
        alias = next(alias for alias, count in pending.items() if count)
        return problem(
            _("%(count)d changes of the database “%(alias)s” are not made yet.")
            % {"count": pending[alias], "alias": alias},
            _("Run: python manage.py migrate --database %(alias)s") % {"alias": alias},
        )
    return right(_("all made"))


def audit_triggers_are_there() -> Finding:
    """The triggers that refuse to change or delete audit rows."""
    if broken := trigger_problems(connection):
        return problem(
            _("The audit log can be changed: %(triggers)s.") % {"triggers": ", ".join(broken)},
            _("Run: python manage.py migrate audit. Then: python manage.py audit verify"),
        )
    return right(_("the database refuses changes"))


def prompt_guard_stands() -> Finding:
    """The trigger that refuses to change a saved prompt version."""
    if not guard_stands(connection):
        return problem(
            _("Saved prompt versions can be changed: the database lacks its trigger."),
            _("Run: python manage.py migrate prompts"),
        )
    return right(_("the database refuses changes"))


def workspaces_are_apart() -> Finding:
    """Row-level security: PostgreSQL's own lock on rows of other workspaces."""
    if connection.vendor != "postgresql":
        return right(_("by the code; PostgreSQL would have a second lock"))
    if open_tables := row_security_problems(connection):
        return problem(
            _("The database would show rows of other workspaces: %(tables)s.")
            % {"tables": ", ".join(open_tables)},
            _("Run: python manage.py migrate"),
        )
    if is_above_row_security(connection):
        return notice(
            _("The platform uses a superuser of PostgreSQL, whom no policy binds."),
            _("Give it an ordinary role that owns its tables: ALTER ROLE … NOSUPERUSER NOBYPASSRLS."),
        )
    return right(_("the database refuses rows of other workspaces"))
