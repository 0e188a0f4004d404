"""What was fetched becomes a document, and a page's state; in a workspace scope, each step a transaction of its own.

As with folders, a document is known again by where it came from, and its content decides whether it is replaced. All of
it may happen twice: a process that dies in between leaves a page that waits, and the same content is not taken again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, TooMany
from chatplatform.documents.kinds import ending_of
from chatplatform.knowledge import content as documents_content
from chatplatform.knowledge import document_acts, documents, sealing
from chatplatform.knowledge.content import Field
from chatplatform.knowledge.models import Document
from chatplatform.knowledge.web_pages import content
from chatplatform.knowledge.web_pages.fetching import Fetched
from chatplatform.knowledge.web_pages.models import WebPage, WebSite
from chatplatform.knowledge.web_pages.problems import PASSING, PageProblem, Problem
from chatplatform.knowledge.web_pages.services import note_page

MOST_NAME: Final = 100


def take(site: WebSite, page: WebPage, address: str, fetched: Fetched, actor: Actor) -> None:
    """Keep what was fetched for `page` under `address`, which may be another page's: then that one has it.

    Raises PageProblem for what is no document, NotAllowed and NotFound where the actor may not change the collection.
    """
    target = page
    if content.key_of_page(site, address) != page.address_key:
        target = note_page(site, address, depth=page.depth)
        _drop(page, actor)
        _settle(page, WebPage.State.SAME, Problem.OTHER_ADDRESS)
        if target.run == site.run and target.state != WebPage.State.WAITING:
            return
        WebPage.objects.filter(id=target.id).update(run=site.run)
    try:
        document, is_new = _document(site, target, address, fetched, actor)
    except PageProblem as error:
        leave(site, target, error.problem, actor)
        return
    if document is None:
        _drop(target, actor)
        _settle(target, WebPage.State.SAME, Problem.SAME)
        return
    target.document = document
    # of another address's answer nothing is known of this one's versions
    validators = fetched.validators if fetched.address == address else {}
    _settle(target, WebPage.State.TAKEN if is_new else WebPage.State.UNCHANGED, validators=validators)


def leave_unchanged(page: WebPage) -> None:
    """Its server says that it is as it was."""
    page.state, page.problem, page.fetched_at = WebPage.State.UNCHANGED, "", now()
    page.save(update_fields=["state", "problem", "fetched_at"])


def leave(site: WebSite, page: WebPage, problem: Problem, actor: Actor) -> bool:
    """The page is no document, or could not be had this time; says whether its document went.

    What may pass by itself leaves the document that there is.
    """
    state = WebPage.State.LEFT_OUT
    if problem in PASSING:
        state = WebPage.State.FAILED
    elif problem == Problem.GONE:
        state = WebPage.State.GONE
    went = state != WebPage.State.FAILED and site.removes_gone and _drop(page, actor)
    _settle(page, state, problem, validators=None if page.document_id else {})
    return went


def _document(
    site: WebSite, page: WebPage, address: str, fetched: Fetched, actor: Actor
) -> tuple[Document | None, bool]:
    """The page's document, and whether it is new or has another content; none where another document has this one."""
    name = _name(address, fetched.ending)
    known = Document.objects.filter(id=page.document_id).first() if page.document_id else None
    try:
        if known is not None:
            kept = documents.replace_bytes(known.id, [fetched.body], name, actor=actor)
            return known, kept.is_new
        kept = documents.add_bytes(
            site.collection_id, [fetched.body], name, source=Document.Kind.WEB, origin=address, actor=actor
        )
    except Conflict:
        return None, False
    except TooMany:
        raise PageProblem(Problem.COLLECTION_FULL) from None
    except sealing.TooLarge:
        raise PageProblem(Problem.TOO_LARGE) from None
    except InvalidInput:
        raise PageProblem(Problem.WRONG_TYPE) from None
    document = Document.objects.get(id=kept.document_id)
    if not kept.is_new and not _is_own(document, page, address):
        return None, False
    return document, kept.is_new


def _is_own(document: Document, page: WebPage, address: str) -> bool:
    """Whether it is this page's, whose row was not written any more when it was made."""
    if document.source != Document.Kind.WEB:
        return False
    if documents_content.field_of(document, Field.ORIGIN) != address:
        return False
    return not WebPage.objects.filter(document=document).exclude(id=page.id).exists()


def _drop(page: WebPage, actor: Actor) -> bool:
    if page.document_id is None:
        return False
    document_acts.delete_documents([page.document_id], actor=actor)
    page.document = None
    return True


def _settle(
    page: WebPage, state: WebPage.State, problem: str = "", *, validators: Mapping[str, str] | None = None
) -> None:
    page.state, page.problem, page.fetched_at = state, problem, now()
    if validators is not None:
        page.validators = content.sealed_validators(page, validators)
    page.save(update_fields=["state", "problem", "fetched_at", "validators", "document"])


def _name(address: str, ending: str) -> str:
    """A file's name for the page: the last part of its path, or its host, with the ending of its kind."""
    parts = urlsplit(address)
    last = unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or "page"
    if not ending or ending_of(last) == ending:
        return last
    stem = last.rpartition(".")[0] if ending_of(last) and last != parts.hostname else last
    return f"{stem[:MOST_NAME]}.{ending}"
