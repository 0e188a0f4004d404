"""What the console itself writes into the audit log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

FIRST_STEPS_SHOWN = declare(
    "console.first_steps.shown",
    summary=_("The list of first steps was put away, or brought back"),
    fields=("shown",),
)
REMOTE_HOSTS_REVIEWED = declare(
    "console.remote_hosts.reviewed",
    summary=_("The hosts outside this machine that get prompts were reviewed"),
    fields=("hosts",),
    level="notice",
)
PLUG_PULLED = declare(
    "console.plug.pulled",
    summary=_("A process was killed on purpose, to see that nothing is lost"),
    fields=("drill_id", "process", "pid"),
    level="warning",
)
PLUG_CHECKED = declare(
    "console.plug.checked",
    summary=_("After a process was killed on purpose, what was shown was compared with what is stored"),
    fields=("drill_id", "process", "words", "lost_words", "jobs", "lost_jobs", "back_after_s"),
    level="notice",
)
