"""`POST /v1/embeddings`: texts as vectors. Nothing of them is kept."""

from __future__ import annotations

import base64
import struct
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils.translation import gettext as _
from ninja import Router

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.errors import BadField
from chatplatform.api.openai.assistants import ModelNotFound
from chatplatform.api.openai.documentation import openai_answers
from chatplatform.api.openai.models import EMBEDDING
from chatplatform.api.openai.shapes import EmbeddingObjects
from chatplatform.api.openai.wire import EmbeddingBody
from chatplatform.inference import gateway
from chatplatform.privacy.subjects import Subject

router = Router(tags=["OpenAI protocol"])
ACCESS = Access(Permission.CHAT)
MAX_TEXTS = 512
PURPOSE = "api.embedding"


@router.post(
    "embeddings",
    response=openai_answers(EmbeddingObjects, errors=(404, 413, 415)),
    auth=ACCESS,
    summary="Embed texts",
    openapi_extra={
        "requestBody": {
            "content": {
                "application/json": {
                    "example": {"model": "embedding", "input": ["A tent for two"], "input_type": "passage"}
                }
            }
        }
    },
)
def embed(request: ApiRequest, body: EmbeddingBody) -> dict[str, Any]:
    """A vector for each text, in order. Send what is searched as `passage` and what is asked as `query`."""
    if body.model not in {EMBEDDING, settings.ENVIRONMENT.embedding_model}:
        raise ModelNotFound
    texts = [body.input] if isinstance(body.input, str) else body.input
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise BadField("input", _("Send 1 to %(n)d texts at once.") % {"n": MAX_TEXTS})
    if not all(text.strip() for text in texts):
        raise BadField("input", _("An empty text has no meaning: leave it out."))
    caller = request.caller
    found = async_to_sync(gateway.embeddings)(
        texts,
        kind=body.input_type,
        subject=Subject.person(caller.id),
        workspace_id=caller.workspace_id,
        actor=caller.actor,
        purpose=PURPOSE,
    )
    own = len(found.vectors[0])
    if body.dimensions not in (None, own):
        raise BadField("dimensions", _("The vectors of this model have %(n)d dimensions.") % {"n": own})
    return {
        "object": "list",
        "model": body.model,
        "data": [
            {"object": "embedding", "index": index, "embedding": _encoded(vector, body.encoding_format)}
            for index, vector in enumerate(found.vectors)
        ],
        "usage": {"prompt_tokens": found.tokens, "total_tokens": found.tokens},
    }


def _encoded(vector: list[float], encoding: str) -> list[float] | str:
    if encoding == "float":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
