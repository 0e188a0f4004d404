"""Which sizes of chunks people may choose: one number, all other lengths in the proportions of the default ones."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _

from chatplatform.common.errors import InvalidInput
from chatplatform.knowledge.chunking.chunks import Sizes

LEAST_TOKENS: Final = 64
MOST_TOKENS: Final = 480
"""Of a chunk: the default embedding model reads 512, with what is put before a passage."""
DEFAULT_TOKENS: Final = Sizes().most
CHOICES: Final = (128, DEFAULT_TOKENS, 320, 448)
"""What pages offer: exact answers, the default, and more of the text at once."""


def sizes_of(chunk_tokens: int) -> Sizes:
    """For chunks of `chunk_tokens` tokens at most; the default number gives the default sizes. Raises InvalidInput."""
    if not LEAST_TOKENS <= chunk_tokens <= MOST_TOKENS:
        raise InvalidInput(
            "knowledge.chunk_size_invalid",
            _("A chunk has from %(least)d to %(most)d tokens.")
            % {"least": LEAST_TOKENS, "most": MOST_TOKENS},
        )
    standard = Sizes()
    part = standard.least * chunk_tokens // standard.most
    return Sizes(
        least=part, most=chunk_tokens, overlap=0, context=part, parent=max(standard.parent, 2 * chunk_tokens)
    )
