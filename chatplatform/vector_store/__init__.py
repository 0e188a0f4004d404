"""The vector store: Chroma's server over HTTP. Holds vectors and ids, never text, and never anything about them.

store           what a vector store can do
configured      the one that the settings name
chroma          Chroma's protocol
connections     the way to its server, on this machine or through the guarded door
errors          what can go wrong
"""

from chatplatform.vector_store.configured import blocking_vector_store, vector_store
from chatplatform.vector_store.errors import VectorStoreRefused, VectorStoreUnavailable
from chatplatform.vector_store.store import BlockingVectorStore, Near, VectorStore

__all__ = [
    "BlockingVectorStore",
    "Near",
    "VectorStore",
    "VectorStoreRefused",
    "VectorStoreUnavailable",
    "blocking_vector_store",
    "vector_store",
]
