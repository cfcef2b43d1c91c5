"""Searches without training: spaces, samplers, halving, and the file of trials."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from rlx.errors import ConfigError, DataDamaged, Missing, UsageError
from rlx.experiments import (
    SAMPLERS,
    Header,
    Range,
    Result,
    Rung,
    Space,
    Sweep,
    TrialsFile,
    Tried,
    Variations,
    cohort_cost,
    plan,
    read_sweep,
    typed_sweep,
    with_steps,
)
from rlx.experiments.experiment_task import said
from rlx.experiments.sweeps.halving import mean_score, survivors
from rlx.records import lock_of
from tests.conftest import Project

SHARES = st.floats(0, 1, exclude_max=True)


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    if draw(st.booleans()):
        low = draw(st.integers(1, 1000))
        high = low + draw(st.integers(1, 1000))
        log = draw(st.booleans())
        return Range(low, high, log, None if log else draw(st.none() | st.integers(1, 7)))
    scale = draw(st.sampled_from([False, True, "from_one"]))
    low = draw(st.floats(1e-6, 0.4))
    return Range(low, draw(st.floats(0.5, 0.9999)), scale)


@given(ranges(), SHARES, SHARES)
def test_what_is_drawn_lies_in_the_range_and_rises_with_the_share(domain: Range, first: float, second: float) -> None:
    low, high = sorted((first, second))
    drawn = domain.at(low)
    assert domain.holds(drawn)
    assert isinstance(drawn, int) == domain.is_whole
    assert drawn <= domain.at(high)
    assert json.loads(json.dumps(drawn)) == drawn


def test_scales_are_what_they_say() -> None:
    assert Range(1e-5, 1e-1, log=True).at(0.5) == pytest.approx(1e-3)
    assert Range(0.9, 0.999, log="from_one").at(0.5) == pytest.approx(0.99)
    assert [Range(1, 3).at(share) for share in (0, 0.34, 0.67)] == [1, 2, 3]
    assert Range(0.0, 1.0, step=0.25).values == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert Range(1, 8, log=True).values is None


SPACE = Space(
    {
        "algo.name": ["ppo", "a2c"],
        "algo.learning_rate": Range(1e-5, 1e-2, log=True),
        "algo.clip_range": Range(0.1, 0.4),
        "algo.gamma": Range(0.9, 0.999, log="from_one"),
        "algo.update_epochs": Range(1, 20),
    },
    {"algo.clip_range": frozenset({"ppo"}), "algo.update_epochs": frozenset({"ppo"})},
    "ppo",
    seed=3,
)


def learner(name: str, space: Space, known: int) -> Any:
    pytest.importorskip("optuna") if name == "tpe" else None
    tried = [Tried(point, math.sin(n), 1) for n in range(known) if (point := space.at([0.1 * n % 1] * len(space)))]
    return SAMPLERS[name].make(Space(space.domains, space.only, space.name, space.seed, tried))


@pytest.mark.parametrize("name", ["sobol", "random", "tpe"])
def test_a_proposal_depends_on_the_seed_the_number_and_what_is_known_alone(name: str) -> None:
    asked = [learner(name, SPACE, 12).ask(number) for number in range(12)]
    one = learner(name, SPACE, 12)
    assert [one.ask(number) for number in reversed(range(12))] == asked[::-1]
    assert all(SPACE.holds(each) for each in asked)
    assert {each["algo.name"] for each in asked} == {"ppo", "a2c"}
    for each in asked:
        assert ("algo.clip_range" in each) == (each["algo.name"] == "ppo")
    other = Space(SPACE.domains, SPACE.only, SPACE.name, seed=4)
    assert [learner(name, other, 12).ask(number) for number in range(12)] != asked


def test_tpe_goes_where_good_trials_are() -> None:
    pytest.importorskip("optuna")
    space = Space({"x": Range(0.0, 1.0)}, seed=1)
    for number in range(40):
        point = SAMPLERS["tpe"].make(space).ask(number)
        space.tried.append(Tried(point, -abs(point["x"] - 0.7), 1))
    late = [tried.settings["x"] for tried in space.tried[20:]]
    assert sum(abs(x - 0.7) < 0.1 for x in late) > len(late) / 2


def test_a_grid_lists_every_combination_once_and_drops_what_an_algorithm_does_not_have() -> None:
    space = Space(
        {"algo.name": ["ppo", "a2c"], "algo.clip_range": [0.1, 0.2], "n": Range(1, 2)},
        {"algo.clip_range": frozenset({"ppo"})},
        "ppo",
    )
    grid, found = SAMPLERS["grid"].make(space), []
    while (point := grid.ask(len(found))) is not None:
        found.append(point)
    assert found == [
        *({"algo.name": "ppo", "algo.clip_range": clip, "n": n} for clip in (0.1, 0.2) for n in (1, 2)),
        *({"algo.name": "a2c", "n": n} for n in (1, 2)),
    ]


# --- Halving ---------------------------------------------------------------------------------------------------------

SCORES = st.dictionaries(st.integers(0, 50), st.none() | st.floats(-1e6, 1e6), min_size=1)


@given(SCORES, st.randoms())
def test_the_better_half_goes_on_whatever_the_order(scores: dict[int, float | None], random: Any) -> None:
    items = list(scores.items())
    random.shuffle(items)
    kept = survivors(dict(items))
    assert kept == survivors(scores)
    ended = {number: score for number, score in scores.items() if score is not None}
    assert len(kept) == min(math.ceil(len(scores) / 2), len(ended))
    assert all(ended[number] >= ended[other] for number in kept for other in ended.keys() - set(kept))


def test_a_seed_that_failed_counts_as_the_worst_seen() -> None:
    assert mean_score([10.0, None], worst=-30.0) == -10.0
    assert mean_score([None, None], worst=-30.0) is None
    assert mean_score([1.0, 2.0], worst=None) is None


def test_a_cohort_costs_what_its_rungs_train_anew() -> None:
    assert cohort_cost((Rung(1), Rung(2), Rung(4)), 8, 100) == 100 * (8 + 4 + 2 * 2)
    assert cohort_cost((Rung(5),), 20, 100) == 100 * 100
    assert cohort_cost((Rung(1, 50), Rung(1, 100)), 4, 100) == 4 * 50 + 2 * 100


# --- The file of trials ----------------------------------------------------------------------------------------------

HEADER = Header(
    "s", "cartpole", "abc", "def", (Rung(1), Rung(2, None)), "m", {"x": {"low": 0.0, "high": 1.0}}, {"x": 0.5}
)


def written(folder: Path) -> TrialsFile:
    file = TrialsFile(folder)
    trials = file.open(HEADER)
    file.ask(trials, {n: {"x": n / 10} if n else {} for n in range(4)}, 0)
    file.note(trials, [Result(n, 0, (float(n),)) for n in (3, 1, 0)] + [Result(2, 0, (None,), "boom")])
    file.note(trials, [Result(3, 1, (3.0, 5.0)), Result(1, 1, (1.0, None), "late")])
    return file


def test_trials_are_read_back_as_they_stand(tmp_path: Path) -> None:
    found = written(tmp_path).read()
    states = {trial.number: (trial.state, trial.score, trial.seeds) for trial in found.trials()}
    assert states == {0: ("pruned", 0.0, 1), 1: ("complete", 0.5, 2), 2: ("failed", None, 1), 3: ("complete", 4.0, 2)}
    assert [trial.number for trial in found.ranked()] == [3, 1, 0, 2]
    assert found.going_on(0, 1) == [1, 3]


FOUR: dict[str, Any] = {
    "algo.learning_rate": 0.00417145123456,
    "algo.batch_size": 128,
    "algo.gamma": 0.9999612345,
    "algo.gae_lambda": 0.9512345678,
}


def searched(project: Project) -> dict[str, Any]:
    """Leave a search in a project that tried four settings and was killed; returns its JSON."""
    file = TrialsFile(project.root / "sweeps/four")
    header = Header(**{**vars(HEADER), "sweep": "four", "space": {key: {"low": 0.0, "high": 200.0} for key in FOUR}})
    trials = file.open(header)
    file.ask(trials, {0: {}, 1: FOUR}, 0)
    file.note(trials, [Result(1, 0, (180.25,))])
    return json.loads(project.rlx("ls", "--sweep", "four", "--json").stdout)


def test_a_table_of_many_settings_breaks_no_number(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    found = searched(project)
    assert found["trials"][1]["settings"] == FOUR
    lines = project.rlx("ls", "--sweep", "four").stdout.splitlines()
    assert all(len(line) <= 80 for line in lines)
    (row,) = (index for index, line in enumerate(lines) if "180.2" in line)
    assert lines[row].split() == ["1", "1", "stopped", "1", "180.2"]
    under = " ".join(" ".join(lines[row + 1 :]).split())
    assert under.startswith("learning_rate 0.004171, batch_size 128, gamma 0.99996, gae_lambda 0.9512")
    monkeypatch.setenv("COLUMNS", "120")
    head = project.rlx("ls", "--sweep", "four").stdout.splitlines()[1]
    assert head.split()[5:] == ["learning_rate", "batch_size", "gamma", "gae_lambda"]


def test_a_search_that_nobody_makes_has_no_trials_that_run(project: Project) -> None:
    assert [trial["state"] for trial in searched(project)["trials"]] == ["stopped", "stopped"]
    with lock_of(project.root, "four.search"):
        for form, count in (("--csv", 2), ("--md", 2), ("--json", 2)):
            assert project.rlx("ls", "--sweep", "four", form).stdout.count("running") == count
    for form in ("--csv", "--md"):
        told = project.rlx("ls", "--sweep", "four", form).stdout
        assert ("running" in told, told.count("stopped")) == (False, 2)


@given(cut=st.integers(0, 600))
def test_a_cut_file_is_gone_on_with_from_its_last_whole_line(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("trials")
    file = written(folder)
    text = file.path.read_bytes()
    file.path.write_bytes(text[: max(0, len(text) - cut)])
    found = file.open(HEADER)
    whole = text[: max(0, len(text) - cut)].rpartition(b"\n")[0]
    assert file.path.read_bytes().startswith(whole)
    assert file.path.read_bytes().endswith(b"\n")
    assert set(found.asked) == set(range(len(found.asked)))


def test_a_file_of_another_search_is_refused_and_kept(tmp_path: Path) -> None:
    file = written(tmp_path)
    before = file.path.read_bytes()
    for name, told in (
        ("identity", "another version of the sweep file"),
        ("start", "another state of configs/cartpole"),
    ):
        with pytest.raises(UsageError, match=f"trials.jsonl:1: is of {told}.*--restart"):
            file.open(Header(**{**vars(HEADER), name: "other"}))
    assert file.path.read_bytes() == before
    file.begin(HEADER)
    assert (tmp_path / "trials.1.jsonl").read_bytes() == before
    with pytest.raises(Missing):
        TrialsFile(tmp_path / "none").read()


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "{}", '{"trial": 9, "settings": {}, "cohort": 0}', '{"trial": 0, "rung": 0, "values": [NaN]}',
     '{"trial": 0, "rung": 5, "values": [1]}', '{"trial": 77, "rung": 0, "values": [1]}', "\\x00", '{"confirmed": 3}',
     '{"trial": 1, "rung": 0, "values": [1e999]}', '{"trial": {}, "settings": {}}'],
)  # fmt: skip
def test_a_line_that_is_none_is_named(line: str, tmp_path: Path) -> None:
    file = written(tmp_path)
    with file.path.open("a") as end:
        end.write(line + "\n")
    with pytest.raises(DataDamaged, match=r"trials.jsonl:12: .*; take the file from"):
        file.read()


# --- The file of a sweep ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose sweep's file each test writes, and nothing else."""
    folder = tmp_path_factory.mktemp("search") / "project"
    shutil.copytree(fresh.root, folder)
    return Project(folder)


