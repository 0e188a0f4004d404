"""What is done for web pages without anybody asking: schedules, and nothing stays between two states."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction

from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.jobs.models import UNFINISHED, JobState
from chatplatform.jobs.queries import states_by_key
from chatplatform.jobs.registry import chore
from chatplatform.knowledge.web_pages import services, work
from chatplatform.knowledge.web_pages.models import WebPage, WebSite
from chatplatform.knowledge.web_pages.problems import Problem

DROPPED_AFTER: Final = timedelta(seconds=20)
AT_ONCE: Final = 50
WHY: Final = "pages of every workspace are looked after"
US: Final = Actor.system("knowledge")


@chore("knowledge.web_pages_due", every_s=60)
def fetch_what_is_due() -> None:
    with all_workspaces(WHY):
        due = WebSite.objects.filter(next_at__lte=now(), collection__deleted_at=None)
        found = list(due.order_by("next_at").values_list("id", "workspace_id")[:AT_ONCE])
    for site_id, workspace_id in found:
        with workspace_scope(workspace_id):
            services.fetch_due(site_id, actor=US)


@chore("knowledge.web_pages_unfinished", every_s=30)
def take_up_what_was_dropped() -> None:
    """A run without a job: its job was called off, gave up, or was lost."""
    with all_workspaces(WHY):
        open_ones = WebSite.objects.filter(state__in=[WebSite.State.WAITING, WebSite.State.RUNNING])
        old = open_ones.filter(asked_at__lt=now() - DROPPED_AFTER, collection__deleted_at=None)
        found = list(old.order_by("asked_at").values_list("id", "workspace_id")[:AT_ONCE])
    for site_id, workspace_id in found:
        with workspace_scope(workspace_id), transaction.atomic():
            site = WebSite.objects.select_for_update().filter(id=site_id).first()
            if site is not None:
                _take_up(site)


def _take_up(site: WebSite) -> None:
    if site.state not in {WebSite.State.WAITING, WebSite.State.RUNNING}:
        return
    states = set(states_by_key(site.workspace_id, work.FETCH_JOB, [work.key_of_fetching(site)]))
    if states & set(UNFINISHED):
        return
    if JobState.CANCELLED in states:
        _end(site, WebSite.State.STOPPED, Problem.STOPPED)
    elif JobState.DEAD in states:
        _end(site, WebSite.State.FAILED, Problem.FAULT)
    else:
        work.have_it_fetched(site, US)


def _end(site: WebSite, state: WebSite.State, problem: Problem) -> None:
    site.state, site.problem, site.finished_at = state, problem, now()
    site.save(update_fields=["state", "problem", "finished_at"])
    waiting = WebPage.objects.filter(site=site, state=WebPage.State.WAITING)
    waiting.update(state=WebPage.State.FAILED, problem=problem)
