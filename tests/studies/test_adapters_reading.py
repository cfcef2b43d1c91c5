"""``adapter.yaml``: what it may say, and that each mistake is told with its line and cure."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from rlx.errors import ConfigError
from rlx.studies import Adapter, argument_list, launchers, problems, read_adapter, validated_adapter
from tests.studies.foreign_repositories import TOY, adapter_text

COMMIT = "3f2c9d1"
SPECIFIED = """
format: 1
repository: {path: ../humanoid, commit: 3f2c9d1, patches: [src/rewards.py]}
train:
  command: [uv, run, train, "{overrides}", "--seed={seed}", "--steps={steps}", "--log-dir={out}"]
  overrides: {style: hydra}
  environment: {WANDB_MODE: offline}
  steps: {format: csv, file: "{out}/progress.csv", field: total_steps, reduce: last}
  timeout: 6h
evaluate:
  command: [uv, run, play, "--checkpoint={out}/model_final.pt", "--episodes={episodes}", "--seed={list_seed}", "--json={out}/ep.jsonl"]
  timeout: 30m
episodes:
  {format: jsonl, file: "{out}/ep.jsonl", fields: {episode: i, reset_seed: seed, return: ret, length: len, success: ok}}
learning:
  {format: tensorboard, file: "{out}/**/events*", metrics: {return: Train/mean_reward, reward/velocity: Rewards/vel}}
hardware: {launcher: local, gpus: 1}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "adapter.yaml"
    path.write_text(text)
    return path


def test_the_adapter_of_the_documentation_is_one(tmp_path: Path) -> None:
    found = validated_adapter(written(tmp_path, SPECIFIED))
    assert problems(found) == []
    assert found.train.environment == {"WANDB_MODE": "offline"}
    assert found.hardware.gpus == 1
    assert Adapter.model_json_schema()["properties"]["train"]


