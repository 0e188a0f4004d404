"""What a chat keeps of its speed while the machine is busy: with an ingestion job, and with the web process too.

The engine, and what is beside it, are started the way the supervisor starts them: in sessions of their own, with
the niceness of the roster. The job is a loop in Python that never waits; the web process is stood for by one that
works for a fifth of the time and is not nice. Rounds are interleaved, because machines are seldom quiet; medians.
`CHATPLATFORM_BENCH_BUSY_MODEL` names another model than the 135M (a catalogue id), and
`CHATPLATFORM_BENCH_BUSY_ROUNDS` how many rounds there are.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import perf_counter

import django

from chatplatform.supervisor.child import LAUNCH
from tests.integration.llamacpp.asking import body, stream
from tests.integration.llamacpp.engine_process import ROOT, TOKEN, EngineProcess, free_port

MODEL = os.environ.get("CHATPLATFORM_BENCH_BUSY_MODEL", "smollm2-135m")
ROUNDS = int(os.environ.get("CHATPLATFORM_BENCH_BUSY_ROUNDS", "3"))
STREAMS = (1, 4)
ANSWER_TOKENS = 48

JOB = "while True: pass"
WEB = """
import time
while True:
    until = time.perf_counter() + 0.01
    while time.perf_counter() < until: pass
    time.sleep(0.04)
"""
Beside = tuple[tuple[str, int], ...]


def cases() -> dict[str, Beside]:
    """What is beside the chat: code and niceness of each process."""
    from chatplatform.supervisor.roster import NICE_WORKER

    return {
        "alone": (),
        "web process": ((WEB, 0),),
        "ingestion job": ((JOB, NICE_WORKER),),
        "ingestion job and web process": ((JOB, NICE_WORKER), (WEB, 0)),
        "a process that is not nice": ((JOB, 0),),
    }


@contextmanager
def launched(command: list[str], niceness: int, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process as the supervisor starts it, killed with its group at the end."""
    launch = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(niceness)]
    process = subprocess.Popen([*launch, *command], start_new_session=True, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def engine(folder: Path) -> Iterator[EngineProcess]:
    from chatplatform.inference.model_files import model_store
    from chatplatform.supervisor.roster import ENGINE

    port, log = free_port(), folder / "engine.log"
    environment = {
        **os.environ,
        **ENGINE,
        "CHATPLATFORM_DATA_DIR": str(folder),
        "CHATPLATFORM_ENGINE_TOKEN": TOKEN,
    }
    model = str(model_store.ensure(MODEL))
    command = [
        sys.executable,
        "manage.py",
        "engine_llm",
        "--port",
        str(port),
        "--models",
        model,
        "--quick",
        "",
    ]
    with (
        log.open("wb") as output,
        launched(command, 0, cwd=ROOT, env=environment, stdout=output, stderr=output) as process,
    ):
        running = EngineProcess(log, port, process)
        running.until("ready")
        yield running


async def tokens_a_second(running: EngineProcess, streams: int) -> float:
    """Written by `streams` answers at once, from the first text on."""
    async with running.client() as client:
        request = body("Tell me a long story.", max_tokens=ANSWER_TOKENS, ignore_eos=True)
        began = perf_counter()
        told = await asyncio.gather(*(stream(client, request) for _ in range(streams)))
        seconds = perf_counter() - began - min(each.first_text_s for each in told)
    return streams * (ANSWER_TOKENS - 1) / seconds


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    django.setup()
    found: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, engine(Path(folder)) as running:
        asyncio.run(tokens_a_second(running, 1))
        for _ in range(ROUNDS):
            for case, beside in cases().items():
                with ExitStack() as busy:
                    for code, niceness in beside:
                        busy.enter_context(launched([sys.executable, "-I", "-S", "-c", code], niceness))
                    for streams in STREAMS:
                        speed = asyncio.run(tokens_a_second(running, streams))
                        found.setdefault((case, streams), []).append(speed)
    print(f"{MODEL}, {os.cpu_count()} cores; tokens a second, and the share of what it writes alone")
    for case in cases():
        cells = []
        for streams in STREAMS:
            speed = statistics.median(found[case, streams])
            share = speed / statistics.median(found["alone", streams])
            cells.append(f"{streams} at once {speed:6.1f} ({share:4.0%})")
        print(f"{case:32s} {'   '.join(cells)}")
