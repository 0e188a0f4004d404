"""Which model answers as what, while better ones arrive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatplatform.inference.engines.llamacpp.gguf import DamagedModel
from chatplatform.inference.engines.llamacpp.model_pool import ModelLoading, ModelPool, ModelUnknown


class Loaded:
    def __init__(self, name: str) -> None:
        self.id = name
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


class House:
    """A folder of models and a pool that looks into it."""

    def __init__(self, folder: Path, preferred: list[str], quick: str) -> None:
        self.folder = folder
        self.loads: list[str] = []
        self.made: dict[str, Loaded] = {}
        self.damaged: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.wishes: tuple[list[str], str] | None = None
        self.pool: ModelPool[Loaded] = ModelPool(
            preferred=preferred,
            quick=quick,
            resolve=self._resolve,
            load=self._load,
            look_s=0.01,
            wishes=lambda: self.wishes,
        )

    def bring(self, name: str, content: str = "x") -> None:
        (self.folder / name).write_text(content)

    def _resolve(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.exists() else None

    def _load(self, name: str, path: Path, on_progress: Callable[[float], bool]) -> Loaded:
        self.loads.append(name)
        on_progress(0.5)
        self.gate.wait(5)
        if name in self.damaged:
            raise DamagedModel("It is broken.")
        self.made[name] = Loaded(name)
        return self.made[name]

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def names(self) -> dict[str, tuple[str, ...]]:
        return {model.id: aliases for model, aliases in self.pool.models()}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, ["big", "small"], "small")
    yield made
    made.gate.set()
    made.pool.stop()


def test_while_there_is_no_file_it_waits(house: House) -> None:
    house.pool.start()
    assert house.pool.status().status == "loading"
    assert "big or small" in house.pool.status().detail
    with pytest.raises(ModelLoading), house.pool.use("chat"):
        pass


def test_the_small_one_serves_until_the_big_one_comes(house: House) -> None:
    house.bring("small")
    house.pool.start()
    house.until(lambda: house.names() == {"small": ("chat", "quick")})
    house.gate.clear()
    house.bring("big")
    house.until(lambda: "big" in house.loads)
    status = house.pool.status()
    assert (status.status, status.progress) == ("ready", 0.5)
    with house.pool.use("chat") as model:
        assert model.id == "small"
    house.gate.set()
    house.until(lambda: house.names() == {"big": ("chat",), "small": ("quick",)})
    with house.pool.use("chat") as chat, house.pool.use("quick") as quick:
        assert (chat.id, quick.id) == ("big", "small")


def test_without_a_quick_model_chat_is_quick(tmp_path: Path) -> None:
    house = House(tmp_path, ["big"], "")
    house.bring("big")
    house.pool.start()
    house.until(lambda: house.names() == {"big": ("chat", "quick")})
    house.pool.stop()
    assert house.made["big"].closed.is_set()


def test_a_replaced_model_is_freed_when_its_last_user_has_gone(tmp_path: Path) -> None:
    house = House(tmp_path, ["big", "small"], "")
    house.bring("small")
    house.pool.start()
    house.until(lambda: "small" in house.names())
    with house.pool.use("chat") as model:
        house.bring("big")
        house.until(lambda: "big" in house.names())
        time.sleep(0.05)
        assert not model.closed.is_set()
    house.until(model.closed.is_set)
    house.pool.stop()


def test_a_damaged_file_is_reported_and_the_next_one_serves(house: House) -> None:
    house.damaged.add("big")
    house.bring("big")
    house.bring("small")
    house.pool.start()
    house.until(lambda: "small" in house.names())
    assert house.pool.status().problems == ("big: It is broken.",)
    time.sleep(0.1)
    assert house.loads.count("big") == 1, "it is not tried over and over"
    house.damaged.clear()
    house.bring("big", "a whole one")
    house.until(lambda: "big" in house.names())
    assert house.pool.status().problems == ()


def test_when_nothing_can_be_loaded_it_says_why(house: House) -> None:
    house.damaged |= {"big", "small"}
    house.bring("big")
    house.pool.start()
    house.until(lambda: house.pool.status().status == "error")
    assert house.pool.status().detail == "big: It is broken."


def test_names(house: House) -> None:
    house.bring("small")
    house.pool.start()
    house.until(lambda: "small" in house.names())
    with house.pool.use("small") as model:
        assert model.id == "small"
    with pytest.raises(ModelLoading), house.pool.use("big"):
        pass
    with pytest.raises(ModelUnknown), house.pool.use("gpt-4"):
        pass


def test_stopping_gives_up_a_load(house: House) -> None:
    house.bring("big")
    house.gate.clear()
    house.pool.start()
    house.until(lambda: bool(house.loads))
    stopper = threading.Thread(target=house.pool.stop)
    stopper.start()
    house.gate.set()
    stopper.join(5)
    assert not stopper.is_alive()
    assert all(model.closed.is_set() for model in house.made.values())


def test_another_choice_swaps_in_while_the_old_one_finishes(house: House) -> None:
    for name in ("big", "small", "other"):
        house.bring(name)
    house.pool.start()
    house.until(lambda: house.names() == {"big": ("chat",), "small": ("quick",)})
    with house.pool.use("chat") as answering:
        house.wishes = (["other", "big", "small"], "small")
        house.until(lambda: house.names() == {"other": ("chat",), "small": ("quick",)})
        assert answering.id == "big"
        assert not answering.closed.is_set(), "an answer under way ends on the model that it began with"
    assert house.made["big"].closed.wait(5)


def test_a_choice_that_cannot_be_loaded_leaves_the_one_before(house: House) -> None:
    for name in ("big", "small", "broken"):
        house.bring(name)
    house.damaged.add("broken")
    house.pool.start()
    house.until(lambda: "big" in house.names())
    house.wishes = (["broken", "big", "small"], "small")
    house.until(lambda: bool(house.pool.status().problems))
    assert house.names() == {"big": ("chat",), "small": ("quick",)}
    house.wishes = (["small"], "small")
    house.until(lambda: house.names() == {"small": ("chat", "quick")} and not house.pool.status().problems)
    house.wishes = None
    assert house.made["big"].closed.wait(5)
