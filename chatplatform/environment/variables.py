"""The environment, read here and nowhere else. Every variable is described in docs/settings.md."""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

PREFIX = "CHATPLATFORM_"
# Names that belong to the test suite, such as CHATPLATFORM_TEST_POSTGRES_URL; the platform does not read them.
OF_TESTS = ("CHATPLATFORM_TEST_", "CHATPLATFORM_BENCH_", "CHATPLATFORM_FAULTS_")


def _words(value: object) -> object:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        ip_network(value, strict=False)  # raises ValueError, which says what is wrong
    return values


Networks = Annotated[Words, AfterValidator(_networks)]


class Environment(BaseModel):
    """What the operator may set, as `CHATPLATFORM_<NAME>`; the defaults run on one machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(Path("data"), description="Folder of everything that must be kept.")
    debug: bool = Field(
        False,
        description="Show tracebacks in the browser, and messages of exceptions in the log. For development only.",
    )
    host: str = Field("127.0.0.1", description="Address that the web process listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port that the web process listens on.")
    metrics_token: str = Field(
        "", description="Who sends it as bearer token may read /metrics; empty: this machine only."
    )
    drain_s: float = Field(8, ge=0, le=600, description="Seconds that running answers have when web stops.")
    drain_notice_s: float = Field(
        0, ge=0, le=600, description="Seconds that web still serves after SIGTERM, while /readyz says no."
    )
    public_url: str = Field("", description="Address that people type, when a proxy stands in front.")
    trusted_proxies: Networks = Field(
        (), description="Addresses or networks whose X-Forwarded-For and -Proto are believed, by comma."
    )
    hsts_s: int = Field(
        0, ge=0, description="Seconds that browsers are to insist on TLS (HSTS); 0 does not ask for it."
    )
    allowed_hosts: Words = Field((), description="Further host names that the site answers to, by comma.")
    language: str = Field("en", description="Language for people whose browser asks for none that we speak.")
    database_url: str = Field("", description="postgresql://user:password@host/name; empty means SQLite.")
    keys_database_url: str = Field("", description="The same for the key store, which is kept apart.")
    master_key: str = Field("", description="Base64 of 32 bytes that wrap every data key.")
    master_key_file: Path | None = Field(None, description="File with the same; default in the data folder.")
    audit_witness_file: Path | None = Field(
        None, description="File that signed audit checkpoints are appended to; best on another disk."
    )
    secret_key: str = Field("", description="Signs sessions; made on first start when empty.")
    broker_url: str = Field("", description="Celery broker: redis://… or amqp://…; empty means files.")
    broker_queue: str = Field(
        "chatplatform.jobs", min_length=1, description="Its queue; one for each installation that shares it."
    )
    redis_url: str = Field(
        "", description="redis://…: cache and wake-ups shared by several web processes; empty means none."
    )
    engine_token: str = Field("", description="Shared secret of engines; made on first start when empty.")
    llm_url: str = Field("", description="OpenAI-compatible address of the chat model; empty means our own.")
    llm_port: int = Field(8101, ge=1, le=65535, description="Port of the language-model engine.")
    encoder_url: str = Field("", description="OpenAI-compatible address for embeddings; empty means our own.")
    encoder_port: int = Field(8102, ge=1, le=65535, description="Port of the encoder engine.")
    chroma_url: str = Field("", description="Address of a Chroma server; empty means our own.")
    chroma_port: int = Field(8103, ge=1, le=65535, description="Port of the Chroma server.")
    remote_hosts: Words = Field(
        (), description="Hosts outside this machine that may be sent prompts and vectors."
    )
    chat_model: str = Field("qwen2.5-coder-1.5b", description="Catalogue id or path of the chat model.")
    quick_model: str = Field(
        "qwen2.5-coder-0.5b", description="Model for titles, and until the first is here."
    )
    embedding_model: str = Field("multilingual-e5-small", description="Catalogue id of the embedding model.")
    translate_questions: bool = Field(
        True,
        description="Let the quick model translate a question for an embedding model that reads English only.",
    )
    reranker: str = Field(
        "",
        description="Cross-encoder that orders what was found, by folder or name (owner/name); empty means none.",
    )
    models_dir: Path | None = Field(None, description="Folder of model files; default is the user's cache.")
    files_dir: Path | None = Field(
        None, description="Folder of attached files, encrypted; shared where several machines serve."
    )
    file_mb: int = Field(25, ge=0, le=1024, description="Largest attached file, in MiB; 0: no files.")
    message_files: int = Field(10, ge=1, le=50, description="Files that one message may have.")
    person_files_mb: int = Field(
        2048, ge=0, description="What one person's files may take up together, in MiB; 0: no limit."
    )
    knowledge_dir: Path | None = Field(
        None, description="Folder of documents, encrypted; shared where several machines serve."
    )
    knowledge_file_mb: int = Field(
        100, ge=1, le=1024, description="Largest file of a collection of documents, in MiB."
    )
    web_page_hosts: Words = Field(
        (),
        description="Hosts whose pages may be fetched into collections; .example.org takes those below it too.",
    )
    knowledge_documents: int = Field(20_000, ge=1, description="Documents that one collection may have.")
    context_tokens: int = Field(
        8192, ge=512, description="Context window asked of the chat model, in tokens."
    )
    llm_saved_memory_mb: int = Field(
        512, ge=0, description="Memory, in MiB and for each model, for conversations that left the cache."
    )
    llm_saved_disk_mb: int = Field(
        2048,
        ge=0,
        description="Disk space for the same, encrypted; 0 writes nothing, also no platform prefixes.",
    )
    first_word_s: float = Field(
        10,
        ge=0,
        le=600,
        description="Wished seconds to an answer's first word; older messages are left out for it. 0: no wish.",
    )
    llm_idle_s: int = Field(
        600, ge=0, description="Seconds after which a model that was loaded for a request by name is freed."
    )
    llm_threads: int = Field(
        0, ge=0, description="Threads of the language model; 0 means one per core, or what was measured best."
    )
    llm_self_benchmark: bool = Field(
        True, description="Try for a few seconds how to run a model when it is used for the first time."
    )
    gpu_layers: str = Field(
        "auto",
        pattern=r"^(auto|\d{1,4})$",
        description="Layers of the chat model put on an accelerator: auto takes as many as fit, 0 none.",
    )
    api_requests_a_minute: int = Field(
        600, ge=1, description="Requests that one token may send to the API in a minute."
    )
    log_format: Literal["text", "json"] = Field("text", description="Log lines for people, or as JSON.")
    email_url: str = Field(
        "", description="Mail server: smtp://user:password@host:587?tls=starttls; empty means no mail."
    )
    email_from: str = Field("", description="Sender of the platform's messages, such as chat@example.org.")
    oidc_issuer: str = Field("", description="Address of the identity provider for single sign-on.")
    oidc_client_id: str = Field("", description="Name under which the identity provider knows the platform.")
    oidc_client_secret: str = Field("", description="Secret that goes with the client id.")
    oidc_name: str = Field("single sign-on", description="What the button for single sign-on says.")
    oidc_groups_claim: str = Field("groups", description="Claim that lists a person's groups.")
    oidc_allowed_domains: Words = Field(
        (), description="E-mail domains let in by single sign-on; empty: all."
    )
    oidc_unknown_people: Literal["refuse", "member"] = Field(
        "refuse",
        description="What becomes of people whom only the identity provider knows: refuse or member.",
    )
    oidc_roles: Words = Field((), description="Roles by group, such as staff=member,editors=prompt_editor.")


def read_environment(source: dict[str, str] | None = None) -> Environment:
    """Parse `CHATPLATFORM_*` from `source` (default: the process environment).

    Raises pydantic.ValidationError for unknown names and bad values: a misspelt setting must not be ignored.
    """
    values = os.environ if source is None else source
    return Environment.model_validate(
        {
            name[len(PREFIX) :].lower(): value
            for name, value in values.items()
            if name.startswith(PREFIX) and not name.startswith(OF_TESTS)
        }
    )
