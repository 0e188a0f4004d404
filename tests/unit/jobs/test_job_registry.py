"""Registering handlers and chores."""

from __future__ import annotations

import pytest

from chatplatform.jobs.registry import (
    RunningJob,
    UnknownKind,
    chore,
    chores,
    find_kind,
    job_handler,
    job_kind,
    job_kinds,
)


def ignore(job: RunningJob) -> None:
    """A handler."""


def test_the_platforms_own_clockwork_is_registered() -> None:
    assert {"audit.sequence", "audit.checkpoint", "jobs.sweep", "jobs.periodic"} <= {
        one.name for one in chores()
    }
    assert "jobs.cleanup" in {one.kind for one in job_kinds()}


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match=r"jobs\.cleanup"):
        job_handler("jobs.cleanup", title="Twice")(ignore)
    with pytest.raises(ValueError, match=r"jobs\.sweep"):
        chore("jobs.sweep", every_s=1)(lambda: None)


@pytest.mark.parametrize("kind", ["", "x" * 65])
def test_a_name_fits_its_column(kind: str) -> None:
    with pytest.raises(ValueError, match="length"):
        job_handler(kind, title="Bad")(ignore)


def test_an_unknown_name_is_told_apart() -> None:
    assert find_kind("nobody.knows") is None
    with pytest.raises(UnknownKind):
        job_kind("nobody.knows")
