"""What ends by itself: links, files that were made, uploads that nobody finished, reports of old imports."""

from __future__ import annotations

from datetime import timedelta

from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs.registry import chore
from chatplatform.sharing.endings import destroy_keys_of_ended, end_what_is_over
from chatplatform.sharing.limits import REPORT_KEPT_DAYS, UPLOAD_KEPT_HOURS
from chatplatform.sharing.models import ExportFile, ImportFile


@chore("sharing.endings", every_s=60)
def end_links() -> None:
    end_what_is_over()
    destroy_keys_of_ended()


@chore("sharing.files", every_s=300, limit_s=120)
def forget_files() -> None:
    """Files go when their time is over; no audit event, for the conversations are where they were."""
    moment = now()
    with all_workspaces("files of every workspace grow old alike"):
        ExportFile.objects.filter(expires_at__lte=moment).delete()
        unfinished = ImportFile.objects.filter(finished_at=None)
        unfinished.filter(job_id=None, created_at__lt=moment - timedelta(hours=UPLOAD_KEPT_HOURS)).delete()
        # a job that failed for the last time leaves its file for a day, to be retried by an administrator
        unfinished.filter(created_at__lt=moment - timedelta(days=1)).delete()
        ImportFile.objects.filter(finished_at__lt=moment - timedelta(days=REPORT_KEPT_DAYS)).delete()