def refused(project: Project, text: str) -> str:
    project.write("sweeps/s.yaml", f"config: cartpole\n{text}\n")
    with pytest.raises(ConfigError) as told:
        read_sweep(project.root, "s")
    return str(told.value)


def setting(text: str) -> str:
    return f"sampler: random\ntrials: 4\nsearch:\n  {text}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (setting("algo.gamma: {low: 0.99, high: 0.9}"), r"s.yaml:5:21: .*low: must be below high"),
        (setting("algo.gamma: {low: 0.9, high: 0.9}"), "must be below high"),
        (setting("algo.entropy_coef: {low: 0, high: 0.1, log: true}"), r"s.yaml:5:28: .*a log scale begins above 0"),
        (setting("algo.gamma: {low: 0.9, high: 1.0, log: from_one}"), "ends below 1, not at 1.0"),
        (setting("algo.gamma: {low: 0.9, high: 2}"), r"s.yaml:5:32: .*high: must be at most 1"),
        (setting("algo.gamma: {low: 0.9, high: 0.99, stp: 1}"), "unknown key; did you mean step"),
        (setting("algo.gamma: {low: 0.9, high: 0.99, log: 3}"), "must be true, false or from_one"),
        (setting("algo.gamma: {low: 0.9, high: 0.99, step: 0}"), "must be above 0"),
        (setting("algo.gamma: {low: 0.9, high: 0.99, step: 1}"), r"s.yaml:5:44: .*step: is larger than the range"),
        ("grid: {seed: [1, 2]}", r"s.yaml:2:\d+: grid.seed: seeds are no setting to compare"),
        ("steps: [1000, 2048]\n" + setting("algo.learning_rate: {choices: [lin_0.001, 0.01]}"), "moves over the whole"),
        ("steps: [1000, 2048]\n" + setting("algo.name: {choices: [ppo, dqn]}"), "dqn's exploration moves over the whole"),
        (setting("algo.gamma: {low: 0.9, high: 0.99, step: 0.01, log: true}"), "leave out one of them"),
        (setting("algo.gamma: {low: '0.9', high: 0.99}"), "must be a number, not '0.9'"),
        (setting("algo.gamma: 0.9"), r"must be `\{low"),
        (setting("algo.gamma: {choices: []}"), "must be a list of numbers"),
        (setting("algo.gamma: {choices: [0.9, 0.9]}"), "lists a value twice"),
        (setting("algo.gamma: {choices: [[0.9]]}"), "must be a list of numbers"),
        (setting("algo.gamma: {choices: [0.9, x]}"), r"choices.1: must be a (positive )?number, not 'x'"),
        (setting("algo.update_epochs: {low: 1.0, high: 9.0}"), "must be a whole number"),
        (setting("algo.buffer_size: {low: 10, high: 100}"), "is a setting of dqn .*not of ppo"),
        (setting("algo.gama: {low: 0.9, high: 0.99}"), "did you mean algo.gamma"),
        (setting("algo.name: {choices: [ppo, pp0]}"), "'pp0' is not allowed"),
        (setting("algo.gamma: {low: 0.9, high: 0.99, when: {algo.name: sac}}"), "no algorithm of this search"),
        (setting("algo.gamma: {low: 0.9, high: 0.99, when: sac}"), "must be such as"),
        (setting("seed: {low: 1, high: 9}"), "a training seed is no setting"),
        (setting("num_seeds: {low: 1, high: 9}"), "how many seeds a trial has"),
        (setting("env.id: {choices: [CartPole-v1, Acrobot-v1]}"), "scored on different tasks"),
        (setting("eval.episodes: {low: 1, high: 9}"), "the same for all"),
        (setting("algo.total_timesteps: {low: 100, high: 900}"), "compared at one budget"),
        ("trials: 4\nsampler: rndom\ngrid: {algo.gamma: [0.9]}", r"s.yaml:3:10: sampler: .*did you mean random"),
        ("trials: 4\nsampler: grid\nsearch: {algo.gamma: {low: 0.9, high: 0.99}}", "a grid needs its values"),
        ("sampler: random\nsearch: {algo.gamma: {low: 0.9, high: 0.99}}", "has no end; .*trials: 40"),
        ("trials: 4\ngrid: {algo.gamma: [0.9]}\nsearch: {algo.gamma: {low: 0.9, high: 0.99}}", "stands beside `grid`"),
        ("trials: 4\nnum_seeds: 3\ngrid: {algo.gamma: [0.9]}", "the trials of a search have `seeds`"),
        ("trials: 4\nseeds: [2, 1]\ngrid: {algo.gamma: [0.9]}", "must rise"),
        ("trials: 4\nseeds: [2, 2]\ngrid: {algo.gamma: [0.9]}", "two rungs that are the same"),
        ("trials: 4\nseeds: 0\ngrid: {algo.gamma: [0.9]}", "seeds"),
        ("trials: 4\nsteps: [100, 200]\ngrid: {algo.gamma: [0.9]}", "must end with the config's own budget"),
        ("trials: 4\nsteps: [100, 200]\nseeds: [1, 2, 3]\ngrid: {algo.gamma: [0.9]}", "has 2 rungs, and seeds has 3"),
        ("trials: 0\ngrid: {algo.gamma: [0.9]}", "trials: must be at least 1"),
        ("trials: 9\ncohort: 4\nparallel: 5\ngrid: {algo.gamma: [0.9]}", "at most the cohort"),
        ("budget: {steps: 0}\nsampler: random\nsearch: {algo.gamma: {low: 0.9, high: 0.99}}", "budget.steps"),
        ("trials: 4\nconfirm: {top: 3, seds: 4}\ngrid: {algo.gamma: [0.9]}", "did you mean `seeds`"),
        ("trials: 4", "has no grid"),
    ],
)  # fmt: skip
def test_a_search_that_cannot_be_is_refused_with_its_line(shared: Project, text: str, told: str) -> None:
    message = refused(shared, text)
    assert re.search(told, message), message
    assert message.startswith("sweeps/s.yaml")


