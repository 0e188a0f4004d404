"""Why a document is not found by searches: a stable code, and words that say what to do."""

from __future__ import annotations

from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.documents.problems import WORDS as READING_WORDS
from chatplatform.documents.problems import Problem as ReadingProblem


class Problem(StrEnum):
    """Beside those of reading a file."""

    STOPPED = "stopped"
    ENCODER_UNAVAILABLE = "encoder_unavailable"
    VECTORS_UNAVAILABLE = "vectors_unavailable"
    OTHER_MODEL = "other_model"
    TOO_LONG = "too_long"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    INDEX_FAULT = "index_fault"


WORDS: dict[str, str | Promise] = {
    **{problem.value: words for problem, words in READING_WORDS.items()},
    ReadingProblem.NO_TEXT: _(
        "The file holds no text, only pictures of it. Add a version with text that can be selected."
    ),
    ReadingProblem.ENCRYPTED: _(
        "The file is protected by a password. Remove the password, then replace the file."
    ),
    ReadingProblem.TOO_LARGE_INSIDE: _("The file unpacks to more than can be read. Add it in parts."),
    ReadingProblem.TOO_SLOW: _(
        "Reading the file took too long. Add it in parts, or save it in another format."
    ),
    ReadingProblem.OLD_OFFICE: _(
        "This is an old Office format. Save it as .docx, .pptx or .pdf, then replace the file."
    ),
    ReadingProblem.OUTLOOK: _(
        "This is a message in Outlook's own format. Save it as .eml or PDF, then replace the file."
    ),
    ReadingProblem.UNKNOWN: _("Files of this kind cannot be read. Save it as PDF or text, then add that."),
    ReadingProblem.FAULT: _("Something went wrong on our side while the document was read. Try again."),
    ReadingProblem.PICTURE: _("Text in pictures cannot be read here. Add the text."),
    ReadingProblem.AUDIO: _("Recordings cannot be read here. Add a transcript."),
    ReadingProblem.VIDEO: _("Videos cannot be read here. Add a transcript."),
    ReadingProblem.ARCHIVE: _("This is an archive. Unpack it and add the documents in it."),
    Problem.STOPPED: _("It was stopped. Try again to go on."),
    Problem.ENCODER_UNAVAILABLE: _("The embedding model does not answer. Try again when it is up."),
    Problem.VECTORS_UNAVAILABLE: _("The vector store does not answer. Try again when it is up."),
    Problem.OTHER_MODEL: _(
        "The embedding model is another one than this collection was indexed with. Index the collection anew."
    ),
    Problem.TOO_LONG: _("A part of the document is longer than the embedding model can read."),
    Problem.REFUSED: _("The embedding model refused the document. An administrator has to look."),
    Problem.UNREADABLE: _("What was read of the document cannot be opened any more. Replace it."),
    Problem.INDEX_FAULT: _("Something went wrong on our side while the document was indexed. Try again."),
}


def problem_words(code: str) -> str:
    """Empty for no problem; what is generally true for a code of another version."""
    if not code:
        return ""
    return str(WORDS.get(code, WORDS[Problem.INDEX_FAULT]))
