"""Fetching a site: one page after the other, with a pause, until none waits. What is known stands in rows.

A job does a minute of it and asks for the next one, so that a large site keeps no worker from other work. A worker that
dies leaves a page that waits; pages that were taken are not fetched again in the same run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import NotAllowed, NotFound
from chatplatform.documents.kinds import ending_of
from chatplatform.jobs.registry import RunningJob
from chatplatform.knowledge.web_pages import audit_events as events
from chatplatform.knowledge.web_pages import content, fetching, work
from chatplatform.knowledge.web_pages.addresses import Reach, host_of
from chatplatform.knowledge.web_pages.fetching import Fetched, Fetcher
from chatplatform.knowledge.web_pages.links import PageLinks, links_of, robots_of
from chatplatform.knowledge.web_pages.models import WebPage, WebSite
from chatplatform.knowledge.web_pages.problems import PageProblem, Problem
from chatplatform.knowledge.web_pages.robots import Rules
from chatplatform.knowledge.web_pages.services import note_page
from chatplatform.knowledge.web_pages.taking import leave, leave_unchanged, take

SLICE_S: Final = 60.0
STEP_S: Final = 0.5
# so many pages one after the other without an answer: the site is down, or does not want us
MOST_SILENT: Final = 3
OF_THE_SITE: Final = frozenset(
    {
        Problem.HOST_NOT_PERMITTED,
        Problem.ADDRESS_NOT_PERMITTED,
        Problem.NOT_ENCRYPTED,
        Problem.NOT_TRUSTED,
        Problem.HOST_NOT_FOUND,
        Problem.BUSY,
        Problem.ROBOTS_UNKNOWN,
    }
)
SILENT: Final = frozenset({Problem.NO_ANSWER, Problem.TOO_SLOW})
# links to these lead to nothing that is read, so they take no page's place
_OF_UNREAD: Final = """jpg jpeg png gif svg webp ico bmp tif tiff avif css js mjs map woff woff2 ttf eot mp3 wav ogg
m4a flac mp4 webm avi mov mkv zip gz tgz bz2 xz 7z rar tar dmg iso exe msi deb rpm apk jar whl bin xml rss atom json"""
UNREAD: Final = frozenset(_OF_UNREAD.split())


def fetch(job: RunningJob) -> None:
    """A part of a run. A site that was stopped or removed meanwhile is left; one whose host is being fetched waits."""
    site = _claimed(UUID(job.args["site_id"]))
    if site is None:
        return
    problem = ""
    is_over = True
    try:
        is_over = _Run(site, job).go()
    except PageProblem as error:
        problem = error.problem.value
    except (NotAllowed, NotFound):
        problem = Problem.NOT_ALLOWED.value
    with job.finishing():
        row = WebSite.objects.select_for_update().filter(id=site.id, run=site.run).first()
        if row is None or row.state != WebSite.State.RUNNING:
            return
        if is_over:
            _finish(row, problem, job.actor)
        else:
            work.have_it_fetched(row, job.actor)


def _claimed(site_id: UUID) -> WebSite | None:
    """The site, if it is this job's turn: one site of a host at a time, the others wait for its end."""
    with transaction.atomic():
        host_key = WebSite.objects.filter(id=site_id).values_list("host_key", flat=True).first()
        peers = WebSite.objects.select_for_update().filter(host_key=host_key).order_by("id")
        sites = {site.id: site for site in peers}
        site = sites.pop(site_id, None)
        if site is None or site.state not in {WebSite.State.WAITING, WebSite.State.RUNNING}:
            return None
        if any(other.state == WebSite.State.RUNNING for other in sites.values()):
            return None
        site.state = WebSite.State.RUNNING
        site.begun_at = site.begun_at or now()
        site.save(update_fields=["state", "begun_at"])
    return site


def _finish(site: WebSite, problem: str, actor: Actor) -> None:
    """Inside the job's last transaction: how the run ended, and whose turn it is on this host."""
    pages = WebPage.objects.filter(site=site, run=site.run)
    if problem:
        pages.filter(state=WebPage.State.WAITING).update(state=WebPage.State.FAILED, problem=problem)
    counts: dict[str, int] = dict(pages.values_list("state").annotate(Count("id")))
    states = WebPage.State
    if not problem and not any(counts.get(each) for each in (states.TAKEN, states.UNCHANGED, states.SAME)):
        # nothing came of it: what is wrong with the start is wrong with the site
        problem = (
            pages.exclude(problem="").order_by("depth", "id").values_list("problem", flat=True).first() or ""
        )
    site.state = WebSite.State.FAILED if problem else WebSite.State.DONE
    site.problem, site.finished_at = problem, now()
    site.save(update_fields=["state", "problem", "finished_at"])
    told = {state.value: counts.get(state.value, 0) for state in states if state != states.WAITING}
    record(
        events.SITE_FETCHED,
        actor=actor,
        workspace_id=site.workspace_id,
        target=Target("web_site", str(site.id)),
        outcome="failed" if problem else "ok",
        details={"problem": problem, **told},
    )
    waiting = WebSite.objects.filter(host_key=site.host_key, state=WebSite.State.WAITING).exclude(id=site.id)
    following = waiting.order_by("asked_at", "id").first()
    if following is not None:
        work.have_it_fetched(following, actor)


