"""`rlx upgrade`: a project of an older rlx becomes one of the present, with its results and what its owner changed."""

from __future__ import annotations

import ast
import importlib
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import rlx
from rlx.config import compose_run, read_parameters, read_snapshot
from rlx.errors import CommandFailed, ConfigError
from rlx.experiments import Record, check_roster, plan_upgrade, sync_roster, upgrade
from rlx.experiments.kept import experiment_named
from rlx.experiments.pipeline import merged_pipeline, shipped_pipelines
from rlx.experiments.promoting import _replaced_since, plan_promotion, promote
from rlx.experiments.shipped import KEPT_BY_RLX, nearest_shipped, shipped_versions
from rlx.experiments.template import template_files
from rlx.experiments.upgraded_files import upgraded
from rlx.records import entry_for, read_lock
from rlx.report.doctor.project import stages
from tests.conftest import Project

from .older_project import EDIT, STORED, STORED_0_1

STAGES = ("resolve", "train", "eval", "video", "analyze", "compare")


def _unpacked(stored: Path, root: Path) -> Path:
    with tarfile.open(stored) as archive:
        archive.extractall(root, filter="data")
    Project(root).dvc("checkout", "--quiet")
    return root


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored project as its owner left it; do not change it, copy it."""
    return _unpacked(STORED, tmp_path_factory.mktemp("older") / "project")


PINS = (("train: 2", "train: 3"), ("eval: 1", "eval: 2"))
"""What the stored project's versions of the semantics are, and what they are now."""


def _raise_pins(root: Path) -> None:
    for path in (root / "params.yaml", root / "dvc.lock"):
        if path.is_file():
            text = path.read_text()
            for old, new in PINS:
                text = text.replace(f" {old}\n", f" {new}\n").replace(f"engine.{old}\n", f"engine.{new}\n")
            path.write_text(text)


