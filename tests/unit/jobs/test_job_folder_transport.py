"""The folder as broker, with processes that die at any instant."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection
from pytest_django.fixtures import Settings

from chatplatform.jobs.folder_transport import Channel, Transport, folder_options, prepare_broker_folder


@pytest.fixture
def messages(tmp_path: Path, settings: Settings) -> Path:
    settings.BROKER_FOLDER = tmp_path / "broker"
    return tmp_path / "broker" / "messages"


@pytest.fixture
def channel(messages: Path) -> Iterator[Channel]:
    with Connection(
        "localhost", transport=Transport, transport_options=folder_options(polling_s=0.01)
    ) as connection:
        yield connection.default_channel


def test_messages_come_in_order_and_once(channel: Channel) -> None:
    for number in range(3):
        channel._put("q", {"number": number})
        time.sleep(0.002)
    assert channel._size("q") == 3
    assert [channel._get("q")["number"] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Empty):
        channel._get("q")


def test_queues_do_not_see_each_other(channel: Channel) -> None:
    channel._put("one", {})
    channel._put("two.one", {})
    assert channel._size("one") == 1
    assert channel._purge("one") == 1
    assert channel._size("two.one") == 1


def test_half_a_message_is_never_read(channel: Channel, messages: Path) -> None:
    prepare_broker_folder()
    (messages / "1_dead.draft").write_text('{"half')
    with pytest.raises(Empty):
        channel._get("q")


def test_a_damaged_message_is_dropped_and_the_next_one_read(channel: Channel, messages: Path) -> None:
    prepare_broker_folder()
    (messages / "1_damaged.q.msg").write_text("")
    channel._put("q", {"good": True})
    assert channel._get("q") == {"good": True}
    assert list(messages.iterdir()) == []


def test_what_dead_processes_left_is_removed_and_the_rest_is_kept(channel: Channel, messages: Path) -> None:
    channel._put("q", {})
    (messages / "1_old.draft").write_text("")
    (messages / "2_old.taken").write_text("")
    (messages / "3_old.q.msg").write_text("{}")
    (messages / "4_new.draft").write_text("")
    yesterday = time.time() - 25 * 3600
    for name in ("1_old.draft", "2_old.taken", "3_old.q.msg"):
        os.utime(messages / name, (yesterday, yesterday))
    prepare_broker_folder()
    assert channel._size("q") == 1
    assert (messages / "4_new.draft").exists()
    assert len(list(messages.iterdir())) == 2


def test_nothing_is_made_before_it_is_needed(channel: Channel, messages: Path) -> None:
    assert not messages.exists()
    assert channel._size("q") == 0
