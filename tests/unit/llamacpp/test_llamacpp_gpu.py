"""How many layers go to an accelerator, and what is said when they do not."""

from __future__ import annotations

import pytest

from chatplatform.inference.engines.llamacpp.gpu import Device, GpuPlan, Wish, plan_layers, read_wish

GB = 1_000_000_000
CARD = Device("Card", 8 * GB, 8 * GB)


def plan(wish: Wish, *devices: Device, model_gb: float = 4, machine_gpu: str = "") -> GpuPlan:
    return plan_layers(
        wish, layers=31, model_bytes=int(model_gb * GB), devices=devices, machine_gpu=machine_gpu
    )


def test_the_setting_is_auto_or_a_number() -> None:
    assert (read_wish("auto"), read_wish("0"), read_wish("12")) == ("auto", 0, 12)


def test_everything_goes_where_everything_fits() -> None:
    assert plan("auto", CARD) == GpuPlan(32)


def test_as_much_as_fits_goes_and_the_rest_is_told() -> None:
    some = plan("auto", CARD, model_gb=14)
    assert 14 <= some.layers <= 17
    assert f"only {some.layers} of 32 layers" in some.notice
    two = plan("auto", CARD, CARD, model_gb=14)
    assert two.layers == 32


def test_a_full_card_means_the_cpu_and_says_so() -> None:
    full = plan("auto", Device("Card", GB // 2, 8 * GB))
    assert full.layers == 0
    assert "no layer fits" in full.notice


def test_a_number_is_obeyed() -> None:
    assert plan(10, CARD) == GpuPlan(10)
    assert plan(1000, CARD) == GpuPlan(32)
    assert plan(0, CARD, machine_gpu="an NVIDIA GPU") == GpuPlan()


def test_layers_that_were_wished_and_cannot_be_had_are_told() -> None:
    assert "20 layers were wished" in plan(20).notice


@pytest.mark.parametrize("gpu", ["an NVIDIA GPU", "an Apple GPU"])
def test_a_card_that_the_build_cannot_use_is_told(gpu: str) -> None:
    assert gpu in plan("auto", machine_gpu=gpu).notice
    assert plan("auto") == GpuPlan()
