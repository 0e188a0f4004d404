"""Addresses of sign-in and of a person's own settings, in the namespace `accounts`.

Only what stands here is routed: of allauth's own pages none is.
"""

from __future__ import annotations

from django.urls import path

from chatplatform.accounts.urls import urlpatterns as of_accounts
from chatplatform.sign_in.views import entrance, mail, security, single_sign_on

app_name = "accounts"
urlpatterns = [
    path("sign-in/", entrance.sign_in, name="sign_in"),
    path("sign-in/code/", entrance.sign_in_code, name="sign_in_code"),
    path("sign-in/passkey/options/", entrance.passkey_options, name="passkey_sign_in_options"),
    path("sign-in/passkey/", entrance.passkey, name="passkey_sign_in"),
    path("sign-in/mail/", entrance.mail_link, name="mail_link"),
    path("sign-in/mail/<str:token>/", entrance.mailed_link, name="mailed_link"),
    path("sign-in/sso/", single_sign_on.begin, name="single_sign_on"),
    path("sign-in/sso/callback/", single_sign_on.callback, name="single_sign_on_callback"),
    path("sign-in/<str:token>/", entrance.sign_in_link, name="sign_in_link"),
    path("sign-out/", entrance.sign_out, name="sign_out"),
    path("settings/security/", security.security, name="security"),
    path("settings/security/confirm/", security.confirm_page, name="confirm"),
    path("settings/security/confirm/passkey/", security.confirm_by_passkey, name="confirm_by_passkey"),
    path("settings/security/password/", security.password, name="password"),
    path("settings/security/passkeys/options/", security.passkey_options, name="passkey_options"),
    path("settings/security/passkeys/", security.add_passkey, name="add_passkey"),
    path("settings/security/passkeys/by-name/", security.by_name, name="passkeys_by_name"),
    path(
        "settings/security/passkeys/<int:passkey_id>/remove/", security.remove_passkey, name="remove_passkey"
    ),
    path("settings/security/codes/", security.codes, name="codes"),
    path("settings/security/codes/off/", security.codes_off, name="codes_off"),
    path("settings/security/codes/recovery/", security.recovery_codes, name="recovery_codes"),
    path("settings/security/sessions/end-others/", security.end_other_sessions, name="end_other_sessions"),
    path("settings/security/sessions/<int:session_id>/end/", security.end_session, name="end_session"),
    path("settings/mail/", mail.mail_settings, name="mail_settings"),
    *of_accounts,
]
