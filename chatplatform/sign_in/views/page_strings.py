"""The texts that the scripts of these pages show, in the reader's language."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

STRINGS: dict[str, Promise] = {
    "not_saved": _("Not saved. Check the connection and try again."),
    "passkey_not_used": _("No passkey was used. Try again, or come in another way."),
    "passkey_known": _("This device has a passkey for you already."),
    "passkey_place": _("Browsers allow passkeys over https only, or under localhost."),
}
DATA = {"strings": STRINGS}
