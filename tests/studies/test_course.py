"""How a search goes, with scores that a function gives instead of trainings."""

from __future__ import annotations

import json
import math
import random
import shutil
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from rlx.errors import ConfigError, Interrupted, PluginBroken, TrainingFailed, UsageError
from rlx.experiments import SAMPLERS, SamplerRow, answered, read_sweep, trials_of
from rlx.launch import (
    CANCELLED,
    ENGINE_AWAY,
    NODE_LOST,
    SOFTWARE,
    TIME_LIMIT,
    Cause,
    ExecutorRow,
    Failure,
    Sight,
    Task,
)
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


def test_a_grid_tries_the_config_itself_once(searched: Project) -> None:
    own = "algo.gamma: {choices: [0.9, 0.98]}, algo.update_epochs: {choices: [4, 5]}"
    searched.write("sweeps/s.yaml", f"config: cartpole\nsampler: grid\nseeds: 1\nsearch: {{{own}}}\n")
    search = read_sweep(searched.root, "s")
    trials = run_search(searched.root, search, 2, Told()).trials
    assert (search.trials, len(trials.asked)) == (4, 4)
    assert [settings for settings, _ in trials.asked.values()].count({}) == 1
    assert trials.header.own not in [settings for settings, _ in trials.asked.values()]


@pytest.mark.parametrize("sampler", ["random", "sobol"])
def test_hours_end_a_search_of_any_sampler_between_cohorts(searched: Project, sampler: str) -> None:
    trials = search(searched, f"sampler: {sampler}\ntrials: 40\nbudget: {{hours: 1e-9}}\n")
    assert len(trials.asked) in (0, 8)


def test_a_budget_that_had_room_for_nothing_can_be_raised(searched: Project) -> None:
    assert not search(searched, "budget: {steps: 10}\n").asked
    assert search(searched, f"budget: {{steps: {16 * 2048}}}\n").asked


def test_a_search_that_was_refused_begins_from_the_project_as_it_is_then(searched: Project) -> None:
    text = "config: cartpole\nsampler: random\ntrials: 4\nseeds: 1\nsearch: {algo.gamma: {choices: [0.9, 0.99]}%s}\n"

    def made(more: str = "") -> Any:
        searched.write("sweeps/s.yaml", text % more)
        return run_search(searched.root, read_sweep(searched.root, "s"), 2, Told()).start.config.algo.learning_rate

    def changed(rate: str) -> None:
        searched.write("configs/cartpole.yaml", f"{before}\nalgo: {{learning_rate: {rate}}}\n")

    before = (searched.root / "configs/cartpole.yaml").read_text()
    left = searched.root / ".dvc/tmp/rlx-workplaces/s.search"
    with pytest.raises(ConfigError, match="sac"):
        made(", algo.name: {choices: [ppo, sac]}")
    assert not left.exists()
    changed("0.007")
    assert made() == 0.007
    changed("0.008")
    with pytest.raises(UsageError, match=r"another state of configs/cartpole.yaml.*rlx sweep s --restart"):
        made()
    assert not left.exists()
    changed("0.007")
    assert made() == 0.007


def test_one_that_is_interrupted_goes_on_in_what_it_began_in(
    searched: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "sampler: random\ntrials: 4\nseeds: 1\n"
    before = (searched.root / "configs/cartpole.yaml").read_text()
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train", lambda *_: {}["stop"])
        with pytest.raises(KeyError):
            search(searched, text)
    searched.write("configs/cartpole.yaml", f"{before}\nalgo: {{learning_rate: 0.007}}\n")
    search(searched, text)
    assert json.loads(lines(searched).splitlines()[0])["own"]["algo.learning_rate"] != 0.007


def test_a_changed_file_is_told_with_what_changed(searched: Project) -> None:
    search(searched, "trials: 4\nsampler: random\n")
    with pytest.raises(UsageError, match=r"changed: rungs\)"):
        search(searched, "trials: 4\nsampler: random\nseeds: [1, 2]\n")
    searched.write("sweeps/s.yaml", SEARCH.replace("1e-2", "1e-3") + "trials: 4\nsampler: random\n")
    with pytest.raises(UsageError, match=r"changed: algo.learning_rate\); `rlx sweep s --restart`"):
        run_search(searched.root, read_sweep(searched.root, "s"), 2, Told())


def test_every_search_selects_and_confirms_on_seeds_of_its_own(searched: Project) -> None:
    searched.write("sweeps/s.yaml", SEARCH + "trials: 4\nsampler: random\n")
    first = read_sweep(searched.root, "s")
    others = [replace(first, name="t"), replace(first, seed=1)]
    fresh = [first.fresh_seed("a"), first.fresh_seed("b"), *(other.fresh_seed("a") for other in others)]
    chosen = [first.selection_seeds("a"), first.selection_seeds("b"), *(other.selection_seeds("a") for other in others)]
    assert len({*fresh, *(seeds[0] for seeds in chosen)}) == 8
    assert all(1_000_000 <= seeds[0] < 2_000_000 <= seed < 3_000_000 for seeds, seed in zip(chosen, fresh, strict=True))
    assert first.fresh_seed("a") == first.fresh_seed("a")


@pytest.mark.parametrize(
    ("value", "taken"), [(np.int64(3), 3), (np.float32(0.5), 0.5), (math.nan, None), (object(), None), (1j, None)]
)
def test_what_an_added_sampler_asks_for_is_taken_as_plain_values(value: Any, taken: float | None) -> None:
    row = SamplerRow("mine", "Mine.", Trainer)
    if taken is not None:
        found = answered(row, {"algo.update_epochs": value}, "trial 1")
        assert (found, type(found["algo.update_epochs"])) == ({"algo.update_epochs": taken}, type(taken))
        return
    with pytest.raises(PluginBroken, match=r"the sampler mine asks for .* at trial 1; values must be"):
        answered(row, {"algo.update_epochs": value}, "trial 1")


@pytest.mark.parametrize("kind", [ENGINE_AWAY, NODE_LOST, SOFTWARE, CANCELLED, TIME_LIMIT])
def test_trouble_where_it_trains_is_no_result_of_a_trial(
    project: Project, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """And once it is over the same command goes on."""

    class Away:
        pause, tries = 0.0, 1

        def __init__(self) -> None:
            self.seen: set[str] = set()

        def attach(self, tasks: Sequence[Task]) -> set[str]:
            return set()

        def submit(self, tasks: Sequence[Task]) -> None:
            self.seen |= {task.key for task in tasks}

        def look(self) -> Mapping[str, Sight]:
            failure = Failure("no answer", "no answer", Cause(kind))
            return {key: Sight("gone", "no answer", failure=failure, final=True) for key in self.seen}

        def cancel(self, keys: Iterable[str]) -> None:
            pass

        def close(self) -> None:
            pass

    monkeypatch.setattr("rlx.studies.seeds.chosen_executor", lambda _: ExecutorRow("away", "Away.", lambda _: Away()))
    with pytest.raises(TrainingFailed, match=rf"trial 0, seed \d+: no answer \({kind}\); .*the same command goes on"):
        search(project, "sampler: random\ntrials: 4\nseeds: 1\n")
    assert b'"values"' not in lines(project)
    monkeypatch.setattr(searching, "SeedTrainer", Trainer)
    assert search(project, "sampler: random\ntrials: 4\nseeds: 1\n").ended


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
