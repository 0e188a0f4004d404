"""The texts that scripts show, handed to the page in the reader's language.

`{name}` is filled in by the script; an entry with several texts holds the forms of a
number, told apart by `Intl.PluralRules`.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

STRINGS: dict[str, Promise | dict[str, Promise]] = {
    "new_chat": _("New chat"),
    "today": _("Today"),
    "yesterday": _("Yesterday"),
    "last_week": _("Last 7 days"),
    "earlier": _("Earlier"),
    "copy": _("Copy"),
    "copied": _("Copied"),
    "copy_failed": _("Copying is not allowed here. Select the text instead."),
    "plain_text": _("Text"),
    "queued_next": _("Next in line"),
    "queued": _("{n} ahead of you"),
    "wait_seconds": _("about {n} s"),
    "wait_minutes": _("about {n} min"),
    "waiting": _("The model is being restarted. Your answer goes on by itself."),
    "answer_complete": _("Answer complete."),
    "answer_stopped": _("Answer stopped."),
    "answer_failed": _("The answer failed: {message}"),
    "left_out_context": {
        "one": _("{n} older message was left out: the chat is longer than the model can read at once."),
        "other": _("{n} older messages were left out: the chat is longer than the model can read at once."),
    },
    "left_out_first_word": {
        "one": _("{n} older message was left out, so that the answer begins soon."),
        "other": _("{n} older messages were left out, so that the answer begins soon."),
    },
    "left_out_long_chat": {
        "one": _("{n} older message was left out: the chat has very many."),
        "other": _("{n} older messages were left out: the chat has very many."),
    },
    "characters_left": {
        "one": _("{n} character left"),
        "other": _("{n} characters left"),
    },
    "characters_over": {
        "one": _("{n} character too many. Shorten the message."),
        "other": _("{n} characters too many. Shorten the message."),
    },
    "offline": _("No connection. Trying again…"),
    "back_online": _("Connected again."),
    "signed_out": _("You are signed out. Sign in to go on."),
    "too_old": _("This page is out of date. Reload it to go on."),
    "not_saved": _("Not saved. Check the connection and try again."),
    "renamed": _("Renamed."),
    "deleted": _("Deleted."),
    "removed_elsewhere": _("This conversation was deleted."),
}
