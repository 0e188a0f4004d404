"""What sign-in writes into the audit log."""

from __future__ import annotations

from chatplatform.audit.catalogue import declare

PASSWORD_SET = declare("sign_in.password.set", summary="A person chose a first password.")
PASSWORD_CHANGED = declare("sign_in.password.changed", summary="A person changed the own password.")
PASSWORD_REMOVED = declare("sign_in.password.removed", summary="A person removed the own password.")
PASSKEY_ADDED = declare("sign_in.passkey.added", summary="A person added a passkey.", fields=("passkey",))
PASSKEY_REMOVED = declare(
    "sign_in.passkey.removed", summary="A person removed a passkey.", fields=("passkey",)
)
CODES_ON = declare("sign_in.codes.on", summary="A person turned one-time codes on.")
CODES_OFF = declare("sign_in.codes.off", summary="A person turned one-time codes off.", level="notice")
RECOVERY_CODES_MADE = declare("sign_in.recovery_codes.made", summary="A person made new recovery codes.")
CONFIRMED = declare(
    "sign_in.confirmed",
    summary="A signed-in person proved again who they are, before a change of how they sign in.",
    fields=("method",),
)
CONFIRM_REFUSED = declare(
    "sign_in.confirm.refused",
    summary="A signed-in person failed to prove again who they are.",
    fields=("method",),
    level="warning",
)
SESSIONS_ENDED = declare(
    "sign_in.sessions.ended", summary="Sessions of a person were ended.", fields=("sessions", "reason")
)
REFUSED_UNKNOWN = declare(
    "sign_in.refused",
    summary="A sign-in was refused that names nobody here.",
    fields=("method", "reason"),
    level="warning",
)
LINK_MAILED = declare(
    "sign_in.link.mailed", summary="A sign-in link was made to be sent by e-mail.", fields=("ttl_s",)
)
GROUPS_FOLLOWED = declare(
    "sign_in.groups.followed",
    summary="A person's groups or role were changed to what single sign-on says.",
    fields=("joined", "left", "role"),
)
