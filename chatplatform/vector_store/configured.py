"""The vector store that the settings name."""

from __future__ import annotations

from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.vector_store.chroma import ChromaStore
from chatplatform.vector_store.connections import Cause, connection
from chatplatform.vector_store.store import BlockingVectorStore, VectorStore


def vector_store(*, purpose: str, actor: Actor, workspace_id: UUID | None) -> VectorStore:
    """The store, for one piece of work. What is named here goes into the record of what leaves this machine, if the
    store is elsewhere: `purpose` is a short code such as `knowledge.search`."""
    return ChromaStore(connection(Cause(purpose, actor, workspace_id)))


def blocking_vector_store(*, purpose: str, actor: Actor, workspace_id: UUID | None) -> BlockingVectorStore:
    """The same for code that may block, such as jobs. Not in an event loop."""
    return BlockingVectorStore(vector_store(purpose=purpose, actor=actor, workspace_id=workspace_id))
