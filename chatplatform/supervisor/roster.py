"""The processes of one machine, and how each is watched."""

from __future__ import annotations

from django.conf import settings

from chatplatform.health.ports import our_ports
from chatplatform.health.probes import engine_probe, http_probe
from chatplatform.supervisor.plan import manage
from chatplatform.supervisor.process import ProcessSpec

# What a person waits for goes first, at the start (`after`) and later: loading takes all that a small machine has.
# The encoder works beside a chat on one thread, and workers have time.
NICE_WORKER, NICE_ENCODER, NICE_CHROMA = 10, 10, 5

EVERYWHERE = {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
ENGINE = {
    **EVERYWHERE,
    "GGML_NO_BACKTRACE": "1",  # or a crash waits for a debugger
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
# The chat engine chooses by itself how its threads wait (inference/engines/llamacpp/native.py).
ENCODER = {**ENGINE, "OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def loopback_of(host: str) -> str:
    """An address at which this machine reaches a server that listens on `host`."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"[{reached}]" if ":" in reached else reached


def roster() -> tuple[ProcessSpec, ...]:
    """Every process that runs here, in the order in which they are stopped."""
    environment = settings.ENVIRONMENT
    specs = [_web(), _worker()]
    if not environment.encoder_url:
        specs.append(_encoder())
    if not environment.llm_url:
        specs.append(_llm())
    if not environment.chroma_url:
        specs.append(_chroma())
    return tuple(specs)


def _web() -> ProcessSpec:
    environment = settings.ENVIRONMENT
    return ProcessSpec(
        name="web",
        command=manage("web"),
        needs=(("database",),),
        environment=EVERYWHERE,
        port=our_ports()["web"],
        probe=http_probe(f"http://{loopback_of(environment.host)}:{environment.port}/healthz"),
        stop_limit_s=environment.drain_notice_s + environment.drain_s + 7.0,
    )


def _worker() -> ProcessSpec:
    # no probe: it watches its jobs itself and ends when one is stuck
    return ProcessSpec(
        name="worker",
        command=manage("worker"),
        needs=(("database",),),
        environment=EVERYWHERE,
        after="web",
        niceness=NICE_WORKER,
        stop_limit_s=25.0,  # it gives its jobs twenty
    )


def _llm() -> ProcessSpec:
    port = settings.ENVIRONMENT.llm_port
    return ProcessSpec(
        name="llm",
        command=manage("engine_llm"),
        needs=(("llm",), ("quick_model", "chat_model")),
        environment=ENGINE,
        port=our_ports()["llm"],
        probe=engine_probe(f"http://127.0.0.1:{port}", token=settings.ENGINE_TOKEN),
    )


def _encoder() -> ProcessSpec:
    port = settings.ENVIRONMENT.encoder_port
    return ProcessSpec(
        name="encoder",
        command=manage("engine_encoder"),
        needs=(("torch",), ("encoder",), ("embedding_model",)),
        after="llm",
        environment=ENCODER,
        niceness=NICE_ENCODER,
        port=our_ports()["encoder"],
        probe=engine_probe(f"http://127.0.0.1:{port}", token=settings.ENGINE_TOKEN),
        required=False,
    )


def _chroma() -> ProcessSpec:
    port = settings.ENVIRONMENT.chroma_port
    return ProcessSpec(
        name="chroma",
        command=manage("chroma"),
        needs=(("chroma",),),
        environment=EVERYWHERE,
        after="web",
        niceness=NICE_CHROMA,
        port=our_ports()["chroma"],
        probe=http_probe(f"http://127.0.0.1:{port}/api/v2/heartbeat"),
        required=False,
    )
