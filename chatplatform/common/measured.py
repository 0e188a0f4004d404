"""What this process counts while it works. docs/metrics.md says how to read it; gauges stand in health/gauges.py."""

from __future__ import annotations

from chatplatform.common.metrics import Counter, Histogram

ROUTES = ("page", "console", "api", "openai", "static", "operations", "none")
STATUSES = ("1xx", "2xx", "3xx", "4xx", "5xx")

REQUESTS = Counter(
    "chatplatform_http_requests_total",
    "Requests answered, by class of route and of status.",
    route=ROUTES,
    status=STATUSES,
)
REQUEST_SECONDS = Histogram(
    "chatplatform_http_request_seconds",
    "Time from a request to the head of its answer.",
    route=ROUTES,
)
TURNS = Counter(
    "chatplatform_turns_total",
    "Turns that ended in this process, by how.",
    state=("finished", "stopped", "failed"),
)
TURNS_TAKEN_UP = Counter(
    "chatplatform_turns_taken_up_total",
    "Turns that this process took up because their lease had ended or their process had died.",
)
FIRST_TOKEN_SECONDS = Histogram(
    "chatplatform_first_token_seconds",
    "Time from a question to the first committed words of its answer.",
    bounds=(0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 60.0),
)
SEGMENT_COMMIT_SECONDS = Histogram(
    "chatplatform_segment_commit_seconds", "Time that one commit of answers' text took."
)
MODEL_CALLS = Counter(
    "chatplatform_model_calls_total",
    "Model calls closed by this process, by how they ended.",
    state=("completed", "cancelled", "failed", "abandoned"),
)
TOKENS = Counter(
    "chatplatform_tokens_total",
    "Tokens of model calls; cached ones are part of the prompt's.",
    kind=("prompt", "cached", "completion"),
)
ENGINE_FAILOVERS = Counter(
    "chatplatform_engine_failovers_total",
    "Questions that were put to another engine because the first failed before its first word.",
)
DATABASE_WAIT_SECONDS = Histogram(
    "chatplatform_database_wait_seconds", "Time that work for the database waited for a free thread."
)
DATABASE_CONNECTIONS = Counter(
    "chatplatform_database_connections_total",
    "Database connections opened by this process.",
    database=("default", "keys"),
)
