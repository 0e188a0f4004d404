"""`manage.py knowledge …`: what the console does with collections, for scripts and folders."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError

from chatplatform.accounts.command_scope import add_workspace_argument, membership_by_email, scope_of_command
from chatplatform.accounts.models import Membership, Role, Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict
from chatplatform.knowledge import collections, document_acts, document_queries, folders, queries
from chatplatform.knowledge.document_queries import DocumentView, State
from chatplatform.knowledge.management import web_sites
from chatplatform.knowledge.management.chunks_act import add_chunks_arguments, chunks_act
from chatplatform.knowledge.management.index_act import add_index_arguments, index_act
from chatplatform.knowledge.management.quality_act import add_quality_arguments, quality_act
from chatplatform.knowledge.models import Collection
from chatplatform.knowledge.queries import CollectionView
from chatplatform.knowledge.retrieval import retrieve
from chatplatform.knowledge.rights import scope_of_collection

_COMMAND = Actor.system("command")
_PAGE = 200


class Command(BaseCommand):
    help = "List, make, fill, search, measure and delete collections of documents."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        each = [
            acts.add_parser("list", help="every collection, with how far its documents are"),
            acts.add_parser("create", help="make a collection"),
            acts.add_parser("add", help="bring files and folders in; what changed is replaced"),
            acts.add_parser("status", help="how far the documents of a collection are, and what failed"),
            acts.add_parser("search", help="the passages that fit a question"),
            acts.add_parser("retry", help="try every document again that failed"),
            acts.add_parser("quality", help="the latest figures of a collection, and what went wrong"),
            acts.add_parser("chunks", help="how a file or a document is cut into passages; no model needed"),
            acts.add_parser("index", help="what it is searched with; build another index, and change to it"),
            acts.add_parser("delete", help="delete a collection with all that is in it"),
            acts.add_parser("fetch", help="take in a web page or site, or fetch all of them again"),
            acts.add_parser("sites", help="web pages and sites of a collection, and what failed"),
            acts.add_parser("forget", help="take a web page or site away"),
        ]
        _list, create, add, status, search, retry, measured, chunks, index, delete, fetch, sites, forget = (
            each
        )
        for act in each:
            add_workspace_argument(act)
        for act in (one for one in each[1:] if one is not chunks):  # which names a file or a document
            act.add_argument("collection", help="its name or id")
        create.add_argument("--description", default="", help="for whoever chooses collections")
        create.add_argument(
            "--access", choices=Collection.Access.values, default=Collection.Access.EVERYBODY.value
        )
        add.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files and folders")
        add.add_argument(
            "--remove-missing",
            action="store_true",
            help="delete documents of these folders whose files are gone",
        )
        search.add_argument("question")
        search.add_argument(
            "--most", type=int, default=5, metavar="N", help="so many passages at most (default 5)"
        )
        add_quality_arguments(measured)
        add_chunks_arguments(chunks)
        add_index_arguments(index)
        delete.add_argument("--yes", action="store_true", help="do it; without, only say what would go")
        web_sites.add_arguments(fetch, forget)
        for act in (status, search, retry, measured, chunks, index, sites):
            act.add_argument(
                "--person", metavar="E-MAIL", help="with this member's rights (default: the owner's)"
            )

    def handle(self, *args: Any, act: str, workspace: str | None, **options: Any) -> None:
        acts: dict[str, Callable[[UUID, dict[str, Any]], None]] = {
            "list": self._list,
            "create": self._create,
            "add": self._add,
            "status": self._status,
            "search": self._search,
            "retry": self._retry,
            "quality": self._quality,
            "chunks": self._chunks,
            "index": self._index,
            "delete": self._delete,
            "fetch": self._fetch,
            "sites": self._sites,
            "forget": self._forget,
        }
        with scope_of_command(workspace) as place:
            try:
                acts[act](_person(place, options.get("person")), options)
            except OSError as error:
                raise CommandError(f"{error.filename}: {error.strerror}") from error

    def _list(self, person_id: UUID, options: dict[str, Any]) -> None:
        for view in queries.collection_list(person_id):
            self.stdout.write(f"{view.name}: {_words(view)}  ({view.id})")

    def _create(self, person_id: UUID, options: dict[str, Any]) -> None:
        made = collections.create_collection(
            options["collection"], options["description"], access=options["access"], actor=_COMMAND
        )
        self.stdout.write(str(made))

    def _add(self, person_id: UUID, options: dict[str, Any]) -> None:
        view = _collection(person_id, options["collection"])
        counted: Counter[str] = Counter()
        for synced in folders.sync(
            view.id, options["paths"], remove_missing=options["remove_missing"], actor=_COMMAND
        ):
            counted[synced.outcome] += 1
            if synced.outcome == "refused":
                self.stderr.write(f"{synced.path}: {synced.message}")
            elif options["verbosity"] > 1:
                self.stdout.write(f"{synced.path}: {synced.outcome}")
        self.stdout.write(", ".join(f"{count} {outcome}" for outcome, count in counted.items()) or "no files")

    def _status(self, person_id: UUID, options: dict[str, Any]) -> None:
        view = _collection(person_id, options["collection"])
        self.stdout.write(_words(view))
        for document in _documents(person_id, view.id, "failed"):
            self.stdout.write(f"{document.origin or document.name}: {document.message}")

    def _search(self, person_id: UUID, options: dict[str, Any]) -> None:
        view = _collection(person_id, options["collection"])
        scope = scope_of_collection(person_id, view.id)
        found = async_to_sync(retrieve)(
            scope,
            options["question"],
            actor=Actor.person(person_id),
            purpose="knowledge.search",
            most=options["most"],
        )
        if found.translation:
            self.stderr.write(f"The embedding model reads English only. Looked up as: {found.translation}")
        if found.degraded == "untranslated":
            self.stderr.write(
                "The embedding model reads English only, and no model translated: words alone decided."
            )
        elif found.degraded:
            self.stderr.write("The meaning of the question could not be looked at: words alone decided.")
        if found.reranking == "missed":
            self.stderr.write("The reranker did not answer: this is the order without it.")
        if not found.is_confident:
            self.stderr.write("Nothing fits well enough for an answer; what comes closest:")
        for passage in found.passages:
            page = f", page {passage.page}" if passage.page else ""
            self.stdout.write(f"{round(100 * passage.score.confidence)} %  {passage.title}{page}")
            self.stdout.write(f"    {' '.join(passage.text.split())}")

    def _retry(self, person_id: UUID, options: dict[str, Any]) -> None:
        view = _collection(person_id, options["collection"])
        tried = 0
        for document in _documents(person_id, view.id, "failed"):
            try:
                document_acts.retry_document(document.id, actor=_COMMAND)
            except Conflict:
                continue  # somebody else was quicker
            tried += 1
        self.stdout.write(f"{tried} tried again")

    def _quality(self, person_id: UUID, options: dict[str, Any]) -> None:
        view = _collection(person_id, options["collection"])
        for line in quality_act(person_id, view.id, options, actor=_COMMAND):
            self.stdout.write(line)

    def _chunks(self, person_id: UUID, options: dict[str, Any]) -> None:
        for line in chunks_act(person_id, options, actor=_COMMAND):
            self.stdout.write(line)

    def _index(self, person_id: UUID, options: dict[str, Any]) -> None:
        view = _collection(person_id, options["collection"])
        for line in index_act(person_id, view.id, options, actor=_COMMAND):
            self.stdout.write(line)

    def _delete(self, person_id: UUID, options: dict[str, Any]) -> None:
        view = _collection(person_id, options["collection"])
        if not options["yes"]:
            raise CommandError(f"{view.documents} documents would go with it. Say --yes to delete it.")
        collections.delete_collection(view.id, actor=_COMMAND)
        self.stdout.write("deleted; what it held is being removed")

    def _fetch(self, person_id: UUID, options: dict[str, Any]) -> None:
        view = _collection(person_id, options["collection"])
        for line in web_sites.fetch(person_id, view.id, options, _COMMAND):
            self.stdout.write(line)

    def _sites(self, person_id: UUID, options: dict[str, Any]) -> None:
        view = _collection(person_id, options["collection"])
        for line in web_sites.told(person_id, view.id):
            self.stdout.write(line)

    def _forget(self, person_id: UUID, options: dict[str, Any]) -> None:
        view = _collection(person_id, options["collection"])
        went = web_sites.forget(
            person_id, view.id, options["address"], with_documents=options["documents"], actor=_COMMAND
        )
        self.stdout.write(f"taken away, with {went} documents")


def _person(workspace: Workspace, email: str | None) -> UUID:
    if email:
        return membership_by_email(email).user_id
    owners = Membership.objects.filter(workspace=workspace, role=Role.OWNER, suspended_at=None)
    found = owners.order_by("created_at").values_list("user_id", flat=True).first()
    if found is None:
        raise CommandError("The workspace has no owner. Say whose rights count: --person E-MAIL")
    return found


def _collection(person_id: UUID, named: str) -> CollectionView:
    for view in queries.collection_list(person_id):
        if named in (view.name, str(view.id)):
            return view
    raise CommandError(f"There is no collection {named}. See: manage.py knowledge list")


def _documents(person_id: UUID, collection_id: UUID, state: State) -> list[DocumentView]:
    found: list[DocumentView] = []
    after = None
    while True:
        page = document_queries.document_page(person_id, collection_id, state=state, after=after, limit=_PAGE)
        found += page.documents
        after = page.next
        if after is None:
            return found


def _words(view: CollectionView) -> str:
    states = ", ".join(f"{count} {state}" for state, count in view.states.items())
    return f"{view.documents} documents{f' ({states})' if states else ''}, {view.chunks} passages"
