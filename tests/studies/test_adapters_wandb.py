"""What W&B itself writes offline, read without it (run by ``.ci/trackers``)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlx.studies import Written, read_learning, read_number
from rlx.studies.adapters.adapter import Learning, StepsFile

pytestmark = [pytest.mark.component, pytest.mark.xdist_group("trackers")]

PROGRAM = """
import wandb
run = wandb.init(project="x", dir=".")
for number in range(2000):
    run.log({"charts/return": number * 1.5, "nested": {"x": number}, "text": "y" * 50}, step=number * 10)
run.summary["only"] = 7
run.finish()
"""


def test_history_and_summary_of_an_offline_run(tmp_path: Path) -> None:
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "WANDB_MODE": "offline"}
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, env=variables, check=True, timeout=300)
    written, source = Written(tmp_path, tmp_path / "log"), {"format": "wandb", "file": "{out}/wandb/*/run-*.wandb"}
    steps = StepsFile.model_validate({**source, "field": "_step"})
    assert read_number(steps, "_step", "last", written) == 19990
    assert read_number(steps, "nested.x", "last", written) == 1999
    assert read_number(steps, "only", "last", written) == 7
    learning = Learning.model_validate({**source, "metrics": {"return": "charts/return"}})
    assert read_learning(learning, written)["return"] == [(number * 10, number * 1.5) for number in range(2000)]