def test_steps_are_no_rungs_where_a_schedule_spans_the_budget(project: Project) -> None:
    project.write("configs/moving.yaml", "algo: {learning_rate: {start: 0.001, end: 0.0}}\n")
    project.write("sweeps/s.yaml", "config: moving\ntrials: 4\nsteps: [1000, 2048]\ngrid: {algo.gamma: [0.9]}\n")
    with pytest.raises(ConfigError, match="learning_rate moves over the whole budget"):
        read_sweep(project.root, "s")
    project.write("sweeps/s.yaml", "config: cartpole\ntrials: 4\nsteps: [1000, 2048]\ngrid: {algo.gamma: [0.9]}\n")
    assert read_sweep(project.root, "s").rungs == (Rung(1, 1000), Rung(1, 2048))


def test_a_missing_extra_is_refused_with_the_command(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    project.write("sweeps/s.yaml", "config: cartpole\ntrials: 4\nsearch: {algo.gamma: {low: 0.9, high: 0.99}}\n")
    with pytest.raises(ConfigError, match=r"s.yaml:3:1: .*pip install 'rlx\[optuna\]'"):
        read_sweep(project.root, "s")


def test_what_decides_trials_is_their_identity(project: Project) -> None:
    def identity(text: str) -> str:
        project.write("sweeps/s.yaml", f"config: cartpole\nsampler: random\n{text}\n")
        return read_sweep(project.root, "s").identity

    search = "search: {algo.gamma: {low: 0.9, high: 0.99}}"
    one = identity(f"trials: 16\ncohort: 8\n{search}")
    assert identity(f"trials: 24\ncohort: 8\nconfirm: {{top: 2}}\n{search}") == one
    assert identity(f"trials: 16\ncohort: 8\nseed: 1\n{search}") != one
    assert identity(f"trials: 16\n{search}") != identity(f"trials: 17\n{search}")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"algo.learning_rate": 0.002, "algo.gamma": 0.9},
        {"algo.batch_size": 64, "algo.rollout_steps": 64},
        {"algo.learning_rate": 1},
        {"policy.type": "cnn", "algo.gamma": 0.5},
        {"algo.name": "a2c", "algo.gamma": 0.5},
        {"algo.batch_size": 48},
        {"env.num_envs": 4},
    ],
)
def test_a_trial_trains_what_the_same_settings_typed_would(shared: Project, settings: Mapping[str, Any]) -> None:
    from rlx.config import as_setting

    def typed() -> Any:
        try:
            return plan(shared.root, "cartpole", [as_setting(key, value) for key, value in settings.items()]).snapshot
        except ConfigError:
            return None

    variations = Variations.of(shared.root, "cartpole")
    (found,) = variations.snapshots([settings])
    expected = typed()
    assert isinstance(found, str) == (expected is None)
    assert expected is None or found.training_part() == expected.training_part()


