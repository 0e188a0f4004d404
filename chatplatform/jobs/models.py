"""What the platform has to do, who does it, and when. The rows are the truth; the broker only wakes workers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedManager


class JobState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Done")
    DEAD = "dead", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


UNFINISHED = (JobState.WAITING, JobState.RUNNING)


class Job(models.Model):
    """One piece of work. Changed by compare-and-set only (services.py, claims.py), never by `save()`.

    `args` hold ids, never content. `stage` and `error_message` are source strings, translated when shown.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace_id = models.UUIDField(null=True, blank=True)  # none for the platform's own work
    kind = models.CharField(max_length=64)
    args = models.JSONField(default=dict)
    dedupe_key = models.CharField(max_length=200, blank=True)
    periodic = models.BooleanField(default=False)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)

    state = models.CharField(max_length=16, choices=JobState.choices, default=JobState.WAITING)
    max_attempts = models.PositiveIntegerField(default=1)
    failures = models.PositiveIntegerField(default=0)  # attempts that ended in an error
    losses = models.PositiveIntegerField(default=0)  # attempts whose worker vanished
    available_at = models.DateTimeField(default=now)
    published_at = models.DateTimeField(null=True, blank=True)  # last time it was handed to the broker
    claim_token = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)

    progress = models.FloatField(default=0.0)  # 0 to 1
    stage = models.CharField(max_length=200, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    error_type = models.CharField(max_length=100, blank=True)  # class of an unexpected exception

    created_at = models.DateTimeField(default=now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ScopedManager[Job]] = ScopedManager()

    class Meta:
        base_manager_name = "objects"
        default_manager_name = "objects"
        constraints = [
            # Two, because NULL equals nothing: the platform's own jobs need a rule of their own.
            models.UniqueConstraint(
                fields=["workspace_id", "kind", "dedupe_key"],
                condition=Q(state__in=UNFINISHED) & ~Q(dedupe_key="") & Q(workspace_id__isnull=False),
                name="one_unfinished_job_per_key",
            ),
            models.UniqueConstraint(
                fields=["kind", "dedupe_key"],
                condition=Q(state__in=UNFINISHED) & ~Q(dedupe_key="") & Q(workspace_id__isnull=True),
                name="one_unfinished_platform_job",
            ),
            models.CheckConstraint(
                condition=Q(state=JobState.RUNNING, claim_token__isnull=False, heartbeat_at__isnull=False)
                | (~Q(state=JobState.RUNNING) & Q(claim_token__isnull=True)),
                name="running_job_has_a_claim",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace_id", "-created_at"], name="job_page"),
            models.Index(fields=["workspace_id", "state", "-created_at"], name="job_page_by_state"),
            models.Index(fields=["workspace_id", "kind", "-created_at"], name="job_page_by_kind"),
            models.Index(fields=["available_at"], condition=Q(state=JobState.WAITING), name="job_waiting"),
            models.Index(fields=["heartbeat_at"], condition=Q(state=JobState.RUNNING), name="job_running"),
            models.Index(fields=["state", "finished_at"], name="job_finished"),
        ]


class PeriodicJob(models.Model):
    """When a periodic kind of job is wanted next."""

    kind = models.CharField(max_length=64, primary_key=True)
    due_at = models.DateTimeField()


class BeatLease(models.Model):
    """Which process keeps the beat, and until when it is believed to be alive."""

    name = models.CharField(max_length=32, primary_key=True)
    holder = models.UUIDField()
    until = models.DateTimeField()
