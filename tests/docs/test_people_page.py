"""docs/people.md: the table of roles is the one that the code asks, and its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

from django.core.management import get_commands, load_command_class

from chatplatform.accounts.models import Role
from chatplatform.accounts.permissions import ROLE_PERMISSIONS, Permission

PAGE = Path("docs/people.md").read_text()


def described() -> dict[Role, set[str]]:
    header, *rows = re.findall(r"^\| (.+) \|$", PAGE.split("## Roles")[1].split("## ")[0], re.MULTILINE)
    roles = [Role(name.strip().replace(" ", "_")) for name in header.split("|")[2:]]
    found: dict[Role, set[str]] = {role: set() for role in roles}
    for row in rows:
        cells = [cell.strip() for cell in row.split("|")]
        if not cells[0].startswith("`"):
            continue
        for role, cell in zip(roles, cells[2:], strict=True):
            if cell == "yes":
                found[role].add(cells[0].strip("`"))
    return found


def test_the_table_of_roles_is_the_codes() -> None:
    assert described() == {
        role: {permission.value for permission in permissions}
        for role, permissions in ROLE_PERMISSIONS.items()
    }
    assert set(re.findall(r"^\| `([\w.]+)` \|", PAGE, re.MULTILINE)) == {each.value for each in Permission}


def test_the_commands_are_there() -> None:
    lines = re.findall(r"^python manage\.py (.+?)(?: +#.*)?$", PAGE, re.MULTILINE)
    assert len(lines) >= 5
    commands = get_commands()
    for line in lines:
        name, *arguments = line.split()
        app = commands[name]
        assert isinstance(app, str)
        load_command_class(app, name).create_parser("manage.py", name).parse_args(arguments)
