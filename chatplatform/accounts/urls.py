"""Addresses of settings and invitations. Those of sign-in are in sign_in/urls.py, which includes these."""

from __future__ import annotations

from django.urls import path
from django.views.i18n import set_language

from chatplatform.accounts import invitation_views, views, workspace_views

app_name = "accounts"
urlpatterns = [
    path("invitation/<str:token>/", invitation_views.invitation, name="invitation"),
    path("settings/", views.settings_page, name="settings"),
    path("settings/workspaces/", workspace_views.workspaces, name="workspaces"),
    path("settings/workspaces/switch/", workspace_views.switch, name="switch_workspace"),
    path("settings/workspaces/rename/", workspace_views.rename, name="rename_workspace"),
    path("settings/workspaces/create/", workspace_views.create, name="create_workspace"),
    path("language/", set_language, name="language"),
]