@pytest.fixture(scope="module")
def of_these_semantics(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored project as it were, had rlx computed the same then: what upgrading does where no result changes."""
    made = Project(tmp_path_factory.mktemp("semantics") / "project")
    shutil.copytree(unpacked, made.root, symlinks=True)
    branch = made.git("branch", "--show-current").strip()
    made.git("checkout", "-q", "--detach", "HEAD~1")
    _raise_pins(made.root)
    made.git("commit", "-qa", "--amend", "--no-edit")
    start = made.git("rev-parse", "HEAD").strip()
    made.git("checkout", "-q", branch)
    _raise_pins(made.root)
    made.git("add", "-u")
    tree = made.git("write-tree").strip()
    made.git("reset", "-q", "--hard", made.git("commit-tree", tree, "-p", start, "-m", "Results").strip())
    for run in ("cartpole", "bossfight"):
        snapshot = read_snapshot(made.root / "runs" / run / "config_snapshot.yaml")
        for seed in (1, 2):
            with pytest.MonkeyPatch.context() as then:
                then.setitem(rlx.STAGE_VERSIONS, "train", 2)
                folder = entry_for(made.root, snapshot, seed).folder
            folder.rename(entry_for(made.root, snapshot, seed).folder)
    return made.root


@pytest.fixture
def older(of_these_semantics: Path, tmp_path: Path) -> Project:
    """A copy of that, to change at will."""
    shutil.copytree(of_these_semantics, tmp_path / "older", symlinks=True)
    return Project(tmp_path / "older")


@pytest.fixture
def oldest(unpacked: Path, tmp_path: Path) -> Project:
    """A copy of the stored project, to change at will."""
    shutil.copytree(unpacked, tmp_path / "oldest", symlinks=True)
    return Project(tmp_path / "oldest")


def kept(root: Path) -> dict[str, bytes]:
    """Return the files that an upgrade may write."""
    names = [*KEPT_BY_RLX, "dvc.lock", "params.yaml", "algorithms/__init__.py", ".dvc/tmp/rlx/stages.json"]
    return {name: (root / name).read_bytes() for name in names if (root / name).is_file()}


def test_an_older_project_keeps_its_results_and_trains_nothing(older: Project) -> None:
    """The whole way as a person goes it, in commands: they, and DVC's look at eleven stages, take the time."""
    shown = [older.rlx(*command).stdout for command in (["compare"], ["info", "bossfight"])]
    assert ["`rlx upgrade`" in finding.cure for finding in stages(older.root)] == [True]
    before = kept(older.root)
    seeds = {run: older.root / "runs" / run / "config_snapshot.yaml" for run in ("cartpole", "bossfight")}
    would = older.rlx("upgrade", "--dry-run").stdout
    assert kept(older.root) == before
    said = older.rlx("upgrade").stdout
    assert would.splitlines()[1:-1] == said.splitlines()[1:-1]
    assert "stages/train.py: merged, your changes stay" in said
    assert "`dvc repro` trains nothing anew" in said
    assert EDIT in (older.root / "stages/train.py").read_text()
    assert "from rlx.training import" in (older.root / "stages/train.py").read_text()

    made = older.dvc("repro").splitlines()
    assert [line for line in made if "skipping" in line] == [line for line in made if line.startswith("Stage")]
    assert len([line for line in made if "skipping" in line]) == 11
    compared = read_lock((older.root / "dvc.lock").read_text()).stages["compare"]
    assert [compared.count(f"/{name}\n") for name in ("analysis.json", "plots")] == [2, 0]
    assert [older.rlx(*command).stdout for command in (["compare"], ["info", "bossfight"])] == shown
    assert older.rlx("ls").stdout.count("finished") == 2
    for path in seeds.values():
        assert all(entry_for(older.root, read_snapshot(path), seed).done for seed in (1, 2))
    assert not list(stages(older.root))  # `rlx doctor` says nothing more of them
    again = older.rlx("upgrade")
    assert (again.returncode, again.stdout) == (0, "nothing to do: the project is of the present rlx\n")
    # what the last commit trained is what would be trained now, and what experiments from before it recorded counts
    since = _replaced_since(older.root, "HEAD")
    assert {name for name, _ in since.items()} == {f"stages/{run}.py" for run in (*STAGES, "__init__")}
    assert "already" in older.rlx("train", "cartpole").stdout


def test_a_project_of_0_1_keeps_its_results_and_trains_nothing(tmp_path: Path) -> None:
    """As a person goes it, in commands; what the last commit of 0.1 made is what 0.2 would make, and it says so."""
    made = Project(_unpacked(STORED_0_1, tmp_path / "project"))
    runs = ("cartpole", "bossfight")
    shown = [made.rlx(*command).stdout for command in (["compare"], *(["info", run] for run in runs))]
    before = {
        path: path.read_bytes() for run in runs for path in (made.root / "runs" / run).rglob("*") if path.is_file()
    }
    planned = plan_upgrade(made.root)
    assert (planned.trained, planned.engine, planned.conflicts) == ({}, {}, ())
    said = made.rlx("upgrade").stdout
    assert ("trains nothing anew" in said) == bool(planned.files), said
    assert ("nothing to do" in said) == (not planned.files), said
    again = made.dvc("repro").splitlines()
    of_stages = [line for line in again if line.startswith("Stage")]
    assert len(of_stages) == 11
    assert all("skipping" in line for line in of_stages), again
    assert {path: path.read_bytes() for path in before} == before
    assert [made.rlx(*command).stdout for command in (["compare"], *(["info", run] for run in runs))] == shown
    assert EDIT in (made.root / "stages/train.py").read_text()
    for run in runs:
        folder = made.root / "runs" / run
        snapshot = read_snapshot(folder / "config_snapshot.yaml")
        assert compose_run(made.root, run).config == snapshot.config
        assert json.loads((folder / "metadata.json").read_text())["versions"]["rlx"] == "0.1.0"
    assert not list(stages(made.root))
    assert plan_upgrade(made.root).files == ()


def test_what_was_made_before_it_is_promoted_after_it_and_nothing_is_made_again(older: Project) -> None:
    start, tree = older.git("rev-parse", "HEAD~1", "HEAD^{tree}").split()
    message = Record("cartpole", (), ("analyze@cartpole",)).to_message("before")
    commit = older.git("commit-tree", tree, "-p", start, "-m", message).strip()
    older.git("update-ref", f"refs/exps/{start[:2]}/{start[2:]}/before", commit)
    upgrade(older.root, plan_upgrade(older.root))
    older.commit("upgraded")
    found = experiment_named(older.root, "before")
    assert found is not None
    planned = plan_promotion(older.root, found)
    assert {run.run for run in planned.runs} == {"cartpole", "bossfight"}
    assert promote(older.root, found, planned, commit=False) == []
    assert older.git("status", "--porcelain") == ""


def test_without_the_upgrade_old_stage_files_go_on(older: Project) -> None:
    made = older.dvc("repro", "--force", "--single-item", "analyze@cartpole")
    assert "analysis.md and plots/ are written" in made
    assert "already" in older.rlx("train", "cartpole").stdout
    check_roster(older.root, ["cartpole", "bossfight"])
    assert sync_roster(older.root, ["cartpole"])
    check_roster(older.root, ["cartpole"])
    assert "runs/cartpole/plots" in (older.root / "dvc.yaml").read_text()


@pytest.mark.parametrize("writes", range(10))
def test_one_that_was_killed_is_finished_by_the_next(
    older: Project, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after each of its writes; the first (0) is the bench's, beside which nothing is written."""
    whole = older.root.with_name("whole")
    shutil.copytree(older.root, whole, symlinks=True)
    upgrade(whole, plan_upgrade(whole))
    from rlx.experiments import upgrading

    done: list[Path] = []
    write = upgrading.write_bytes

    def killed(path: Path, content: bytes) -> None:
        if len(done) == writes:
            raise KeyboardInterrupt
        done.append(path)
        write(path, content)

    monkeypatch.setattr(upgrading, "write_bytes", killed)
    try:
        upgrade(older.root, plan_upgrade(older.root))
    except KeyboardInterrupt:
        assert kept(older.root) != kept(whole)
    monkeypatch.undo()
    upgrade(older.root, plan_upgrade(older.root))
    assert kept(older.root) == kept(whole)
    assert not plan_upgrade(older.root).files


def test_lines_that_both_changed_are_shown_and_left(older: Project) -> None:
    older.replace("stages/eval.py", "from rlx.held_out import evaluate_run", "from mine import evaluate_run")
    mine = (older.root / "stages/eval.py").read_text()
    done = older.rlx("upgrade", check=False)
    assert done.returncode == 1
    assert "    from mine import evaluate_run" in done.stdout
    assert "    from rlx.training import evaluate_run" in done.stdout
    assert (older.root / "stages/eval.py").read_text() == mine
    assert "from rlx.experiments import run_stage" in (older.root / "stages/video.py").read_text()
    assert "- algorithms" in (older.root / "dvc.yaml").read_text()


def test_a_stage_edited_since_it_trained_is_said_to_train_anew(older: Project) -> None:
    older.replace("stages/train.py", EDIT, EDIT + '    print("once more")\n')
    said = " ".join(older.rlx("upgrade").stdout.split())
    assert "trains cartpole anew: stages/train.py was changed since it was trained" in said
    older.replace("stages/train.py", '    print("once more")\n', "")
    assert "changed" in older.dvc("status", "train@cartpole")  # as before the upgrade: its owner had edited it


def test_a_changed_config_is_said_to_train_anew(older: Project) -> None:
    older.write("configs/bossfight.yaml", "run_name: small\nenv: {id: BossFight-v0}\nalgo: {gamma: 0.5}\n")
    said = " ".join(older.rlx("upgrade", "--dry-run").stdout.split())
    assert "trains bossfight anew: params.yaml, its config or its code was changed" in said
    assert "trains cartpole anew" not in said


def test_versions_of_the_semantics_are_raised_and_said(oldest: Project) -> None:
    """Results stay where they are until somebody makes them anew, which is said before."""
    refused = oldest.rlx("train", "cartpole", check=False)
    assert (refused.returncode, "engine.train is 2 and rlx" in refused.stdout) == (3, True)
    shown = oldest.rlx("compare").stdout
    said = " ".join(oldest.rlx("upgrade").stdout.split())
    assert "trains cartpole anew: rlx trains otherwise since; 2 → 3 (engine.train)" in said
    assert "found again" not in said
    assert read_parameters(oldest.root).engine.model_dump() == {"train": 3, "eval": 2}
    assert oldest.rlx("compare").stdout == shown
    oldest.replace("params.yaml", "  train: 3", "  train: 9")
    assert oldest.rlx("upgrade", check=False).returncode == 3


def test_amid_a_merge_nothing_is_touched(older: Project) -> None:
    before = kept(older.root)
    (older.root / ".git/MERGE_HEAD").write_text(older.git("rev-parse", "HEAD"))
    with pytest.raises(CommandFailed, match="a merge is under way"):
        plan_upgrade(older.root)
    assert older.rlx("upgrade", check=False).returncode == 1
    (older.root / ".git/MERGE_HEAD").unlink()
    assert kept(older.root) == before
    older.replace("params.yaml", "seed: 1 ", "<<<<<<< ours\nseed: 1\n=======\nseed: 2\n>>>>>>> theirs\n#")
    with pytest.raises(ConfigError, match=r"params\.yaml: in conflict"):
        plan_upgrade(older.root)


def test_an_algorithms_module_of_ones_own_is_not_hidden(older: Project) -> None:
    older.write("algorithms.py", "mine = 1\n")
    before = (older.root / "dvc.yaml").read_bytes()
    done = older.rlx("upgrade", check=False)
    assert (done.returncode, "algorithms.py is in the way" in done.stdout) == (1, True)
    assert ((older.root / "dvc.yaml").read_bytes(), (older.root / "algorithms").exists()) == (before, False)


def test_a_file_changed_meanwhile_stops_it_before_anything_is_written(older: Project) -> None:
    planned = plan_upgrade(older.root)
    older.write("stages/video.py", "# meanwhile\n")
    before = kept(older.root)
    with pytest.raises(CommandFailed, match=r"stages/video\.py: was changed meanwhile"):
        upgrade(older.root, planned)
    assert kept(older.root) == before


def test_a_project_of_the_present_is_left_alone(project: Project) -> None:
    done = project.rlx("upgrade")
    assert (done.returncode, done.stdout) == (0, "nothing to do: the project is of the present rlx\n")
    assert project.git("status", "--porcelain") == ""


# --- What was ever shipped --------------------------------------------------------------------------------------------


def test_the_present_files_are_the_last_that_are_known() -> None:
    """After a change of a stage file or dvc.yaml: ``python -m rlx.experiments.shipped``."""
    there = template_files()
    for name in KEPT_BY_RLX:
        assert shipped_versions(name)[-1] == there[name].read_bytes(), name


@pytest.mark.parametrize("name", KEPT_BY_RLX)
def test_every_version_becomes_the_present_one(name: str) -> None:
    *earlier, present = shipped_versions(name)
    for text in earlier:
        file = upgraded(name, text)
        # the first dvc.yaml compared other runs by default
        assert file.after == (present if name != "dvc.yaml" else shipped_pipelines(text)[-1])
        assert (file.is_edited, file.conflict) == (False, "")
    assert upgraded(name, present).after == present


def test_a_file_of_the_owners_altogether_stays() -> None:
    mine = b"print('mine')\n"
    assert nearest_shipped(mine, shipped_versions("stages/eval.py")) is None
    assert upgraded("stages/eval.py", mine).after == mine
    assert upgraded("dvc.yaml", b"stages: {}\n").after == b"stages: {}\n"
    assert upgraded("dvc.yaml", b"stages: [\n").after == b"stages: [\n"


def test_data_and_stages_of_ones_own_stay_in_the_pipeline() -> None:
    before, present = shipped_versions("dvc.yaml")[-2:]
    ours = before.replace(b"      - policies\n", b"      - policies\n      - data/maps.csv\n")
    ours = ours.replace(b"stages:\n", b"stages:\n  mine:\n    cmd: echo hello\n\n", 1)
    ours = ours.replace(b"      - stages/compare.py\n", b"      - stages/compare.py\n      - notes.md\n")
    assert ours not in shipped_pipelines(ours)
    file = upgraded("dvc.yaml", ours)
    wanted = present.replace(b"      - policies\n", b"      - policies\n      - data/maps.csv\n")
    wanted = wanted.replace(b"stages:\n", b"stages:\n  mine:\n    cmd: echo hello\n\n", 1)
    wanted = wanted.replace(b"      - stages/compare.py\n", b"      - stages/compare.py\n      - notes.md\n")
    assert (file.after.decode(), file.conflict) == (wanted.decode(), "")
    assert merged_pipeline(before, before, present) == (present, False)


def imported(text: bytes) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rlx"):
            yield from ((str(node.module), alias.name) for alias in node.names)


@pytest.mark.parametrize("name", [name for name in KEPT_BY_RLX if name.startswith("stages/")])
def test_old_stage_files_find_what_they_import(name: str) -> None:
    """The very first versions, of the days before the default study, imported from modules that were renamed at once."""
    first = 1 if len(shipped_versions(name)) > 2 else 0
    for text in shipped_versions(name)[first:]:
        for module, each in imported(text):
            assert hasattr(importlib.import_module(module), each), (module, each)


def test_the_present_stages_enter_rooms_by_their_doors() -> None:
    for name in KEPT_BY_RLX:
        if name.startswith("stages/"):
            assert all(module.count(".") == 1 for module, _ in imported(shipped_versions(name)[-1])), name
            for module, each in imported(shipped_versions(name)[-1]):
                assert hasattr(importlib.import_module(module), each)
                assert importlib.util.find_spec(module).submodule_search_locations, f"{name}: {module} is no room"
