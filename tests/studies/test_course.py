"""How a search goes, with scores that a function gives instead of trainings."""

from __future__ import annotations

import math
import random
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rlx.errors import ConfigError, Interrupted, PluginBroken, UsageError
from rlx.experiments import SAMPLERS, SamplerRow, read_sweep, trials_of
from rlx.studies import SeedScore, SeedWanted, Told, run_search, searching
from tests.conftest import Project

SEARCH = """
config: cartpole
search:
  algo.learning_rate: {low: 1e-5, high: 1e-2, log: true}
  algo.update_epochs: {low: 1, high: 20}
"""


class Trainer:
    """Scores a seed by its settings, and is interrupted now and then."""

    chance: random.Random | None = None
    failing: frozenset[int] = frozenset()
    trained: ClassVar[set[Any]] = set()

    def __init__(self, *_: Any):
        pass

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def train(self, wanted: Mapping[Any, SeedWanted]) -> dict[Any, SeedScore]:
        if self.chance is not None and self.chance.random() < 0.4:
            raise KeyboardInterrupt
        Trainer.trained.update(wanted)
        return {key: self._score(key[0], one) for key, one in wanted.items()}

    def _score(self, trial: int, one: SeedWanted) -> SeedScore:
        if trial in self.failing:
            return SeedScore(None, "boom")
        algo = one.snapshot.config.algo
        good = -abs(math.log10(algo.learning_rate) + 3) - abs(getattr(algo, "update_epochs", 5) - 10) / 10
        return SeedScore(good + random.Random(one.seed).random())