@dataclass(slots=True)
class _Progress:
    known: set[str]
    done: int = 0
    silent: int = 0


class _Run:
    """One slice of one run."""

    def __init__(self, site: WebSite, job: RunningJob) -> None:
        self._site = site
        self._job = job
        start = content.address_of(site)
        self._reach = Reach(start, content.prefix_of(site))
        self._fetcher = Fetcher(job.actor, site.workspace_id, host_of(start))
        rows = WebPage.objects.filter(site=site).values_list("address_key", "state")
        states = dict(rows)
        waiting = sum(state == WebPage.State.WAITING for state in states.values())
        self._so_far = _Progress(set(states), done=len(states) - waiting)
        self._rules = Rules()

    def go(self) -> bool:
        """Fetch what waits until the slice is over; True where nothing waits any more. Raises PageProblem for what is
        wrong with the site as a whole."""
        until = time.monotonic() + SLICE_S
        self._tell()
        self._rules = self._fetcher.rules(self._reach.start)
        while True:
            self._pause()
            page = self._next()
            if page is None:
                return True
            self._handle(page)
            self._so_far.done += 1
            if time.monotonic() > until:
                return False

    def _next(self) -> WebPage | None:
        """Shallow ones first. None also where the site was stopped or removed, or is in another run by now."""
        waiting = WebPage.objects.filter(
            site_id=self._site.id,
            site__run=self._site.run,
            site__state=WebSite.State.RUNNING,
            state=WebPage.State.WAITING,
        )
        return waiting.order_by("depth", "id").first()

    def _handle(self, page: WebPage) -> None:
        address = content.address_of(page)
        try:
            problem = self._may_go(address)
            if problem is not None:
                raise PageProblem(problem)
            known = content.validators_of(page) if page.document_id else {}
            fetched = self._fetcher.page(address, known, self._may_go)
            self._so_far.silent = 0
            said = None if fetched.is_unchanged else self._said(fetched)
        except PageProblem as error:
            self._problem(page, error.problem)
            return
        if said is None:
            leave_unchanged(page)
        else:
            self._take(page, fetched, said)

    def _problem(self, page: WebPage, problem: Problem) -> None:
        if problem in OF_THE_SITE:
            raise PageProblem(problem)
        leave(self._site, page, problem, self._job.actor)
        self._so_far.silent = self._so_far.silent + 1 if problem in SILENT else 0
        if self._so_far.silent >= MOST_SILENT:
            raise PageProblem(problem)

    @staticmethod
    def _said(fetched: Fetched) -> PageLinks:
        if fetched.ending not in {"", "html"}:
            return robots_of(fetched.robots_header)
        return links_of(
            fetched.body, fetched.address, charset=fetched.charset, robots_header=fetched.robots_header
        )

    def _take(self, page: WebPage, fetched: Fetched, said: PageLinks) -> None:
        if page.depth < self._site.depth:
            for link in said.links:
                self._note(link, page.depth + 1)
        if not said.is_kept:
            leave(self._site, page, Problem.NOINDEX, self._job.actor)
            return
        own = said.own if said.own and self._may_go(said.own) is None else fetched.address
        take(self._site, page, own, fetched, self._job.actor)
        self._so_far.known.add(content.key_of_page(self._site, own))

    def _note(self, link: str, depth: int) -> None:
        known = self._so_far.known
        if len(known) >= self._site.most_pages or self._may_go(link) is not None:
            return
        if ending_of(link.partition("?")[0]) in UNREAD:
            return
        key = content.key_of_page(self._site, link)
        if key not in known:
            known.add(key)
            note_page(self._site, link, depth=depth)

    def _may_go(self, address: str) -> Problem | None:
        if not self._reach.holds(address):
            return Problem.ELSEWHERE
        return None if self._rules.permits(address) else Problem.ROBOTS

    def _pause(self) -> None:
        """Between two requests; also where a job that was called off stops."""
        left = max(fetching.WAY.limits.pause_s, self._rules.pause_s)
        self._tell()
        while left > 0:
            time.sleep(min(left, STEP_S))
            left -= STEP_S
            self._tell()

    def _tell(self) -> None:
        of = max(len(self._so_far.known), self._so_far.done + 1)
        self._job.progress(self._so_far.done / of, _("Fetching pages"))
