"""`rlx doctor --reproduce`: a seed trained again gives the bits that are kept, and what was changed since is found and named."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.config import ProjectCode
from rlx.errors import ConfigError
from rlx.experiments import code_of_run
from rlx.records import CheckpointContent, RunFolder, checkpoints
from rlx.report import Reproduction
from rlx.report.doctor.reproduction_words import variance_grid
from rlx.stats import variance_components
from tests.conftest import Project

RUN = "runs/cartpole"


def reproduced(project: Project, *words: str) -> tuple[int, dict[str, Any]]:
    done = project.rlx("doctor", "--reproduce", "cartpole", *words, "--json", "--quiet", check=False)
    return done.returncode, json.loads(done.stdout)


def own_file(project: Project, name: str) -> Path:
    """Return a file of the run as one of its own, no link into DVC's cache."""
    path = project.root / RUN / name
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    return path


def state_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_seed_gives_the_same_bits_and_nothing_of_the_project_is_changed(study: Project) -> None:
    study.write("configs/new.yaml", "run_name: uncommitted\n")
    before, bench = state_of(study.root / "runs"), sorted((study.root / ".dvc/tmp/rlx").glob("*"))
    code, found = reproduced(study)
    assert (code, found["same"], found["verdict"], found["seed"]) == (0, True, "same bits", 1)
    assert [(part["name"], part["same"]) for part in found["parts"]] == [
        ("metrics.jsonl", True), ("checkpoints/seed_1", True), ("eval/episodes.csv", True), ("eval/summary.json", True)
    ]  # fmt: skip
    assert all(part["compared"] for part in found["parts"])
    assert found["variance"]["repeats"]["sd"] == 0
    assert state_of(study.root / "runs") == before
    assert sorted((study.root / ".dvc/tmp/rlx").glob("*")) == bench
    assert not study.git("status", "--porcelain", "--untracked-files=no")


def other_weights(study: Project) -> None:
    """Store another policy in a checkpoint whose hashes are right."""
    path = own_file(study, "checkpoints/seed_1/latest.zip")
    kept = checkpoints.load(path)
    weights = next(iter(kept.learner["policy"]["network"].values()))
    weights += 0.25
    checkpoints.save(
        path, CheckpointContent(kept.state, kept.config, kept.normalizer, kept.learner, replay=kept.replay)
    )


def cut_checkpoint(study: Project) -> None:
    path = own_file(study, "checkpoints/seed_1/latest.zip")
    path.write_bytes(path.read_bytes()[:-400])


def other_loss(study: Project) -> None:
    path = own_file(study, "metrics.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    row = next(each for each in rows if each["seed"] == 1 and "rollout/return_mean" in each)
    row["rollout/return_mean"] += 1
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))


def better_episode(study: Project) -> None:
    path = own_file(study, "eval/episodes.csv")
    lines = path.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("1,latest,2,"))
    cells = lines[place].split(",")
    lines[place] = ",".join([*cells[:4], "499.0", *cells[5:]])
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("change", "part", "first"),
    [
        (other_weights, "checkpoints/seed_1", "latest.zip: policy/network/"),
        (cut_checkpoint, "checkpoints/seed_1", "latest.zip"),
        (other_loss, "metrics.jsonl", "rollout/return_mean is"),
        (better_episode, "eval/episodes.csv", "latest, episode 2: return 499.0"),
    ],
)
def test_what_was_changed_is_found_and_named(
    study: Project, change: Callable[[Project], None], part: str, first: str
) -> None:
    change(study)
    code, found = reproduced(study)
    assert (code, found["same"]) == (1, False)
    differing = [each for each in found["parts"] if each["same"] is False]
    assert [each["name"] for each in differing] == [part]
    assert first in differing[0]["first"]
    assert found["verdict"].startswith(f"differs: first in {part}")
    assert "nothing that is on record is different" in found["verdict"]


def test_what_is_different_since_is_named_as_the_reason(study: Project) -> None:
    other_loss(study)
    path = own_file(study, "metadata.json")
    metadata = json.loads(path.read_text())
    metadata["versions"]["numpy"] = "1.0"
    path.write_text(json.dumps(metadata))
    _, found = reproduced(study)
    assert any(reason.startswith("numpy 1.0 then") for reason in found["reasons"])
    assert "numpy 1.0 then" in found["verdict"]