def test_a_rung_of_steps_changes_the_budget_alone(project: Project) -> None:
    base = plan(project.root, "cartpole", []).snapshot
    assert with_steps(base, None) == base
    assert with_steps(base, 1024) == plan(project.root, "cartpole", ["algo.total_timesteps=1024"]).snapshot


# --- Typed on the command line -----------------------------------------------------------------------------------------


def points(project: Project, settings: Sequence[str], config: str = "cartpole") -> tuple[dict[str, Any], ...]:
    found = typed_sweep(project.root, config, settings, 3)
    assert isinstance(found, Sweep)
    assert (found.name, found.config, found.num_seeds) == (config, config, 3)
    return found.points


def test_values_are_listed_as_hydra_lists_them(shared: Project) -> None:
    assert points(shared, ["algo.gamma=0.9,0.99", "policy.type=mlp,cnn"]) == tuple(
        {"algo.gamma": gamma, "policy.type": kind} for gamma in (0.9, 0.99) for kind in ("mlp", "cnn")
    )
    assert [point["algo.update_epochs"] for point in points(shared, ["algo.update_epochs=range(1,4)"])] == [1, 2, 3]
    assert [point["algo.gamma"] for point in points(shared, ["algo.gamma=choice(0.9,0.5)"])] == [0.9, 0.5]


