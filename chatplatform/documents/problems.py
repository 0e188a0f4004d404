"""Why a document could not be read: a stable code, and words that say what to do."""

from __future__ import annotations

from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Problem(StrEnum):
    """`FAULT` is the platform's own; every other one lies in the file."""

    EMPTY = "empty"
    ENCRYPTED = "encrypted"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the code of a problem
    DAMAGED = "damaged"
    NO_TEXT = "no_text"
    TOO_LARGE_INSIDE = "too_large_inside"
    TOO_SLOW = "too_slow"
    OLD_OFFICE = "old_office"
    OUTLOOK = "outlook"
    PICTURE = "picture"
    AUDIO = "audio"
    VIDEO = "video"
    ARCHIVE = "archive"
    PROGRAM = "program"
    UNKNOWN = "unknown"
    FAULT = "fault"


WORDS: dict[Problem, str | Promise] = {
    Problem.EMPTY: _("The file is empty."),
    Problem.ENCRYPTED: _("The file is protected by a password. Remove the password, then attach it again."),
    Problem.WRONG_PASSWORD: _("The password does not open the file."),
    Problem.DAMAGED: _(
        "The file is damaged, or it is not what it claims to be. Open and save it anew, then try again."
    ),
    Problem.NO_TEXT: _(
        "The file holds no text, only pictures of it. Attach a version with text that can be selected."
    ),
    Problem.TOO_LARGE_INSIDE: _("The file unpacks to more than can be read. Attach a part of it."),
    Problem.TOO_SLOW: _("Reading the file took too long. Attach a part of it, or save it in another format."),
    Problem.OLD_OFFICE: _(
        "This is an old Office format. Save it as .docx, .pptx or .pdf, then attach it again."
    ),
    Problem.OUTLOOK: _(
        "This is a message in Outlook's own format. Save it as .eml or PDF, then attach it again."
    ),
    Problem.PICTURE: _("The models here cannot see pictures. Describe it, or attach its text."),
    Problem.AUDIO: _("The models here cannot listen to recordings. Attach a transcript."),
    Problem.VIDEO: _("The models here cannot watch videos. Attach a transcript."),
    Problem.ARCHIVE: _("This is an archive. Unpack it and attach the documents in it."),
    Problem.PROGRAM: _("This is a program, not a document."),
    Problem.UNKNOWN: _("Files of this kind cannot be read. Save it as PDF or text, then attach it again."),
    Problem.FAULT: _("Something went wrong on our side while the file was read. Attach it again."),
}
