"""One's own API tokens, and what is left of one's limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from chatplatform.accounts.access import requires
from chatplatform.accounts.api_tokens import NAME_CHARS, Scope, make_token, revoke_token, scopes_for
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.accounts.token_queries import tokens_of
from chatplatform.common.clock import now
from chatplatform.common.errors import PlatformError
from chatplatform.usage.queries import limits_of
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

NEVER = "never"


class TokenForm(forms.Form):
    """What a new token is called, may do, and how long it lives."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=NAME_CHARS)
    lifetime = forms.ChoiceField(
        label=gettext_lazy("Ends"),
        choices=[
            ("30", gettext_lazy("In 30 days")),
            ("90", gettext_lazy("In 90 days")),
            ("365", gettext_lazy("In a year")),
            (NEVER, gettext_lazy("Never")),
        ],
        initial="90",
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"),
        error_messages={"required": gettext_lazy("Choose at least one thing that the token may do.")},
    )

    def __init__(self, *args: Any, offered: tuple[Scope, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = [(scope.value, scope.label) for scope in offered]  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.TOKENS_OWN)
@expected_errors
def own_tokens(request: PersonRequest) -> HttpResponseBase:
    """GET shows the tokens; POST makes one and shows its secret, this once."""
    offered = scopes_for(request.person.role)
    if request.method != "POST":
        form = TokenForm(offered=offered, initial={"scopes": [Scope.CHAT.value], "lifetime": "90"})
        return _page(request, form)
    form = TokenForm(request.POST, offered=offered)
    if not form.is_valid():
        return _page(request, form, status=422)
    values = form.cleaned_data
    days = None if values["lifetime"] == NEVER else int(values["lifetime"])
    try:
        made = make_token(
            values["name"],
            [Scope(scope) for scope in values["scopes"]],
            expires_at=now() + timedelta(days=days) if days else None,
            actor=request.person.actor,
        )
    except PlatformError as error:
        form.add_error(None, str(error.message))
        return _page(request, form, status=error.status)
    # not after a redirect: then the secret would have to be stored in between
    return _page(request, TokenForm(offered=offered, initial={"lifetime": "90"}), secret=made.secret)


@require_POST
@requires(Permission.TOKENS_OWN)
@expected_errors
def revoke_own_token(request: PersonRequest, token_id: UUID) -> HttpResponseBase:
    revoke_token(token_id, actor=request.person.actor, owner_id=request.person.id)
    messages.success(request, _("The token is revoked. What used it is refused from now on."))
    return redirect("own_tokens")


def _page(request: PersonRequest, form: TokenForm, *, secret: str = "", status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "secret": secret,
        "tokens": [token for token in tokens_of(request.person.id) if token.revoked_at is None],
        "limits": limits_of(request.person.id),
        "openai_address": f"{settings.PUBLIC_URL}/v1",
        "data": {"strings": STRINGS},
    }
    return render(request, "tokens/tokens.html", context, status=status)