@pytest.fixture
def searched(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(searching, "SeedTrainer", Trainer)
    Trainer.trained.clear()
    return project


def search(project: Project, text: str, name: str = "s") -> Any:
    project.write(f"sweeps/{name}.yaml", SEARCH + text)
    return run_search(project.root, read_sweep(project.root, name), 2, Told()).trials


def lines(project: Project, name: str = "s") -> bytes:
    return (project.root / "sweeps" / name / "trials.jsonl").read_bytes()


@pytest.mark.parametrize(
    "text", ["sampler: tpe\ntrials: 24\n", "sampler: sobol\ntrials: 16\n", "trials: 20\ncohort: 8\nparallel: 3\n"]
)
def test_interruptions_change_nothing(
    searched: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    search(searched, text)
    other = Project(tmp_path / "other")
    shutil.copytree(searched.root, other.root)
    shutil.rmtree(other.root / "sweeps" / "s")
    monkeypatch.setattr(Trainer, "chance", random.Random(1))
    interrupted = 0
    while True:
        try:
            search(other, text)
            break
        except Interrupted:
            interrupted += 1
    assert interrupted > 1
    assert lines(other) == lines(searched)


def test_seeds_go_to_the_better_half_and_the_config_is_the_first_trial(searched: Project) -> None:
    trials = search(searched, "sampler: sobol\ntrials: 16\n").trials()
    assert trials[0].settings == {}
    assert sorted(trial.seeds for trial in trials) == [1] * 8 + [2] * 4 + [4] * 4
    assert len(Trainer.trained) == 16 + 8 + 2 * 4
    assert {len(trial.values) for trial in trials if trial.state == "complete"} == {4}


def test_failures_stay_in_and_count_as_the_worst_seen(searched: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainer, "failing", frozenset({2, 3}))
    trials = search(searched, "sampler: random\ntrials: 8\n").trials()
    assert [(trial.state, trial.score, trial.error) for trial in trials[2:4]] == [("failed", None, "boom")] * 2
    assert all(trial.number not in (2, 3) for trial in trials if trial.seeds > 1)


def test_a_budget_of_steps_is_never_overdrawn(searched: Project) -> None:
    steps = 2048
    trials = search(searched, f"sampler: tpe\nbudget: {{steps: {40 * steps}}}\n")
    assert trials.ended
    assert sum(trial.seeds for trial in trials.trials()) == 40
    assert len(trials.asked) == 20  # two cohorts of 16 trainings, and one of 8
    nothing = search(searched, f"sampler: tpe\nbudget: {{steps: {steps - 1}}}\n", "none")
    assert not nothing.asked


def test_an_hour_that_is_over_ends_it_between_cohorts(searched: Project) -> None:
    trials = search(searched, "sampler: tpe\nbudget: {hours: 1e-9}\ncohort: 4\n")
    assert len(trials.asked) in (0, 4)


def test_more_trials_go_on_by_whole_cohorts_alone(searched: Project) -> None:
    search(searched, "sampler: tpe\ntrials: 16\n")
    search(searched, "sampler: tpe\ntrials: 24\n")
    search(searched, "sampler: tpe\ntrials: 24\n", "whole")
    assert lines(searched).count(b'"settings"') == 24
    asked = [trials_of(searched.root, name).asked for name in ("s", "whole")]
    assert asked[0] == asked[1]
    search(searched, "sampler: tpe\ntrials: 28\n")
    with pytest.raises(UsageError, match="its last cohort has 4 trials"):
        search(searched, "sampler: tpe\ntrials: 40\n")


def test_an_added_sampler_is_asked_and_told_in_order(searched: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    class Mine:
        def __init__(self, space: Any):
            self.space = space

        def ask(self, number: int) -> Mapping[str, Any] | None:
            calls.append(("ask", number))
            return None if number == 10 else self.space.at([number / 10, 0.5])

        def tell(self, number: int, value: float) -> None:
            calls.append(("tell", number))

    monkeypatch.setitem(SAMPLERS, "mine", SamplerRow("mine", "Mine.", Mine, cohort=4))
    trials = search(searched, "sampler: mine\ntrials: 100\nseeds: 1\n")
    assert len(trials.asked) == 11
    told = [("tell", number) for number in range(10)]
    asked = [("ask", number) for number in range(11)]
    assert calls == [*asked[:3], *told[:3], *asked[3:7], *told[3:7], *asked[7:], *told[7:]]
    monkeypatch.setitem(SAMPLERS, "mine", SamplerRow("mine", "Mine.", lambda space: replace(space, seed={}["x"])))
    with pytest.raises(PluginBroken, match="the sampler mine failed: KeyError"):
        search(searched, "sampler: mine\ntrials: 100\n", "broken")


def test_an_algorithm_that_the_environment_does_not_suit_is_refused_before_anything_runs(searched: Project) -> None:
    searched.write(
        "sweeps/s.yaml", "config: cartpole\nsampler: random\ntrials: 4\nsearch: {algo.name: {choices: [ppo, sac]}}\n"
    )
    with pytest.raises(ConfigError, match="sac"):
        run_search(searched.root, read_sweep(searched.root, "s"), 2, Told())
    assert not Trainer.trained


def test_settings_of_several_algorithms_are_asked_of_those_that_have_them(searched: Project) -> None:
    searched.write(
        "sweeps/s.yaml",
        "config: cartpole\nsampler: sobol\ntrials: 17\nsearch:\n  algo.name: {choices: [ppo, a2c]}\n"
        "  algo.learning_rate: {low: 1e-5, high: 1e-2, log: true}\n  algo.clip_range: {low: 0.1, high: 0.4}\n"
        "  policy: {choices: [mlp]}\n  algo.gamma: {low: 0.9, high: 0.99, when: {algo.name: ppo}}\n",
    )
    search_ = read_sweep(searched.root, "s")
    trials = run_search(searched.root, replace(search_, rungs=search_.rungs[:1]), 2, Told()).trials.trials()
    names = {trial.settings["algo.name"] for trial in trials[1:]}
    assert names == {"ppo", "a2c"}
    for trial in trials[1:]:
        is_ppo = trial.settings["algo.name"] == "ppo"
        assert ("algo.clip_range" in trial.settings, "algo.gamma" in trial.settings) == (is_ppo, is_ppo)
        assert trial.settings["policy.type"] == "mlp"


def test_the_journal_is_optunas_own(searched: Project) -> None:
    optuna = pytest.importorskip("optuna")
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    trials = search(searched, "sampler: tpe\ntrials: 8\n").trials()
    path = searched.root / "sweeps" / "s" / "optuna.log"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(str(path))))
    states = {trial.user_attrs["trial"]: trial.state.name for trial in study.trials}
    assert states == {trial.number: trial.state.upper() for trial in trials}
    assert max(study.best_trial.intermediate_values) == 4
    hidden = searched.git("status", "--short", "--untracked-files=all", "--", "sweeps/s")
    assert "trials.jsonl" in hidden
    assert "optuna" not in hidden
    assert "clock" not in hidden
