"""Addresses of all pages."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

from chatplatform.web import diagrams
from chatplatform.web.static_files import static_file
from chatplatform.web.views import (
    chat,
    components,
    health,
    inside,
    organising,
    preferences,
    setup,
    shared,
    sharing,
    summaries,
    tokens,
)

handler400 = "chatplatform.web.error_pages.bad_request"
handler403 = "chatplatform.web.error_pages.permission_denied"
handler404 = "chatplatform.web.error_pages.page_not_found"
handler500 = "chatplatform.web.error_pages.server_error"

urlpatterns = [
    path("", chat.new_chat, name="chat"),
    path("c/", chat.more_conversations, name="more_conversations"),
    path("c/models/", chat.models, name="chat_models"),
    path("c/overview/", organising.overview, name="conversation_overview"),
    path("c/organise/", organising.organise, name="organise_conversations"),
    path("search/", organising.search, name="search_conversations"),
    path("folders/", organising.create_folder, name="create_folder"),
    path("folders/<uuid:folder_id>/", organising.folder, name="folder"),
    path("folders/<uuid:folder_id>/delete/", organising.delete_folder, name="delete_folder"),
    path("tags/", organising.create_tag, name="create_tag"),
    path("tags/<uuid:tag_id>/", organising.rename_tag, name="rename_tag"),
    path("tags/<uuid:tag_id>/delete/", organising.delete_tag, name="delete_tag"),
    path("c/<uuid:conversation_id>/", chat.conversation, name="conversation"),
    path("c/<uuid:conversation_id>/rename/", chat.rename, name="rename_conversation"),
    path("c/<uuid:conversation_id>/delete/", chat.delete, name="delete_conversation"),
    path("t/<uuid:turn_id>/inside/", inside.inside, name="inside"),
    path("t/<uuid:turn_id>/inside/prompt/", inside.prompt, name="inside_prompt"),
    path("t/<uuid:turn_id>/replay/", inside.replay, name="inside_replay"),
    path("summaries/<uuid:summary_id>/", summaries.summary, name="summary"),
    path("summaries/<uuid:summary_id>/again/", summaries.again, name="summary_again"),
    path("summaries/<uuid:summary_id>/delete/", summaries.remove, name="summary_remove"),
    path(
        "jobs/",
        RedirectView.as_view(url="/console/jobs/", permanent=True, query_string=True),
        name="jobs_moved",
    ),
    path("settings/chat/", preferences.chat_preferences, name="chat_preferences"),
    path("settings/tokens/", tokens.own_tokens, name="own_tokens"),
    path("settings/tokens/<uuid:token_id>/revoke/", tokens.revoke_own_token, name="revoke_own_token"),
    path("c/<uuid:conversation_id>/share/", sharing.share_dialog, name="share_conversation"),
    path("c/<uuid:conversation_id>/export/", sharing.conversation_file, name="export_conversation"),
    path("s/<str:token>/", shared.shared_page, name="shared"),
    path("s/<str:token>/copy/", shared.copy, name="copy_shared"),
    path("settings/sharing/", sharing.sharing_settings, name="sharing_settings"),
    path("settings/sharing/work/", sharing.sharing_work, name="sharing_work"),
    path("settings/sharing/links/<uuid:share_id>/", sharing.change_link, name="change_link"),
    path("settings/sharing/exports/", sharing.begin_export, name="begin_export"),
    path("settings/sharing/exports/<uuid:export_id>/", sharing.export_file, name="export_file"),
    path("settings/sharing/exports/<uuid:export_id>/remove/", sharing.remove_export, name="remove_export"),
    path("settings/sharing/imports/<uuid:import_id>/remove/", sharing.remove_import, name="remove_import"),
    path("setup/", setup.setup, name="setup"),
    path("setup/status", setup.setup_status, name="setup_status"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("diagrams/frame/", diagrams.frame, name="diagram_frame"),
    path("diagrams/<str:name>.js", diagrams.script, name="diagram_script"),
    path("components/", components.components, name="components"),
    path("static/<path:path>", static_file, name="static_file"),
    path("console/", include("chatplatform.console.urls")),
    path("", include("chatplatform.api.urls")),
    path("", include("chatplatform.sign_in.urls")),
]
