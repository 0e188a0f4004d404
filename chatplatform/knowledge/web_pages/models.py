"""Sites and their pages: addresses are sealed with the workspace's key; clear are ids, states, counts and times."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedManager, ScopedModel
from chatplatform.knowledge.models import Collection, Document


class WebSite(ScopedModel):
    """Where pages of a collection come from: a start address, and how far its links are followed.

    `address` and `prefix` (a path) are sealed. `address_key` and `host_key` are keyed hashes: the same address comes
    once into a collection, and pages of one host are fetched one after the other. A single page is a site of one page
    and depth 0. `run` counts the times it was fetched; a page whose `run` is the site's was looked at in it.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Being fetched")
        DONE = "done", _("Fetched")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")

    class Every(models.TextChoices):
        NEVER = "never", _("Only when asked")
        DAY = "day", _("Every day")
        WEEK = "week", _("Every week")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="sites")
    address = models.BinaryField()
    prefix = models.BinaryField(default=bytes)
    address_key = models.CharField(max_length=32)
    host_key = models.CharField(max_length=32)
    most_pages = models.PositiveIntegerField(default=1)
    depth = models.PositiveSmallIntegerField(default=0)
    every = models.CharField(max_length=5, choices=Every.choices, default=Every.NEVER)
    removes_gone = models.BooleanField(default=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    problem = models.CharField(max_length=24, blank=True)
    run = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(default=now)
    begun_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[ScopedManager[WebSite]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["collection", "address_key"], name="web_site_once")]
        indexes = [
            models.Index(
                fields=["state"], name="web_site_open", condition=Q(state__in=["waiting", "running"])
            ),
            models.Index(fields=["next_at"], name="web_site_due", condition=Q(next_at__isnull=False)),
        ]


class WebPage(ScopedModel):
    """A page of a site. `address` and `validators` (what its server calls this version of it) are sealed.

    `document` is what it became, None where it became none. `depth` counts links from the start.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        TAKEN = "taken", _("Taken")
        UNCHANGED = "unchanged", _("Unchanged")
        SAME = "same", _("The same as another")
        LEFT_OUT = "left_out", _("Left out")
        FAILED = "failed", _("Failed")
        GONE = "gone", _("Gone")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    site = models.ForeignKey(WebSite, on_delete=models.CASCADE, related_name="pages")
    document = models.ForeignKey(Document, null=True, on_delete=models.SET_NULL, related_name="+")
    address = models.BinaryField()
    address_key = models.CharField(max_length=32)
    validators = models.BinaryField(default=bytes)
    depth = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    problem = models.CharField(max_length=24, blank=True)
    run = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)
    fetched_at = models.DateTimeField(null=True)

    objects: ClassVar[ScopedManager[WebPage]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["site", "address_key"], name="web_page_once")]
        indexes = [models.Index(fields=["site", "state", "depth", "id"], name="web_page_next")]