@pytest.mark.parametrize(
    ("changes", "line", "words"),
    [
        ({"train__timeout": "6x"}, True, "such as 90s"),
        ({"train__timeout": 6}, True, "must be text"),
        ({"train__timeout": None}, True, "train.timeout: is missing"),
        ({"train__timeot": "6h"}, True, "did you mean `timeout`?"),
        ({"train__steps__reduce": "max"}, True, "'last'"),
        ({"episodes__reduce": "max"}, True, "grows with the number of looks"),
        ({"episodes__format": "parquet"}, True, "is not allowed"),
        ({"repository__commit": "main"}, True, "branches and tags move"),
        ({"repository__patches": ["../outside.py"]}, True, "inside the repository"),
        ({"evaluate": None}, True, "by the candidate's own code"),
        ({"train__steps__file": "/etc/passwd"}, True, "must be {out}/"),
        ({"train__steps__file": "{out}/../other/progress.csv"}, True, "must be {out}/"),
        ({"train__checkpoint": "{worktree}/model.pt"}, True, "must be {out}/"),
        ({"train__steps__file": None}, True, "has no file"),
        ({"train__command": ["python", "{overrides}", "{sed}", "{seed}", "{steps}"]}, True, "did you mean seed?"),
        ({"train__command": ["python", "x{overrides}", "{seed}", "{steps}"]}, True, "must be one by itself"),
        ({"train__command": ["python", "{overrides}", "{steps}"]}, True, "all seeds would train the same"),
        ({"train__command": ["python", "{overrides}", "{seed}"]}, True, "would not train what was planned"),
        ({"train__command": ["python", "{seed}", "{steps}"]}, True, "no candidate would change anything"),
        ({"train__command": []}, True, "train.command"),
        ({"train__overrides__style": "file"}, True, "has no {config}"),
        ({"train__environment": {"A=B": "x"}}, True, "what a variable can be called"),
        ({"evaluate__command": ["python", "{episodes}"]}, True, "every list of held-out episodes would be the same"),
        ({"evaluate__command": ["python", "{list_seed}"]}, True, "would not play as many"),
        ({"episodes__fields": {"return": "r", "length": "l"}}, True, "has no reset_seed"),
        ({"episodes__fields": {"retrun": "r"}}, True, "did you mean return?"),
        ({"episodes__format": "tensorboard"}, True, "evidence: aggregate"),
        ({"episodes": {"format": "stdout", "fields": {"return": "r"}}}, True, "has no pattern"),
        ({"train__steps": {"format": "stdout", "pattern": "(", "field": "n"}}, True, "no regular expression"),
        ({"train__steps": {"format": "stdout", "pattern": "x", "field": "n"}}, True, "no named group"),
        ({"hardware": {"launcher": "slrm"}}, True, "did you mean slurm?"),
        ({"hardware": {"launcher": "slurm"}}, True, "lacks partition"),
        ({"hardware": {"launcher": "local", "options": {"pod": "x"}}}, True, "not an option of local"),
        ({"hardware": {"gpus": -1}}, True, "at least 0"),
        ({"format": 2}, True, "is not allowed"),
        ({"repository": None}, False, "repository: is missing"),
    ],
)
def test_every_mistake_is_told_with_its_place(tmp_path: Path, changes: dict[str, Any], line: bool, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_adapter(written(tmp_path, adapter_text(COMMIT, **changes)), "adapter.yaml")
    assert words in str(raised.value)
    assert all(problem.line for problem in raised.value.problems) == line


def test_a_draft_may_say_unknown_and_a_study_may_not(tmp_path: Path) -> None:
    path = written(
        tmp_path, TOY.replace("COMMIT", COMMIT).replace("style: hydra", "style: unknown").replace("60s", "unknown")
    )
    draft = read_adapter(path, "adapter.yaml")
    assert [told.split(":")[0] for told in problems(draft)] == [
        "train.timeout",
        "train.overrides.style",
        "evaluate.timeout",
    ]
    with pytest.raises(ConfigError, match=r"adapter\.yaml:6:22: train\.overrides\.style: is unknown"):
        validated_adapter(path, "adapter.yaml")


def test_braces_that_are_no_placeholders_are_written_twice(tmp_path: Path) -> None:
    command = ["x", "{{overrides}}", "{seed}-{{seed}}", "{overrides}", "{a: 1}", "{out}"]
    assert argument_list(command, ["a=1", "b={seed}"], {"seed": 3, "out": "/{seed}"}) == [
        "x",
        "{overrides}",
        "3-{seed}",
        "a=1",
        "b={seed}",
        "{a: 1}",
        "/{seed}",
    ]


def test_launchers_stand_before_the_command() -> None:
    known = {
        "gpus": 2,
        "worktree": "/w",
        "folder": "/w",
        "session": "s",
        "partition": "gpu",
        "namespace": "n",
        "pod": "p",
    }
    for name, words in {
        "local": [],
        "slurm": ["srun", "--gpus=2", "--partition=gpu"],
        "torchrun": ["torchrun", "--nproc-per-node=2", "--no-python"],
        "kubectl": ["kubectl", "exec", "--namespace=n", "p", "--", "env", "A=b c"],
    }.items():
        found = launchers()[name].launched("train", ["python", "train.py", "x;"], known, {"A": "b c"})
        assert found[-3:] == ["python", "train.py", "x;"]
        assert [word for word in words if word not in found] == []
    inside = launchers()["tmux"].launched("evaluate", ["python", "x;", ";", "a;b"], known, {})
    place = inside.index("python")
    assert inside[place : place + 5] == ["python", "x\\;", "\\;", "a;b", ";"]  # else tmux would take them for its own


@given(st.text(max_size=60), st.integers(0, len(SPECIFIED)), st.integers(0, 40))
def test_any_text_is_an_adapter_or_refused(text: str, start: int, length: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        for content in (text, SPECIFIED[:start] + text + SPECIFIED[start + length :]):
            try:
                found = read_adapter(written(Path(place), content))
            except ConfigError:
                continue
            assert all(isinstance(each, str) for each in problems(found))
