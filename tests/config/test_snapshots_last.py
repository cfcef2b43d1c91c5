"""Snapshots last: what older versions wrote, the present one writes byte for byte, so that nothing trains again for it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import pytest

from rlx.config import PACKAGES, PPOConfig, RunConfig, Section, Snapshot, read_snapshot
from rlx.config.algorithm_config import BUILT_IN, _known, own_settings
from rlx.config.schema import Parameters
from rlx.config.values import Since, changes_results, since_of
from rlx.experiments import resolve_run

STORED = Path(__file__).parents[1] / "data" / "snapshots"
"""Projects as commits of rlx shipped them, each with the snapshots that the code of that commit wrote."""
NOT_COMPARABLE = {
    # The first version computed otherwise (engine.train: 1), and had no `algo.engine`: every later snapshot has it.
    "ba2e012": ("  engine: auto\n", ""),
    # For some hours snapshots said `start: null`; before and after they did not, and it means the same.
    "bbb8c9e": ("", "  start: null\n"),
}
"""Lines that only the present snapshot has, and that only the stored one has."""
RUNS = [(path.parents[2].name, path.parent.name) for path in sorted(STORED.glob("*/runs/*/config_snapshot.yaml"))]


@pytest.fixture
def fresh_packages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let each project import its own ``envs`` and ``policies`` in this one process."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]


@pytest.mark.usefixtures("fresh_packages")
@pytest.mark.parametrize(("commit", "run"), RUNS)
def test_the_present_snapshot_has_the_bytes_of_the_older_one(commit: str, run: str, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(STORED / commit, root)
    stored = (root / "runs" / run / "config_snapshot.yaml").read_text(encoding="utf-8")
    added, dropped = NOT_COMPARABLE.get(commit, ("", ""))
    assert (added in stored, dropped in stored) == (not added, True)
    written = resolve_run(root, run).snapshot.to_yaml()
    assert added in written
    assert written.replace(added, "", 1) == stored.replace(dropped, "", 1)
    read = read_snapshot(root / "runs" / run / "config_snapshot.yaml")
    assert read.to_yaml() == written


def test_every_version_with_a_snapshot_of_its_own_is_stored() -> None:
    assert len(RUNS) == 2 * len(list(STORED.iterdir())) == 12


def fields_of(section: type[Section], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, info in section.model_fields.items():
        yield (*path, name), info
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            yield from fields_of(info.annotation, (*path, name))


def test_what_changes_no_result_is_in_no_snapshot() -> None:
    written = Snapshot(RunConfig()).to_data()
    aside = [path for path, info in fields_of(RunConfig) if not changes_results(info)]
    aside += [
        ("algo", *path)
        for model in map(own_settings, BUILT_IN)
        if model
        for path, info in fields_of(model)
        if info.exclude
    ]
    assert ("env", "step_timeout") in aside
    for path in aside:
        inner: object = written
        for part in path[:-1]:
            inner = inner.get(part, {})
        assert path[-1] not in inner, path
    other = RunConfig.model_validate({"env": {"step_timeout": 7}})
    assert Snapshot(other).to_data() == written
    # judging, films, sinks, executor and the roster stand beside the configuration of a run, not in it
    assert {"study", "final_eval", "compare", "video", "log", "launch", "engine"} == set(Parameters.model_fields) - set(
        RunConfig.model_fields
    )
    assert not set(written) & {"study", "final_eval", "compare", "video", "log", "launch", "engine"}


def test_a_later_setting_is_written_once_it_has_another_value() -> None:
    plain, cut = (Snapshot(RunConfig.model_validate({"eval": {"step_limit": limit}})) for limit in (None, 50))
    assert "step_limit" not in plain.to_data()["eval"]
    assert cut.to_data()["eval"]["step_limit"] == 50
    assert cut.training_part() != plain.training_part()


def test_a_later_setting_says_what_older_versions_did() -> None:
    later = {path: since_of(info) for path, info in [*fields_of(RunConfig), *fields_of(PPOConfig, ("algo",))]}
    later = {path: mark for path, mark in later.items() if mark is not None}
    assert set(later) == {
        ("checkpoint", "replay"),
        ("checkpoint", "start"),
        ("eval", "step_limit"),
        ("env", "backend"),
        ("env", "training"),
        *(("env", "training", name) for name in ("kwargs", "ranges", "stages", "interpolate", "mixture")),
        ("algo", "engine"),
        ("portable",),
    }
    for path, mark in later.items():
        assert len(mark.day.split("-")) == 3, path


def test_a_snapshot_without_a_later_setting_has_the_older_value_whatever_the_default_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later(PPOConfig):
        """PPO after its default engine has become another one."""

        engine: Annotated[Literal["auto", "fast"], Since("2026-11-21", older="auto", always=True)] = "fast"

    assert own_settings("ppo") is PPOConfig
    monkeypatch.setitem(_known, "ppo", Later)
    path = tmp_path / "config_snapshot.yaml"
    shutil.copy(STORED / "ba2e012" / "runs" / "cartpole" / "config_snapshot.yaml", path)
    assert read_snapshot(path).config.algo.engine == "auto"