def test_files_of_groups_are_named_as_they_are_typed(shared: Project) -> None:
    settings = ["env=cartpole,acrobot", "algo=lunarlander", "policy.type=mlp"]
    found = typed_sweep(shared.root, "cartpole", settings, 3)
    assert isinstance(found, Sweep)
    assert found.points == tuple(
        {"env": name, "algo": "lunarlander", "policy.type": "mlp"} for name in ("cartpole", "acrobot")
    )
    ids, plans = [], [plan(shared.root, "cartpole", found.overrides(point)) for point in found.points]
    for each in plans:
        ids.append(each.snapshot.config.env.id)
        assert each.snapshot.config.algo.total_timesteps == 1_000_000  # of configs/algo/lunarlander.yaml
    assert ids == ["CartPole-v1", "Acrobot-v1"]
    assert plans[1].judging.threshold == -100.0


def test_refusals_name_settings_as_they_were_typed(shared: Project) -> None:
    refused = shared.rlx("sweep", "cartpole", "algo.gama=0.9,0.99", check=False)
    assert refused.returncode == 3
    assert "error: algo.gama=0.9: there is no setting 'algo.gama'; did you mean algo.gamma?" in refused.stdout


def test_a_sweep_that_is_not_made_yet_is_told_with_what_makes_it(project: Project) -> None:
    project.write("sweeps/rates.yaml", "config: cartpole\ngrid: {algo.gamma: [0.9, 0.99]}\n")
    refused = project.rlx("ls", "--sweep", "rates", check=False)
    assert refused.returncode == 4
    assert "nothing of the sweep rates is made yet; `rlx sweep rates` makes it" in refused.stdout


