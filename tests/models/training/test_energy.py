"""Energy counters: a made-up powercap folder, and a made-up NVML."""

import sys
import types

import pytest
import torch

from mubench.models.training import energy
from mubench.models.training.energy import Counter, counters, joules_between

CPU, GPU = torch.device("cpu"), torch.device("cuda")
RANGE = 262_143_328_850
"""Microjoules of a real package."""


@pytest.fixture
def powercap(monkeypatch, tmp_path):
    """Two packages, a part of one, and the whole platform, at 1 J, 2 J, 0.5 J and 9 J."""
    zones = {"0": ("package-0", 1), "1": ("package-1", 2), "0:0": ("core", 0.5), "2": ("psys", 9)}
    for number, (name, joules) in zones.items():
        zone = tmp_path / f"intel-rapl:{number}"
        zone.mkdir()
        (zone / "name").write_text(f"{name}\n")
        (zone / "energy_uj").write_text(f"{round(joules * 1e6)}\n")
        (zone / "max_energy_range_uj").write_text(f"{RANGE}\n")
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    return tmp_path


def test_of_a_processor_its_packages_count(powercap):
    before = counters(CPU)
    assert before == (Counter(1.0, RANGE / 1e6), Counter(2.0, RANGE / 1e6))
    (powercap / "intel-rapl:0" / "energy_uj").write_text("4500000\n")
    (powercap / "intel-rapl:1" / "energy_uj").write_text("2250000\n")
    (powercap / "intel-rapl:2" / "energy_uj").write_text("99000000\n")
    assert joules_between(before, counters(CPU), 1.0) == 3.5 + 0.25


def test_a_counter_may_begin_anew_once(powercap):
    (powercap / "intel-rapl:0" / "energy_uj").write_text(str(RANGE - 3_000_000))
    before = counters(CPU)
    (powercap / "intel-rapl:0" / "energy_uj").write_text("2000000")
    assert joules_between(before, counters(CPU), 1.0) == pytest.approx(5.0, abs=1e-6)


def test_a_region_in_which_it_may_have_begun_anew_twice_has_no_value(powercap):
    assert joules_between(counters(CPU), counters(CPU), 524.0) == 0.0
    assert joules_between(counters(CPU), counters(CPU), 525.0) is None


@pytest.mark.parametrize("change", ["absent", "unreadable", "strange"])
def test_what_cannot_be_read_has_no_value_and_no_warning(powercap, monkeypatch, change):
    file = powercap / "intel-rapl:1" / "energy_uj"
    if change == "absent":
        monkeypatch.setattr(energy, "POWERCAP", powercap / "nowhere")
    elif change == "unreadable":
        file.unlink()
        file.mkdir()  # root may read any file
    else:
        file.write_text("much")
    assert counters(CPU) == ()
    assert joules_between((), (), 1.0) is None


def test_a_counter_that_comes_or_goes_has_no_value():
    assert joules_between((Counter(1.0),), (), 1.0) is None
    assert joules_between((), (Counter(1.0),), 1.0) is None


class NVMLError(Exception):
    pass


def nvml(monkeypatch, read):
    """A library that knows one GPU."""
    made = types.SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID={"GPU-12ab": "handle"}.__getitem__,
        nvmlDeviceGetTotalEnergyConsumption=read,
    )
    monkeypatch.setitem(sys.modules, "pynvml", made)
    properties = types.SimpleNamespace(uuid="12ab")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)


def test_of_a_gpu_its_own_counter_counts(monkeypatch, powercap):
    nvml(monkeypatch, {"handle": 7_250}.__getitem__)
    before = counters(GPU)
    assert before == (Counter(7.25),)
    nvml(monkeypatch, {"handle": 9_000}.__getitem__)
    assert joules_between(before, counters(GPU), 1e6) == 1.75


def test_a_gpu_without_the_counter_or_the_library_has_no_value(monkeypatch):
    def refuse(handle):
        raise NVMLError("Not Supported")

    nvml(monkeypatch, refuse)
    assert counters(GPU) == ()
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert counters(GPU) == ()
