"""The same bits on every processor, under emulations of some; see ``benchmarks/same_bits.py``."""

from __future__ import annotations

import os
import platform
from typing import Any

import pytest

from benchmarks.same_bits import EMULATIONS, HERE, differences, runs_here
from rlx.launch import is_same_everywhere, run_alone, threads
from rlx.launch.threads import SAME_LIBRARIES, worker_variables


def _variables(names: list[str], _: Any) -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in names}


def test_workers_that_need_other_code_paths_start_with_them() -> None:
    names = [*worker_variables(), *SAME_LIBRARIES]
    usual = worker_variables()
    for portable in (False, True):
        chosen = usual | (SAME_LIBRARIES if portable and is_same_everywhere() else {})
        assert run_alone(_variables, (names,), portable=portable) == {name: chosen.get(name) for name in names}


@pytest.mark.slow  # each emulation has machine code of its own, which compiles for 20 seconds
@pytest.mark.timeout(1500)  # six of them, beside other tests on two cores
@pytest.mark.skipif(not is_same_everywhere(), reason="this processor has bits of its own")
def test_results_are_the_same_under_every_emulation() -> None:
    others = {name: variables for name, variables in EMULATIONS.items() if name != HERE}
    assert differences(2048, others, runs_here(), 2) == {name: [] for name in others}


def test_a_processor_that_gives_bits_of_its_own_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_flags", lambda: {"sse4_2", "avx"})
    assert threads.has_own_bits()
    monkeypatch.setattr(threads, "_flags", set)  # another system says nothing of it
    assert threads.has_own_bits() is (platform.machine() not in ("x86_64", "AMD64"))
