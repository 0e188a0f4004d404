"""What the console says when the first page can be opened."""

from __future__ import annotations

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections

from chatplatform.common.errors import PlatformError

RULE = "─" * 78


def greeting() -> str:
    """The address, with a one-time sign-in link as long as no owner has signed in. Synchronous."""
    from chatplatform.accounts.services import first_sign_in_link

    try:
        link = first_sign_in_link()
    except (DatabaseError, PlatformError) as error:
        return _framed(
            "The page is open:",
            settings.PUBLIC_URL,
            f"(no sign-in link yet, {type(error).__name__}; ask for one: make link)",
        )
    finally:
        connections.close_all()
    if link is None:
        return _framed("The page is open:", settings.PUBLIC_URL)
    address = link if "://" in link else settings.PUBLIC_URL + link
    return _framed("Open this link to sign in. It works once:", address, "Another: make link")


def _framed(*lines: str) -> str:
    return "\n".join(["", RULE, *(f"  {line}" for line in lines), RULE, ""])
