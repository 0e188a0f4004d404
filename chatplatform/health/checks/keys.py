"""The key store: without it no conversation can be read or written."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.common.errors import PlatformError
from chatplatform.environment.secrets import master_key_path
from chatplatform.health.checks.findings import Finding, problem, right
from chatplatform.privacy.data_keys import check_key_store


def key_store_opens() -> Finding:
    """The master key is well formed, and the one that the stored keys were wrapped with."""
    try:
        check_key_store()
    except PlatformError as error:
        place = master_key_path(settings.ENVIRONMENT)
        return problem(
            str(error.message),
            _("Put the right master key back: CHATPLATFORM_MASTER_KEY, or the file %(file)s.")
            % {"file": place},
        )
    return right(_("the master key fits"))
