"""Supervised processes: restarted, watched, stopped."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from chatplatform.health.probes import http_probe
from chatplatform.supervisor.backoff import Backoff
from chatplatform.supervisor.keeper_client import Keeper
from chatplatform.supervisor.log_writer import LogWriter
from chatplatform.supervisor.process import Port, ProcessSpec, State, SupervisedProcess
from tests.integration.supervisor.children import Script, until

STAY = "import time\nprint('here', flush=True)\ntime.sleep(600)\n"
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time\\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\ntime.sleep(600)"])
print("grandchild", child.pid, flush=True)
time.sleep(600)
"""
SERVER = """
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        {answer}
        self.send_response({status}); self.end_headers()
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""


@asynccontextmanager
async def supervised(spec: ProcessSpec, keeper: Keeper, log: LogWriter) -> AsyncIterator[SupervisedProcess]:
    process = SupervisedProcess(
        spec,
        keeper=keeper,
        log=log,
        on_change=lambda: None,
        backoff=Backoff(first_s=0.05, limit_s=0.2, stable_after_s=5),
    )
    running = asyncio.create_task(process.run())
    try:
        yield process
    finally:
        await process.stop()
        await asyncio.wait_for(running, 10)


async def test_killed_is_back_at_once(script: Script, keeper: Keeper, log: LogWriter) -> None:
    async with supervised(ProcessSpec("child", script(STAY)), keeper, log) as process:
        await until(lambda: process.state is State.READY)
        first = process.pid
        assert first is not None
        began = time.monotonic()
        os.kill(first, signal.SIGKILL)
        await until(lambda: process.state is State.READY and process.pid != first)
        assert time.monotonic() - began < 1
        assert process.restarts == 1
        assert "SIGKILL" in process.last_error


async def test_a_crash_loop_backs_off_and_names_the_last_line(
    script: Script, keeper: Keeper, log: LogWriter, output: io.StringIO
) -> None:
    crash = script("import sys\nprint('starting')\nsys.exit('the model is damaged')\n")
    async with supervised(ProcessSpec("child", crash), keeper, log) as process:
        await until(lambda: process.restarts >= 4)
        assert process.last_error == "it ended with status 1: the model is damaged"
        restarts = process.restarts
        await asyncio.sleep(0.5)
        assert process.restarts - restarts <= 3
    assert "child    | the model is damaged" in output.getvalue()


async def test_a_program_that_is_not_there_does_not_stop_the_supervision(
    keeper: Keeper, log: LogWriter
) -> None:
    async with supervised(ProcessSpec("child", ("/no/such/program",)), keeper, log) as process:
        await until(lambda: process.restarts >= 2)
        assert "No such file" in process.last_error


async def test_ready_is_what_the_probe_says(
    script: Script, keeper: Keeper, log: LogWriter, free_port: int
) -> None:
    command = script(SERVER.format(answer="", status=200, port=free_port))
    probe = http_probe(f"http://127.0.0.1:{free_port}/")
    async with supervised(ProcessSpec("child", command, probe=probe), keeper, log) as process:
        assert process.state is not State.READY
        await until(lambda: process.state is State.READY)
        assert process.first_ready.is_set()


async def test_an_answer_of_failure_is_alive_but_not_ready(
    script: Script, keeper: Keeper, log: LogWriter, free_port: int
) -> None:
    command = script(SERVER.format(answer="", status=503, port=free_port))
    probe = http_probe(f"http://127.0.0.1:{free_port}/")
    spec = ProcessSpec("child", command, probe=probe, hang_after_s=0.1, start_limit_s=5)
    async with supervised(spec, keeper, log) as process:
        await until(lambda: process.health.alive)
        await asyncio.sleep(0.5)
        assert process.state is State.STARTING
        assert process.restarts == 0


@pytest.mark.slow
async def test_a_hung_process_is_replaced(
    script: Script, keeper: Keeper, log: LogWriter, free_port: int
) -> None:
    command = script(SERVER.format(answer="", status=200, port=free_port))
    probe = http_probe(f"http://127.0.0.1:{free_port}/", limit_s=0.2)
    spec = ProcessSpec("child", command, probe=probe, hang_after_s=0.5)
    async with supervised(spec, keeper, log) as process:
        await until(lambda: process.state is State.READY)
        hung = process.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        await until(lambda: process.state is State.READY and process.pid != hung, limit_s=40)
        assert "did not answer" in process.last_error


async def test_stop_lets_a_process_finish(
    script: Script, keeper: Keeper, log: LogWriter, output: io.StringIO
) -> None:
    polite = script(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *a: (print('put away'), sys.exit(0)))\n"
        "print('here')\ntime.sleep(600)\n"
    )
    async with supervised(ProcessSpec("child", polite), keeper, log):
        await until(lambda: "here" in output.getvalue())
    await until(lambda: "put away" in output.getvalue())


async def test_stop_has_a_limit_and_takes_grandchildren(
    script: Script, keeper: Keeper, log: LogWriter, output: io.StringIO
) -> None:
    spec = ProcessSpec("child", script(STUBBORN), stop_limit_s=0.3)
    async with supervised(spec, keeper, log):
        await until(lambda: "grandchild" in output.getvalue())
        grandchild = int(output.getvalue().split("grandchild")[1].split()[0])
        began = time.monotonic()
    assert time.monotonic() - began < 3
    await until(lambda: not psutil.pid_exists(grandchild))


async def test_grandchildren_of_a_dead_child_are_gone_before_the_next(
    script: Script, keeper: Keeper, log: LogWriter, output: io.StringIO
) -> None:
    async with supervised(ProcessSpec("child", script(STUBBORN)), keeper, log) as process:
        await until(lambda: "grandchild" in output.getvalue())
        grandchild = int(output.getvalue().split("grandchild")[1].split()[0])
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        await until(lambda: not psutil.pid_exists(grandchild))
        process.kill()


async def test_a_taken_port_is_named_and_used_as_soon_as_it_is_free(
    script: Script, keeper: Keeper, log: LogWriter
) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    number = server.getsockname()[1]
    spec = ProcessSpec("child", script(STAY), port=Port(number, "CHATPLATFORM_PORT"))
    async with supervised(spec, keeper, log) as process:
        await until(lambda: process.state is State.BLOCKED)
        assert f"Port {number} is taken by" in process.last_error
        assert "CHATPLATFORM_PORT" in process.last_error
        assert process.pid is None
        server.close()
        await until(lambda: process.state is State.READY)


async def test_output_without_line_ends_and_bytes_that_are_no_text(
    script: Script, keeper: Keeper, log: LogWriter, output: io.StringIO
) -> None:
    noisy = script(
        "import os, time\nos.write(1, b'\\xff' * 100_000)\nos.write(2, b'\\nend')\ntime.sleep(0.2)\n"
    )
    async with supervised(ProcessSpec("child", noisy), keeper, log):
        await until(lambda: "| end" in output.getvalue())
    assert max(len(line) for line in output.getvalue().splitlines()) < 10_000


async def test_nicer_processes_are_nicer(
    script: Script, keeper: Keeper, log: LogWriter, tmp_path: Path
) -> None:
    spec = ProcessSpec("child", script(STAY), niceness=7)
    async with supervised(spec, keeper, log) as process:
        await until(lambda: process.state is State.READY)
        running = psutil.Process(process.pid)
        await until(lambda: running.nice() == os.nice(0) + 7)


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="the system groups no sessions")
async def test_nicer_processes_are_nicer_than_other_sessions(
    script: Script, keeper: Keeper, log: LogWriter
) -> None:
    spec = ProcessSpec("child", script(STAY), niceness=7)
    async with supervised(spec, keeper, log) as process:
        await until(lambda: process.state is State.READY)
        group = Path(f"/proc/{process.pid}/autogroup")
        await until(lambda: group.read_text().split()[-2:] == ["nice", "7"])
