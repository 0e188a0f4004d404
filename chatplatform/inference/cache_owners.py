"""Under which name an engine keeps what it has read for somebody, and how it is told to forget that."""

from __future__ import annotations

from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.jobs.services import enqueue
from chatplatform.privacy.pseudonyms import pseudonym
from chatplatform.privacy.subjects import Subject

FORGET = "inference.forget"


def cache_owner(subject: Subject, apart: UUID | None = None) -> str:
    """The name that engines know the owner of a conversation by; they are told no other.

    A conversation `apart` has a name of its own, so that it can be forgotten alone. The name hangs on the master key
    and not on the subject's own: it can still be told when that has been destroyed. Raises KeysUnavailable.
    """
    return pseudonym(subject, purpose=f"engine-cache:{apart}" if apart else "engine-cache")


def forget_soon(subject: Subject, *, actor: Actor, apart: UUID | None = None) -> None:
    """Have every engine of ours forget what it has read for `subject`, or for their conversation `apart` alone.

    In the transaction of the change that wants it. One job is enough for all that was changed before it runs.
    """
    args = {"subject_kind": subject.kind, "subject_id": str(subject.id)}
    if apart is not None:
        args["apart"] = str(apart)
    enqueue(
        FORGET,
        args=args,
        actor=actor,
        workspace_id=None,  # engines are the machine's
        dedupe_key=":".join(args.values()),
        even_if_running=True,
    )
