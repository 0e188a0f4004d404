"""Addresses of all pages."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

from chatplatform.web.static_files import static_file
from chatplatform.web.views import chat, components, health, setup, tokens

handler400 = "chatplatform.web.error_pages.bad_request"
handler403 = "chatplatform.web.error_pages.permission_denied"
handler404 = "chatplatform.web.error_pages.page_not_found"
handler500 = "chatplatform.web.error_pages.server_error"

urlpatterns = [
    path("", chat.new_chat, name="chat"),
    path("c/", chat.more_conversations, name="more_conversations"),
    path("c/<uuid:conversation_id>/", chat.conversation, name="conversation"),
    path("c/<uuid:conversation_id>/rename/", chat.rename, name="rename_conversation"),
    path("c/<uuid:conversation_id>/delete/", chat.delete, name="delete_conversation"),
    path(
        "jobs/",
        RedirectView.as_view(url="/console/jobs/", permanent=True, query_string=True),
        name="jobs_moved",
    ),
    path("settings/tokens/", tokens.own_tokens, name="own_tokens"),
    path("settings/tokens/<uuid:token_id>/revoke/", tokens.revoke_own_token, name="revoke_own_token"),
    path("setup/", setup.setup, name="setup"),
    path("setup/status", setup.setup_status, name="setup_status"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("components/", components.components, name="components"),
    path("static/<path:path>", static_file, name="static_file"),
    path("console/", include("chatplatform.console.urls")),
    path("", include("chatplatform.api.urls")),
    path("", include("chatplatform.sign_in.urls")),
]
