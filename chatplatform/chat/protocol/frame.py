"""What every frame and everything inside one is, and how much may cross."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 256 * 1024
MAX_MESSAGE_CHARS = 32_000


class Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
