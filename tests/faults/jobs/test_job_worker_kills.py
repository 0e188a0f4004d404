"""kill -9 and SIGSTOP at random instants: no job is lost, none is done twice.

`CHATPLATFORM_FAULTS_KILLS` says how often (50). The seed is printed with a failure; give it as
`CHATPLATFORM_FAULTS_SEED` to see the same instants again.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.jobs.stack import Stack, eventually
from tests.integration.jobs.stacks import Place, places, stack_at

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(600)]

JOBS = 200


def kills() -> int:
    return int(os.environ.get("CHATPLATFORM_FAULTS_KILLS", "50"))


def seed() -> int:
    return int(os.environ.get("CHATPLATFORM_FAULTS_SEED", "0")) or random.randrange(1, 2**32)


@pytest.mark.parametrize("place", places(), ids=lambda place: place.name)
def test_killed_at_random_instants(place: Place, tmp_path: Path) -> None:
    chosen = seed()
    instants = random.Random(chosen)
    print(f"CHATPLATFORM_FAULTS_SEED={chosen}")
    with stack_at(place, tmp_path / "data") as stack:
        jobs: list[str] = []
        rounds = kills()
        hits = 0
        for number in range(rounds):
            share = JOBS * (number + 1) // rounds - len(jobs)
            jobs += stack.enqueue("tests.effect", share, work_s=f"{instants.uniform(0.1, 0.8):.2f}")
            worker = stack.start_worker()
            time.sleep(instants.uniform(0.3, 3.0))
            hits += bool(stack.ask("states", "tests.effect").get("running"))
            stack.kill(worker)
        print(f"{hits} of {rounds} kills met a running job")
        stack.start_worker()
        eventually(
            lambda: stack.ask("states", "tests.effect") == {"succeeded": JOBS}, within_s=120, why="all done"
        )
        assert stack.ask("effects") == dict.fromkeys(jobs, 1)
        assert hits >= rounds / 4, "too few kills met a running job to prove anything"


def freeze(worker: subprocess.Popen[bytes], stack: Stack) -> None:
    """Stop the process, but not while it holds SQLite's only lock, which would freeze everybody."""
    while True:
        worker.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(stack.folder / "db.sqlite3", timeout=0.2)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                worker.send_signal(signal.SIGCONT)
            else:
                return


def effects_after_a_pause(stack: Stack) -> int:
    """A worker is frozen in the middle of a job, another does the job, then the first one goes on."""
    frozen = stack.start_worker()
    (job_id,) = stack.enqueue("tests.paused", work_s="2")
    eventually(lambda: stack.job(job_id)["state"] == "running", within_s=20, why="a start")
    freeze(frozen, stack)
    stack.start_worker()
    eventually(lambda: stack.job(job_id)["state"] == "succeeded", within_s=30, why="a take-over")
    assert stack.ask("effects") == {job_id: 1}
    frozen.send_signal(signal.SIGCONT)
    time.sleep(3)
    return int(stack.ask("effects")[job_id])


def test_a_frozen_worker_that_wakes_up_does_nothing_twice(tmp_path: Path) -> None:
    with stack_at(Place("sqlite-folder"), tmp_path / "data") as stack:
        assert effects_after_a_pause(stack) == 1


def test_without_the_fence_it_does(tmp_path: Path) -> None:
    """Sabotage: the test above is red when the protection is gone."""
    with stack_at(Place("sqlite-folder"), tmp_path / "data") as stack:
        stack.extra_environment["JOB_TESTS_SABOTAGE"] = "fence"
        assert effects_after_a_pause(stack) == 2
