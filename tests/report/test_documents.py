"""The JSON documents: what commands print and files hold for stored results, key by key and value by value.

``python -m tests.report.test_documents`` writes ``tests/data/documents/expected/`` anew, for a change that is meant.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from rlx import stats
from rlx.cli import cli
from rlx.diagnosis import Evidence
from rlx.records import RunFolder
from rlx.report import episode_rows, summarize
from rlx.report.document import from_json, to_json
from rlx.report.documents import DOCUMENTS, check_document
from rlx.report.metric_explanations import ExplainedRun
from rlx.report.played import PlayedEpisode, PlayedPolicy
from tests.conftest import REPOSITORY, own

DATA = REPOSITORY / "tests" / "data" / "documents"
PRINTED = {
    "ls": ["ls"],
    "info": ["info", "cartpole"],
    "compare": ["compare"],
    "compare_best": ["compare", "--checkpoint", "best"],
    "compare_methods": ["compare", "--scores", "scores.csv", "--references", "references.csv", "--looks", "3,5"],
    "plot": ["plot", "cartpole", "cartpole_epochs", "--metric", "validation/return_mean"],
    "explain_metrics": ["explain-metrics", "cartpole"],
    "summarize_run": ["summarize", "cartpole_epochs"],
    "summarize_stopped": ["summarize", "rate_003"],
    "summarize_sweep": ["summarize", "rate"],
    "summarize_project": ["summarize"],
    "analyze": ["analyze", "cartpole"],
    "analyze_stopped": ["analyze", "rate_003"],
    "diagnose": ["diagnose", "rate_002"],
    "suggest": ["suggest", "cartpole"],
}
WRITTEN = ("comparison", "summary", "analysis")


def make_project(root: Path) -> None:
    """Put the stored results together with runs like those of a sweep: better, worse, and stopped."""
    shutil.copytree(DATA / "project", root)
    shutil.copy(REPOSITORY / "dvc.yaml", root)
    (root / ".dvc").mkdir()
    for index, gain in enumerate((9.0, -18.0, 0.0), 1):
        folder = root / "runs" / f"rate_00{index}"
        shutil.copytree(root / "runs" / "cartpole_epochs", folder)
        snapshot = (folder / "config_snapshot.yaml").read_text()
        changed = snapshot.replace("learning_rate: 0.001", f"learning_rate: 0.00{index + 1}")
        (folder / "config_snapshot.yaml").write_text(changed)
        _change(folder / "eval/summary.json", lambda content, gain=gain, name=folder.name: _add(content, gain, name))
        own(folder)
    _change(root / "runs/rate_003/metadata.json", _stop)
    shutil.rmtree(root / "runs/rate_003/eval")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)


def _change(path: Path, edit: Any) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def _add(summary: dict[str, Any], gain: float, name: str) -> None:
    for checkpoint in summary["checkpoints"].values():
        checkpoint["return_mean"] += gain
        for seed, facts in checkpoint["seeds"].items():
            facts["return_mean"] += gain
            facts["policy_sha256"] = f"{name}{seed}".encode().hex().rjust(64, "0")


def _stop(metadata: dict[str, Any]) -> None:
    metadata["status"] = "failed"
    failure = {"kind": "non-finite", "step": 1792, "what": "reward", "value": "nan"}
    metadata["seeds"][1] |= {"status": "failed", "error": "reward became nan", "failure": failure}


def printed(root: Path, words: Sequence[str]) -> Any:
    """Return what a command prints with ``--json``, without what depends on place and time."""
    done = CliRunner().invoke(cli, [*words, "--json"], catch_exceptions=False)
    assert done.exit_code in (0, 1), done.output
    content = json.loads(done.stdout.replace(str(root), "ROOT"))
    for row in content.get("runs", []):
        if isinstance(row, dict) and "updated" in row:
            row["updated"] = None
    return content


def written(root: Path) -> dict[str, Any]:
    """Return what the analyze and compare stages write."""
    from rlx.config import read_parameters
    from rlx.report import analyze_run, compare_folders, write_comparison

    parameters = read_parameters(root)
    folders = [RunFolder(root / "runs" / run) for run in parameters.study.runs]
    for folder in folders:
        analyze_run(folder)
    write_comparison(root / "compare", compare_folders(folders, "cartpole", parameters.compare), folders)
    paths = (root / "compare/comparison.json", root / "compare/summary.json", root / "runs/cartpole/analysis.json")
    return {name: json.loads(path.read_text()) for name, path in zip(WRITTEN, paths, strict=True)}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("documents").resolve() / "project"
    make_project(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        yield made


def expected(name: str) -> str:
    return rounded(json.loads((DATA / "expected" / f"{name}.json").read_text()))


def rounded(content: Any) -> str:
    """Return a document as text, keys in their order, numbers to the digits in which processors agree."""
    return json.dumps(json.loads(json.dumps(content), parse_float=lambda text: f"{float(text):.10g}"), indent=1)


@pytest.mark.parametrize("name", PRINTED)
def test_commands_print_the_documents_that_they_always_printed(root: Path, name: str) -> None:
    assert rounded(printed(root, PRINTED[name])) == expected(name)


@pytest.mark.parametrize("command", DOCUMENTS)
def test_documents_are_those_of_the_page_and_others_are_refused(command: str) -> None:
    name = {"summarize": "summarize_project"}.get(command, re.sub("[ -]", "_", command.lower()))
    if name not in PRINTED:
        pytest.skip("what it prints depends on checkpoints, and is checked where they are trained")
    content = json.loads((DATA / "expected" / f"{name}.json").read_text())
    check_document(command, json.dumps(content))
    for damaged in (content | {"more": 1}, content | {"format": 9}):
        with pytest.raises(ValueError, match=r"more|format"):
            check_document(command, json.dumps(damaged))


def test_numbers_that_json_cannot_hold_are_null_and_names_that_are_no_text_stay() -> None:
    look = stats.Look(2, 1.5, math.inf, 0.0, crossed=False, difference=stats.Estimate(1.0, None, None, 2))
    assert to_json(look)["boundary"] is None
    assert from_json(stats.Look, json.dumps(to_json(look))) == look
    curve = stats.SeedCurve(np.array([1, 2]), np.array([math.nan, 3.0]))
    assert to_json(curve) == {"x": [1, 2], "values": [None, 3.0]}
    found = from_json(stats.SeedCurve, json.dumps(to_json(curve)))
    np.testing.assert_array_equal(found.values_T, curve.values_T)
    fact = Evidence("\udcff", math.nan, "above", math.inf)
    assert (fact.value, fact.threshold, to_json(fact)["metric"]) == (None, None, "\udcff")


def test_stages_write_the_documents_that_they_always_wrote(root: Path) -> None:
    for name, found in written(root).items():
        assert rounded(found) == expected(name), name


def test_rows_of_episodes_take_as_long_as_there_are_episodes() -> None:
    class Read(list[PlayedEpisode]):
        times = 0

        def __iter__(self) -> Iterator[PlayedEpisode]:
            self.times += 1
            return super().__iter__()

    episodes = Read(PlayedEpisode(i, 100 + i, float(i), 9, success=None, cut=False) for i in range(50))
    policy = PlayedPolicy("run:latest", "latest.zip", "Toy-v0", 1, 64, 24.5, 14.6, 0.0, 49.0, 9.0, None, 0, episodes)
    rows = episode_rows([policy])
    assert [(row["checkpoint"], row["seed"], row["return"]) for row in rows] == [
        ("run:latest", 1, float(i)) for i in range(50)
    ]
    assert episodes.times <= 2  # not once for each of its rows


def test_a_document_of_a_newer_version_is_read_and_the_check_says_what_is_new_in_it() -> None:
    content = json.loads((DATA / "expected" / "explain_metrics.json").read_text())
    newer = json.dumps(content | {"metrics": [metric | {"mood": "calm"} for metric in content["metrics"]]})
    assert from_json(ExplainedRun, newer) == from_json(ExplainedRun, json.dumps(content))
    with pytest.raises(ValueError, match="mood"):
        check_document("explain-metrics", newer)


def test_each_run_of_a_study_is_read_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    inner = RunFolder.evidence
    monkeypatch.setattr(RunFolder, "evidence", lambda self, name: (read.append(self.name), inner(self, name))[1])
    assert summarize(str(root / "runs" / "cartpole_epochs")).content.name == "cartpole_epochs"
    assert sorted(read) == ["cartpole", "cartpole_epochs"]


def write_expected() -> None:
    """Write what every document holds now."""
    target = DATA / "expected"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        made = Path(place).resolve() / "project"
        make_project(made)
        os.chdir(made)
        found = {name: printed(made, words) for name, words in PRINTED.items()} | written(made)
        os.chdir(REPOSITORY)
    for name, content in found.items():
        (target / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    write_expected()
