"""Every command that is printed as a hint works as printed, and does what was said of it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable

import pytest

from tests.conftest import Project

FRAGILE = '''"""An environment with a mistake in it."""

import gymnasium as gym

BROKEN = True


class Fragile(gym.Env):
    """Fails in its 700th step while the mistake is there."""

    observation_space = gym.spaces.Box(-1.0, 1.0, (2,))
    action_space = gym.spaces.Discrete(2)
    steps = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.played = 0
        return self.observation_space.sample() * 0, {}

    def step(self, action):
        self.played += 1
        Fragile.steps += 1
        if BROKEN and Fragile.steps > 700:
            raise RuntimeError("the mistake")
        return self.observation_space.sample() * 0, float(action), False, self.played == 20, {}


gym.register("Fragile-v0", Fragile)
'''


def hints(said: str) -> list[str]:
    """Return the commands in backticks, each once, as they are pasted; those with a placeholder to fill in are none."""
    found = dict.fromkeys(re.findall(r"`((?:rlx|dvc|git) [^`]+)`", " ".join(said.split())))
    return [command for command in found if not re.search(r"\b(N|NAME|URL|RUN|BRANCH)\b|--help", command)]


def follow(project: Project, said: str, *, but: str = "") -> list[str]:
    """Run what was printed, as printed, and return it; a diagnosis that finds errors exits with 1."""
    commands = [command for command in hints(said) if not but or but not in command]
    assert commands, said
    for command in commands:
        done = project.run("bash", "-c", command, check=False)
        allowed = (0, 1) if command.startswith("rlx diagnose") else (0,)
        assert done.returncode in allowed, f"{command}\n{done.stdout}"
        assert "Traceback" not in done.stdout
    return commands


def states(project: Project) -> dict[str, str]:
    return {row["id"]: row["status"] for row in json.loads(project.rlx("ls", "--json").stdout)["runs"]}


def lost(study: Project) -> None:
    (study.root / "runs/cartpole/metadata.json").unlink()
    shutil.rmtree(study.root / "runs/cartpole/eval")


def damaged(study: Project) -> None:
    (study.root / "runs/cartpole/metadata.json").unlink()
    study.write("runs/cartpole/metadata.json", "{")


def cut(study: Project) -> None:
    text = (study.root / "runs/cartpole/config_snapshot.yaml").read_text()
    study.write("runs/cartpole/config_snapshot.yaml", text[: len(text) // 2])


def conflict(study: Project) -> None:
    text = (study.root / "dvc.lock").read_text()
    sides = "<<<<<<< HEAD\n  mine@x:\n    cmd: a\n=======\n  theirs@y:\n    cmd: b\n>>>>>>> other\n"
    study.write("dvc.lock", text.replace("stages:\n", f"stages:\n{sides}"))


def branch(study: Project) -> None:
    study.git("branch", "it's$odd")


def messy(study: Project) -> None:
    study.write("configs/mine.yaml", "algo: {update_epochs: 2}\n")
    study.replace("params.yaml", "  runs: [cartpole, cartpole_epochs]", "  runs: [cartpole, mine]")


@pytest.mark.parametrize(
    ("prepare", "command", "status", "expected"),
    [
        (lost, ["rlx", "info", "cartpole"], 0, ["rlx checkout cartpole"]),
        (damaged, ["rlx", "info", "cartpole"], 4, ["dvc checkout --force", "rlx checkout cartpole"]),
        (cut, ["rlx", "info", "cartpole"], 4, ["git checkout HEAD --", "dvc repro", "rlx checkout cartpole"]),
        (conflict, ["rlx", "train", "cartpole", "-S", "algo.gamma=0.5"], 4, ["rlx sync --merge"]),
        (branch, ["rlx", "analyze", "cartpole@it's$odd"], 0, ["rlx diagnose 'cartpole@"]),
        (messy, ["rlx", "doctor"], 1, ["git add configs/mine.yaml", "rlx sync"]),
    ],
    ids=["lost", "damaged", "cut", "conflict", "branch", "messy"],
)  # fmt: skip
def test_a_hint_works_as_printed(
    study: Project, prepare: Callable[[Project], None], command: list[str], status: int, expected: list[str]
) -> None:
    prepare(study)
    told = study.run(*command, check=False)
    assert told.returncode == status, told.stdout
    found = hints(told.stdout)
    for start in expected:
        assert any(each.startswith(start) for each in found), told.stdout
    follow(study, told.stdout, but="rlx train")
    if prepare is messy:
        assert study.rlx("doctor").returncode == 0
    else:
        assert states(study)["cartpole"] == "finished"
        assert study.rlx("compare").returncode == 0


@pytest.mark.slow
def test_what_a_comparison_and_a_diagnosis_advise_trains_what_they_say(study: Project) -> None:
    study.write(
        "configs/cartpole_epochs.yaml",
        (study.root / "configs/cartpole_epochs.yaml").read_text() + "seed: 1\nnum_seeds: 2\n",
    )
    study.commit()
    said = study.rlx("compare").stdout
    assert "To settle it" in said
    (command,) = [each for each in hints(said) if each.startswith("rlx train")]
    study.run("bash", "-c", command)
    wanted = int(re.findall(r"num_seeds=(\d+)", command)[0])
    made = [row for row in json.loads(study.rlx("ls", "--json").stdout)["runs"] if row["kind"] == "experiment"]
    assert {(row["status"], row["seeds"]) for row in made} == {("finished", wanted)}
    assert len(made) == 2
    suggested = json.loads(study.rlx("suggest", "cartpole", "--json").stdout)["suggestions"]
    cheapest = min(
        suggested, key=lambda each: "num_seeds" in each["overrides"] or "algo.total_timesteps" in each["overrides"]
    )
    follow(study, study.run("bash", "-c", cheapest["command"]).stdout)
    study.write("sweeps/g.yaml", "config: cartpole\nnum_seeds: 1\ngrid:\n  algo.gamma: [0.9]\n")
    follow(study, study.rlx("sweep", "g").stdout)
    follow(study, study.rlx("promote", made[0]["id"]).stdout)
    other = study.rlx("train", "cartpole", "-S", "env.kwargs={sutton_barto_reward: true}", "--seeds", "1").stdout
    assert "cannot be compared" in " ".join(other.split())
    assert not [command for command in follow(study, other) if command.startswith("rlx compare")]


@pytest.mark.slow
def test_what_stopped_or_failed_goes_on_by_the_command_that_is_printed(study: Project) -> None:
    metadata = study.root / "runs/cartpole/metadata.json"
    content = {**json.loads(metadata.read_text()), "status": "stopped"}
    metadata.unlink()
    metadata.write_text(json.dumps(content))
    assert follow(study, study.rlx("ls").stdout) == ["rlx resume cartpole"]
    assert states(study)["cartpole"] == "finished"
    study.write("envs/fragile.py", FRAGILE)
    study.write("envs/__init__.py", (study.root / "envs/__init__.py").read_text() + "\nfrom envs import fragile\n")
    study.write("configs/fragile.yaml", "env: {id: Fragile-v0}\n")
    failed = study.rlx("train", "fragile", "--seeds", "1", check=False)
    assert failed.returncode == 1, failed.stdout
    study.replace("envs/fragile.py", "BROKEN = True", "BROKEN = False")
    assert {"rlx diagnose fragile_001", "rlx resume fragile_001"} <= set(follow(study, failed.stdout))
    assert states(study)["fragile_001"] == "finished"
