"""The API as a whole: its routes and its description."""

from __future__ import annotations

from ninja import NinjaAPI

from chatplatform.api import errors
from chatplatform.api.openai import completions, embeddings
from chatplatform.api.openai import models as openai_models
from chatplatform.api.resources import (
    answers,
    assistants,
    audit,
    branches,
    conversations,
    engines,
    feedback,
    files,
    inside,
    jobs,
    knowledge,
    knowledge_chunks,
    knowledge_documents,
    knowledge_index,
    knowledge_proposals,
    knowledge_quality,
    knowledge_search,
    knowledge_sites,
    me,
    members,
    model_files,
    models,
    organising,
    outbound,
    preferences,
    prompts,
    sharing,
    sources,
    summaries,
    takeaway,
    temporary_chats,
    usage,
)

VERSION = "1.0.0"

DESCRIPTION = """\
Everything that the pages do, for programs. One version, kept stable: fields and routes are added, never changed or
taken away without a release that says so beforehand.
"""

api = NinjaAPI(
    title="Chatplatform",
    version=VERSION,
    description=DESCRIPTION,
    urls_namespace="api",
    docs_url=None,
    openapi_url=None,
)
errors.install(api)

for _router in (
    me.router,
    conversations.router,
    answers.router,
    branches.router,
    files.router,
    inside.router,
    summaries.router,
    organising.router,
    organising.search_router,
    sources.router,
    knowledge.router,
    knowledge_documents.router,
    knowledge_chunks.router,
    knowledge_index.router,
    knowledge_search.router,
    knowledge_sites.router,
    knowledge_quality.router,
    knowledge_proposals.router,
    feedback.router,
    outbound.router,
    preferences.router,
    sharing.router,
    takeaway.router,
    assistants.router,
    prompts.router,
    members.router,
    members.group_router,
    jobs.router,
    audit.router,
    usage.router,
    temporary_chats.router,
    models.router,
    model_files.router,
    engines.router,
):
    api.add_router("/api", _router)
for _router in (completions.router, openai_models.router, embeddings.router):
    api.add_router("/v1", _router)
