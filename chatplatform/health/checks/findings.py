"""What a check of `manage.py doctor` says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext as _


class Level(StrEnum):
    RIGHT = "right"
    NOTICE = "notice"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """`detail` says how it is, `cure` what to do. A problem keeps something from working; a notice does not."""

    level: Level
    detail: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """`run` takes no arguments, reads only, and ends within some seconds.

    One that may take minutes has a `quick` form beside it, which says what can be told at once.
    """

    id: str
    title: str | Promise
    run: Callable[[], Finding]
    quick: Callable[[], Finding] | None = None


def examine(check: Check, *, quickly: bool = False) -> Finding:
    """The check's finding; a check that fails is a finding too, and the others still run."""
    try:
        return check.quick() if quickly and check.quick is not None else check.run()
    except Exception as error:  # noqa: BLE001
        return problem(
            _("This could not be checked (%(reason)s).") % {"reason": type(error).__name__},
            _("Put right what stands above, then check again."),
        )


def right(detail: str) -> Finding:
    return Finding(Level.RIGHT, detail)


def notice(detail: str, cure: str = "") -> Finding:
    return Finding(Level.NOTICE, detail, cure)


def problem(detail: str, cure: str) -> Finding:
    return Finding(Level.PROBLEM, detail, cure)
