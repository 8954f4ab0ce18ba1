"""The test of the processor: a core counts by its own frequency, and what nobody measured is not called too slow."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from suite_kit import load

# The marks of the suite are those of its own plugin.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")
BASE = "/sys/devices/system/cpu/cpu{}/cpufreq/base_frequency:{}"


def measure(models: list[str], khz: list[int], count: int = 0) -> str:
    """Judge a server of one thread for each core by «8 cores of 2.0 GHz»; return the evidence."""
    fields: list[dict[str, Any]] = [{"field": "CPU(s):", "data": str(count or len(khz))}]
    fields += [
        {"field": "Vendor ID:", "data": "x", "children": [{"field": "Model name:", "data": each}]} for each in models
    ]
    told = "\n".join(BASE.format(cpu, each) for cpu, each in enumerate(khz))
    listed = "\n".join(f"{cpu},{cpu},0" for cpu in range(count or len(khz)))
    there = SimpleNamespace(
        check_output=lambda command: json.dumps({"lscpu": fields}) if "--json" in command else listed,
        run=lambda _: SimpleNamespace(stdout=told),
        file=lambda _: SimpleNamespace(content_string="processor\t: 0\n"),
    )
    evidence: list[Any] = []
    load("server/test_hardware.py").test_processor(there, lambda _: {"cores": 8, "ghz": 2.0}, evidence.append)
    return str(*evidence)


def test_enough_cores_that_are_fast_enough_comply() -> None:
    assert measure(["AMD EPYC"], [2_500_000] * 8) == "AMD EPYC: 8 núcleos, 8 hilos, 2.50 GHz (nominal)"
    said = measure(["Core i9"], [3_000_000] * 8 + [1_800_000] * 4)
    assert said == "Core i9: 12 núcleos, 12 hilos, 8 de 3.00 GHz y 4 de 1.80 GHz (nominal)"


def test_cores_that_are_too_slow_do_not_count() -> None:
    with pytest.raises(AssertionError, match=r"6 de sus núcleos alcanzan 2\.0 GHz; se requieren 8"):
        measure(["13th Gen Intel(R) Core(TM) i5-13500"], [2_500_000] * 6 + [1_800_000] * 8)


def test_a_frequency_that_nobody_tells_is_not_too_low() -> None:
    with pytest.raises(pytest.skip.Exception, match="no dice la frecuencia"):
        measure(["Cortex-A55", "Cortex-A76"], [], 8)
    with pytest.raises(AssertionError, match="tiene 4 núcleos de 8"):
        measure(["Neoverse-N1"], [], 4)
