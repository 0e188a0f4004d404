"""Why a conversation of a file was not taken, in words. Codes and numbers are stored, words are found when shown."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import InvalidInput

WORDS: dict[str, str | Promise] = {
    "not_json": _("It is no valid JSON."),
    "not_text": _("It is not text in UTF-8."),
    "too_large": _("It is larger than %(limit)d MiB."),
    "too_deep": _("It is nested deeper than %(limit)d levels."),
    "too_many_parts": _("It has more lists and objects than any conversation needs."),
    "not_a_conversation": _("It is no conversation in a format that is known here."),
    "version_unknown": _("It was written by a newer version. Update this platform first."),
    "wrong_type": _("A field has another type than it should have."),
    "no_messages": _("It has no messages."),
    "too_many_messages": _("It has more than %(limit)d messages."),
    "id_twice": _("Two of its messages have the same id."),
    "parent_missing": _("A message follows one that is not in the file."),
    "goes_in_circles": _("Its messages follow one another in a circle."),
    "role_unknown": _("A message is neither a person's nor an assistant's."),
    "message_too_long": _("A message has more than %(limit)d characters."),
    "packed_too_tight": _("It is packed so tightly that it would fill this machine when unpacked."),
    "entry_damaged": _("This part of the archive is damaged."),
}


class Refused(Exception):
    """One conversation is not taken; the others may be. `limit` fills the words."""

    def __init__(self, code: str, *, limit: int = 0) -> None:
        assert code in WORDS
        super().__init__(code)
        self.code = code
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Problem:
    """What was wrong with the conversation at `position` (1 is the first); `title` as far as it was read."""

    position: int
    code: str
    limit: int = 0
    title: str = ""

    @property
    def words(self) -> str:
        text = str(WORDS.get(self.code, self.code))
        return text % {"limit": self.limit} if "%(limit)d" in text else text


def file_refused(code: str, message: str | Promise) -> InvalidInput:
    """The whole file is not taken: trying again would not help."""
    return InvalidInput(f"sharing.import_{code}", message)
