"""The worker as a process, on every database and broker at hand."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.jobs.stack import CANARY, ROOT, Stack, environment_of_children, eventually
from tests.integration.jobs.stacks import Place, places, stack_at

pytestmark = pytest.mark.slow


@pytest.fixture(params=places(), ids=lambda place: place.name)
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    place: Place = request.param
    with stack_at(place, tmp_path / "data") as found:
        yield found


def wait_for(stack: Stack, job_id: str, state: str, *, within_s: float = 20) -> None:
    eventually(lambda: stack.job(job_id)["state"] == state, within_s=within_s, why=f"{state}")


def test_jobs_from_beginning_to_end(stack: Stack) -> None:
    """Success, error, retry by hand, cancel, roll-back, and a stop that ends in time."""
    early = stack.enqueue("tests.effect", 3)
    stack.ask("roll_back", "tests.effect")
    worker = stack.start_worker()
    for job_id in early:
        wait_for(stack, job_id, "succeeded")
    (late,) = stack.enqueue("tests.effect")
    wait_for(stack, late, "succeeded", within_s=3)
    assert stack.ask("effects") == dict.fromkeys([*early, late], 1)

    (defect,) = stack.enqueue("tests.defect")
    (invalid,) = stack.enqueue("tests.invalid")
    wait_for(stack, defect, "dead")
    wait_for(stack, invalid, "dead")
    assert stack.job(defect)["attempts"] == 2
    assert stack.job(invalid)["attempts"] == 1
    stack.ask("retry", defect)
    eventually(lambda: stack.job(defect)["attempts"] == 2, within_s=10, why="a second failure")

    (long,) = stack.enqueue("tests.effect", work_s="30")
    wait_for(stack, long, "running")
    eventually(lambda: stack.job(long)["stage"] != "", within_s=5, why="progress")
    stack.ask("cancel", long)
    wait_for(stack, long, "cancelled", within_s=1)

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=15) == 0
    assert long not in stack.ask("effects")
    assert CANARY not in stack.log.read_text()


def test_what_somebody_waits_for_passes_a_long_queue(stack: Stack) -> None:
    """Every thread of the pool is busy for a minute, and more waits; so does an urgent job that is asked for."""
    long = stack.enqueue("tests.effect", 6, work_s="60")
    stack.start_worker()
    eventually(
        lambda: stack.ask("states", "tests.effect").get("running", 0) >= 2, within_s=20, why="busy threads"
    )
    (urgent,) = stack.enqueue("tests.urgent")
    wait_for(stack, urgent, "succeeded", within_s=10)
    assert stack.ask("effects") == {urgent: 1}
    assert stack.ask("states", "tests.effect").get("waiting", 0) >= len(long) - 2


def test_a_broker_that_loses_everything_loses_no_job(stack: Stack) -> None:
    jobs = stack.enqueue("tests.effect", 20)
    assert stack.ask("lose_messages") == 20
    stack.start_worker()
    for job_id in jobs:
        wait_for(stack, job_id, "succeeded")
    assert stack.ask("effects") == dict.fromkeys(jobs, 1)


def test_a_broker_folder_may_vanish(tmp_path: Path) -> None:
    with stack_at(Place("sqlite-folder"), tmp_path / "data") as stack:
        stack.start_worker()
        (first,) = stack.enqueue("tests.effect")
        wait_for(stack, first, "succeeded")
        shutil.rmtree(stack.folder / "broker")
        jobs = stack.enqueue("tests.effect", 5)
        for job_id in jobs:
            wait_for(stack, job_id, "succeeded")
        assert stack.ask("effects") == dict.fromkeys([first, *jobs], 1)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://guest:guest@127.0.0.1:1//"])
def test_a_broker_that_is_down_holds_nobody_up(url: str, tmp_path: Path) -> None:
    """Requests go on, the beat goes on, and the worker stops when told."""
    stack = Stack(tmp_path / "data", broker_url=url)
    stack.set_up()
    try:
        stack.ask("effects")
        started = time.monotonic()
        (job_id,) = stack.enqueue("tests.effect")
        assert time.monotonic() - started < 3
        worker = stack.start_worker()
        eventually(lambda: stack.ask("beat_is_kept"), within_s=20, why="the beat")
        assert stack.job(job_id)["state"] == "waiting"
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0
    finally:
        stack.broker_url = ""  # there is no queue to delete
        stack.tear_down()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_stops_at_once(number: signal.Signals, tmp_path: Path) -> None:
    with stack_at(Place("sqlite-folder"), tmp_path / "data") as stack:
        worker = stack.start_worker()
        (job_id,) = stack.enqueue("tests.effect")
        wait_for(stack, job_id, "succeeded")
        worker.send_signal(number)
        assert worker.wait(timeout=10) == 0
        assert not stack.ask("beat_is_kept"), "another worker may have it at once"


def test_a_stop_gives_back_what_does_not_end(stack: Stack) -> None:
    worker = stack.start_worker()
    (job_id,) = stack.enqueue("tests.paused", work_s="6")
    wait_for(stack, job_id, "running")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=15) == 0
    job = stack.job(job_id)
    assert (job["state"], job["attempts"]) == ("waiting", 0)


def test_a_worker_whose_handlers_hang_makes_room_for_another(stack: Stack) -> None:
    worker = stack.start_worker()
    (job_id,) = stack.enqueue("tests.overtime", work_s="60")
    wait_for(stack, job_id, "dead")
    assert stack.job(job_id)["error_code"] == "timed_out"
    assert worker.wait(timeout=15) == 75
    assert stack.ask("effects") == {}


def test_with_the_shipped_patience_a_killed_workers_job_is_back_in_fifteen_seconds(stack: Stack) -> None:
    stack.options = {"queue": stack.options["queue"]}
    worker = stack.start_worker()
    (job_id,) = stack.enqueue("tests.effect", work_s="3")
    wait_for(stack, job_id, "running")
    stack.kill(worker)
    stack.start_worker()
    eventually(
        lambda: (stack.job(job_id)["state"], stack.job(job_id)["attempts"]) == ("running", 2),
        within_s=15,
        why="a second start",
    )
    wait_for(stack, job_id, "succeeded")
    assert stack.ask("effects") == {job_id: 1}


def test_the_worker_loads_no_model_library_and_no_pages() -> None:
    """With every app of the platform, and all handlers and chores registered."""
    heavy = (
        "torch",
        "llama_cpp",
        "transformers",
        "sentence_transformers",
        "numpy",
        "chromadb",
        "chatplatform.urls",
    )
    program = (
        "import sys, django; django.setup(); import chatplatform.jobs.management.commands.worker;"
        "from chatplatform.jobs.celery_app import celery_app; celery_app().finalize();"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    environment = environment_of_children() | {
        "CHATPLATFORM_DATA_DIR": os.environ["CHATPLATFORM_DATA_DIR"],
        "DJANGO_SETTINGS_MODULE": "chatplatform.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_the_worker_is_lean(tmp_path: Path) -> None:
    with stack_at(Place("sqlite-folder"), tmp_path / "data") as stack:
        worker = stack.start_worker()
        (job_id,) = stack.enqueue("tests.effect")
        wait_for(stack, job_id, "succeeded")
        status = Path(f"/proc/{worker.pid}/status")
        if not status.exists():
            pytest.skip("needs /proc to read the resident memory")
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmRSS:")]
        assert int(line.split()[1]) < 120 * 1024, line
