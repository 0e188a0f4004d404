"""Which model answers as what, while better ones arrive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatplatform.inference.engines.llamacpp.gguf import DamagedModel
from chatplatform.inference.engines.llamacpp.model_pool import (
    ModelLoading,
    ModelPool,
    ModelRefused,
    ModelUnknown,
)
from chatplatform.inference.engines.llamacpp.on_demand import OnDemand


class Loaded:
    def __init__(self, name: str) -> None:
        self.id = name
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


class House:
    """A folder of models and a pool that looks into it."""

    def __init__(
        self, folder: Path, preferred: list[str], quick: str, on_demand: OnDemand | None = None
    ) -> None:
        self.folder = folder
        self.loads: list[str] = []
        self.made: dict[str, Loaded] = {}
        self.damaged: set[str] = set()
        self.unwhole: set[str] = set()
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
            on_demand=on_demand,
        )

    def bring(self, name: str, content: str = "x") -> None:
        (self.folder / name).write_text(content)

    def _resolve(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.exists() and name not in self.unwhole else None

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


# ---------------------------------------------------------------------- on demand


class Shop(House):
    """A house in which every file may be asked for. A model takes a unit of memory for each letter in its file."""

    def __init__(self, folder: Path, *, memory: int, idle_s: float = 60.0) -> None:
        self.memory = memory
        super().__init__(folder, ["big"], "", OnDemand(self._offered, self._needed, self._available, idle_s))

    def _offered(self) -> list[str]:
        return [path.name for path in self.folder.iterdir() if path.name != "secret"]

    def _needed(self, path: Path) -> int:
        return len(path.read_text())

    def _available(self) -> int:
        loaded = [name for name, model in self.made.items() if not model.closed.is_set()]
        return self.memory - sum(self._needed(self.folder / name) for name in loaded)

    def ask(self, name: str) -> None:
        with self.pool.use(name) as model:
            assert model.id == name

    def can(self, name: str) -> bool:
        try:
            self.ask(name)
        except ModelLoading:
            return False
        return True


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path, memory=10)
    made.bring("big", "1234")
    for name in ("red", "blue"):
        made.bring(name, "1234")
    made.pool.start()
    made.until(lambda: made.names() == {"big": ("chat", "quick")})
    yield made
    made.gate.set()
    made.pool.stop()


def test_a_model_is_loaded_when_a_request_names_it(shop: Shop) -> None:
    assert shop.pool.available() == ["blue", "red"]
    with pytest.raises(ModelLoading), shop.pool.use("red"):
        pass
    shop.until(lambda: shop.can("red"))
    assert shop.names() == {"big": ("chat", "quick"), "red": ()}
    assert shop.pool.available() == ["blue"]


def test_what_is_not_offered_is_unknown(shop: Shop) -> None:
    shop.bring("secret", "1")
    with pytest.raises(ModelUnknown), shop.pool.use("secret"):
        pass
    assert "secret" not in shop.loads


def test_an_idle_model_makes_room_and_one_in_use_does_not(shop: Shop) -> None:
    shop.until(lambda: shop.can("red"))
    with shop.pool.use("red"):
        with pytest.raises(ModelLoading):
            shop.ask("blue")
        shop.until(
            lambda: (
                _refused(shop, "blue") == "blue: It needs 0.0 GB of memory, and 0.0 GB are free "
                "beside big, red."
            )
        )
        assert not shop.made["red"].closed.is_set()
    shop.bring("green", "1234")
    shop.until(lambda: "green" in shop.pool.available())
    shop.until(lambda: shop.can("green"))
    assert shop.made["red"].closed.is_set()
    assert not shop.made["big"].closed.is_set(), "the chat model stays"


def _refused(shop: Shop, name: str) -> str:
    try:
        shop.can(name)
    except ModelRefused as error:
        return str(error)
    return ""


def test_a_model_that_nobody_names_any_more_is_freed(tmp_path: Path) -> None:
    shop = Shop(tmp_path, memory=100, idle_s=0.2)
    for name in ("big", "red"):
        shop.bring(name)
    shop.pool.start()
    shop.until(lambda: "big" in shop.names() and shop.can("red"))
    with shop.pool.use("red") as model:
        time.sleep(0.4)
        assert not model.closed.is_set(), "it is in use"
    shop.until(model.closed.is_set)
    assert not shop.made["big"].closed.is_set()
    shop.pool.stop()


def test_a_damaged_model_that_is_asked_for_is_told_and_harms_nobody(shop: Shop) -> None:
    shop.damaged.add("red")
    shop.until(lambda: _refused(shop, "red") == "red: It is broken.")
    assert shop.pool.status().status == "ready"
    assert shop.pool.status().problems == ("red: It is broken.",)


def test_a_file_that_turns_out_not_to_be_whole_is_told(shop: Shop) -> None:
    shop.unwhole.add("red")
    shop.until(lambda: _refused(shop, "red") == "red: its file is not whole.")