def test_why_a_point_failed_is_no_warning_and_no_sink(tmp_path: Path) -> None:
    (tmp_path / "said").write_text(
        "crash: warning: failed in step 41: ValueError: now and then\n"
        "crash: the sink mlflow is left out from here on: ConnectionError: refused; metrics.jsonl has every row\n"
        "crash: seed 101 failed at step 41: ValueError: for good\n"
    )
    assert said(tmp_path / "said") == "crash: seed 101 failed at step 41: ValueError: for good"


def test_points_that_are_scored_on_something_else_are_told_beforehand(shared: Project) -> None:
    shown = shared.rlx("sweep", "cartpole", "env=cartpole,acrobot", "algo.gamma=0.9,0.99", "--dry-run")
    heard = " ".join(shown.stdout.split())
    assert "2 of its 4 points are scored on something else than the config itself (Acrobot-v1)" in heard
    assert "defaults" not in heard
    assert "Beware" not in shared.rlx("sweep", "cartpole", "algo.gamma=0.9,0.99", "--dry-run").stdout


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["seed=1,2"], "`--seeds N`"),
        (["num_seeds=1,2"], "`--seeds N`"),
        (["algo.gamma"], "must be KEY=VALUES"),
        (["=3"], "must be KEY=VALUES"),
        (["algo.gamma="], "^algo.gamma=: must be KEY=VALUES"),
        (["algo.gamma=0.9,0.9"], "lists a value twice"),
        (["algo.gamma=0.9", "algo.gamma=0.8"], "is given twice"),
        (["algo.gamma=interval(0.9,0.99)"], "a range is searched"),
        (["algo.gamma=[0.9"], "cannot be read"),
        (["algo.update_epochs=range(1,2000)"], "at most 1,000"),
    ],
)
def test_what_cannot_be_tried_is_refused(shared: Project, settings: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        points(shared, settings)


def test_a_name_is_a_sweep_or_a_config_and_not_both(project: Project) -> None:
    with pytest.raises(Missing, match="did you mean cartpole"):
        points(project, ["algo.gamma=0.9"], "cartpol")
    with pytest.raises(
        ConfigError, match=r"no configs/env/acrobat\.yaml \(env\.id=… needs none\); did you mean acrobot\?"
    ):
        points(project, ["env=acrobat"])
    project.write("sweeps/cartpole.yaml", "config: cartpole\ngrid: {algo.gamma: [0.9]}\n")
    with pytest.raises(UsageError, match="rename the file"):
        points(project, ["algo.gamma=0.9"])
    with pytest.raises(Missing, match=r"rlx sweep cartpole_epochs algo\.gamma=0\.98,0\.99"):
        read_sweep(project.root, "cartpole_epochs")