@pytest.mark.slow
def test_code_of_then_is_taken_from_the_commit_where_the_project_has_another_now(study: Project) -> None:
    """A kept experiment on an environment of the project's own, which was edited before it was made, and after."""
    study.write(
        "configs/fight.yaml",
        "env: {id: BossFight-v0}\nalgo: {total_timesteps: 1024}\nnum_seeds: 1\nfinal_eval: {episodes: 3}\n",
    )
    code = (study.root / "envs/bossfight.py").read_text()
    study.write("envs/bossfight.py", code + "\nUNCOMMITTED = 1\n")
    study.rlx("train", "fight", "--name", "fight_1", "--quiet")
    study.write("envs/bossfight.py", code + "\nLATER = 1\n")
    done = study.rlx("doctor", "--reproduce", "fight_1", check=False)
    assert done.returncode == 0, done.stdout
    text = " ".join(done.stdout.split())
    assert "the project has another envs/bossfight.py now" in text
    assert text.endswith("same bits")
    assert "from one: train at least 5" in text


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--reproduce", "nobody"], 4, "there is no run 'nobody'"),
        (["--reproduce", "cartpole", "--seed", "77"], 4, "cartpole has no seed 77; it has 1, 2"),
        (["--seed", "1"], 2, "--reproduce RUN"),
        (["--reproduce", "cartpole", "--fix"], 2, "stands alone"),
    ],
)
def test_what_cannot_be_reproduced_is_refused(finished: Project, words: list[str], code: int, told: str) -> None:
    done = finished.rlx("doctor", *words, check=False)
    assert done.returncode == code
    assert told in " ".join(done.stdout.split())


def test_a_run_whose_code_no_commit_has_is_refused(study: Project) -> None:
    folder = RunFolder(study.root / RUN)
    snapshot = dataclasses.replace(folder.snapshot, code=ProjectCode(files={"envs/bossfight.py": "0" * 64}))
    with pytest.raises(ConfigError, match="cannot be trained again here"), code_of_run(study.root, folder, snapshot):
        pass


def test_a_run_without_scores_is_refused_before_anything_trains(study: Project) -> None:
    (study.root / RUN / "eval/summary.json").unlink()
    done = study.rlx("doctor", "--reproduce", "cartpole", check=False)
    assert done.returncode == 4
    assert "training seed" not in done.stdout


def drawn(seeds: float, episodes: float, n_seeds: int = 400, n_episodes: int = 40) -> np.ndarray:
    rng = np.random.default_rng(7)
    return rng.normal(0, seeds, (n_seeds, 1)) + rng.normal(0, episodes, (n_seeds, n_episodes))


def test_components_are_those_that_scores_were_drawn_with() -> None:
    found = variance_components(drawn(3.0, 10.0), repeat=0.0)
    assert found.seeds.sd == pytest.approx(3.0, rel=0.1)
    assert found.episodes.sd == pytest.approx(10.0, rel=0.05)
    shares = [each.share for each in (found.seeds, found.episodes, found.repeats)]
    assert sum(shares) == pytest.approx(1)
    assert shares[1] == pytest.approx(10**2 / 40 / (3**2 + 10**2 / 40), abs=0.05)
    whole = drawn(3.0, 10.0).mean(axis=1)
    assert found.standard_error == pytest.approx(whole.std(ddof=1) / 20)


def test_a_component_that_cannot_be_told_is_missing_and_none_is_negative() -> None:
    one_seed = variance_components(np.array([[1.0, 2.0, 4.0]]), repeat=None)
    assert (one_seed.seeds.sd, one_seed.standard_error, one_seed.repeats.sd) == (None, None, None)
    only_episodes = variance_components(drawn(0.0, 10.0, n_seeds=3, n_episodes=5), repeat=4.0)
    assert min(only_episodes.seeds.sd, only_episodes.seeds.share, only_episodes.repeats.share) >= 0
    assert variance_components(np.full((3, 2), 500.0), repeat=0.0).seeds.share is None


def test_the_table_says_what_would_make_the_score_surer() -> None:
    def note(returns_SE: np.ndarray, repeat: float) -> str:
        components = variance_components(returns_SE, repeat)
        return variance_grid(Reproduction(1, "a", 1, repeat == 0, "same bits", (), (), (), 1.0, 1.0, components)).note

    assert "more seeds make the score surer" in note(drawn(9.0, 1.0), 0.0)
    assert "more held-out episodes" in note(drawn(0.1, 9.0), 0.0)
    assert "A repeat of a seed is another training here" in note(drawn(9.0, 1.0), 2.0)
