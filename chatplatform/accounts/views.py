"""The person's own settings."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods

from chatplatform.accounts.access import signed_in
from chatplatform.accounts.forms import ProfileForm
from chatplatform.accounts.person import PersonRequest
from chatplatform.accounts.services import change_profile
from chatplatform.common.errors import InvalidInput


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def settings_page(request: PersonRequest) -> HttpResponseBase:
    user = request.person.user
    if request.method != "POST":
        current = {name: getattr(user, name) for name in ProfileForm.base_fields}
        return render(request, "accounts/settings.html", {"form": ProfileForm(initial=current)})
    form = ProfileForm(request.POST)
    if form.is_valid():
        try:
            change_profile(user, form.profile(), actor=request.person.actor)
        except InvalidInput as error:
            form.add_error("email", str(error.message))
    if form.is_valid():
        with override(user.language or None):
            messages.success(request, _("Saved."))
        return redirect("accounts:settings")
    user.refresh_from_db()
    return render(request, "accounts/settings.html", {"form": form}, status=422)
