"""The test message of who runs the machine."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import PlatformError
from chatplatform.sign_in import mail
from chatplatform.sign_in.views.page_strings import DATA


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SYSTEM_MANAGE)
def mail_settings(request: PersonRequest) -> HttpResponseBase:
    """Shows which server mail leaves by; POST sends a test message to the person's own address."""
    if request.method != "POST":
        return _page(request)
    try:
        mail.send_test(
            request.person.user, actor=request.person.actor, workspace_id=request.person.workspace_id
        )
    except PlatformError as error:
        return _page(request, refused=str(error.message), status=error.status)
    said = _("The mail server took the message for %(address)s.") % {"address": request.person.user.email}
    return _page(request, said=said)


def _page(request: PersonRequest, *, refused: str = "", said: str = "", status: int = 200) -> HttpResponse:
    context = {
        "server": settings.MAIL_SERVER,
        "mail_from": settings.MAIL_FROM,
        "refused": refused,
        "said": said,
        "data": DATA,
    }
    return render(request, "accounts/mail_settings.html", context, status=status)
