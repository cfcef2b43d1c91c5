"""Probes: values around nominal, connected safe ranges, environments that refuse, crash and hang."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings, strategies as st

from rlx.cli.study_evidence import probe as command
from rlx.errors import ConfigError, Missing, UsageError
from rlx.report import probe_lines, probe_picture, save_figure
from rlx.studies import Probe, canonical_json, parse_evidence, parse_parameter, plan_probe, reflect, run_probe
from rlx.studies.evidence.parameters import Parameter, planned, values_around, with_settings
from rlx.studies.evidence.safe_range import connected, lower_bound
from tests.conftest import Project
from tests.studies.evidence_run import trained

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100)
WIDTH = "env.kwargs.width=0.4:3.0"


@settings(deadline=None)
@given(low=finite, high=finite, count=st.integers(2, 101), name=st.from_regex(r"[a-z_][a-z0-9_]{0,10}", fullmatch=True))
def test_parameters_are_read_as_they_are_shown(low: float, high: float, count: int, name: str) -> None:
    if not low < high:
        return
    wanted = Parameter(f"env.kwargs.{name}", low, high, count)
    assert parse_parameter(str(wanted)) == wanted


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_parameter_or_refused_in_words(text: str) -> None:
    try:
        found = parse_parameter(text)
    except UsageError as error:
        assert str(error)
        return
    assert found.low < found.high
    assert math.isfinite(found.low)
    assert math.isfinite(found.high)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("env.kwargs.length", "has no `=`"),
        ("length=1:2", "write env.kwargs.length"),
        ("algo.gamma=0.9:1", "varies env.kwargs alone"),
        ("env.kwargs.length=2:1", "is not below"),
        ("env.kwargs.length=1", "KEY=LO:HI"),
        ("env.kwargs.length=1:2:3:4", "KEY=LO:HI"),
        ("env.kwargs.length=1:inf", "no finite number"),
        ("env.kwargs.length=1:1e999", "no finite number"),
        ("env.kwargs.length=1:2:1", "from 2 to 101"),
        ("env.kwargs.length=1:2:9.5", "from 2 to 101"),
        ("env.kwargs.l;rm=1:2", "varies env.kwargs alone"),
    ],
)
def test_what_is_no_parameter_is_told_with_its_cure(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_parameter(text)


def test_values_lie_around_nominal() -> None:
    linear = values_around(parse_parameter("env.kwargs.a=0.2:1.2"), 0.5, whole=False)
    assert linear == (0.2, 0.35, 0.5, 0.616667, 0.733333, 0.85, 0.966667, 1.08333, 1.2)
    logarithmic = values_around(parse_parameter("env.kwargs.a=0.01:100:5"), 1.0, whole=False)
    assert logarithmic == (0.01, 0.1, 1.0, 10.0, 100.0)
    whole = values_around(parse_parameter("env.kwargs.a=1:6"), 4, whole=True)
    assert whole == (1, 2, 3, 4, 5, 6)
    assert all(type(value) is int for value in whole)


@settings(deadline=None)
@given(low=finite, width=st.floats(1e-3, 1e9), place=st.floats(0, 1), count=st.integers(3, 40))
def test_nominal_and_both_ends_are_always_among_the_values(low: float, width: float, place: float, count: int) -> None:
    high = low + width
    nominal = min(high, max(low, low + place * width))
    if not low < high:
        return
    found = values_around(Parameter("env.kwargs.a", low, high, count), nominal, whole=False)
    assert {low, high, nominal} <= set(found)
    assert list(found) == sorted(set(found))
    assert len(found) <= count
    assert low <= found[0]
    assert found[-1] <= high


def test_nominal_comes_from_the_run_or_else_from_the_environment() -> None:
    asked = parse_parameter("env.kwargs.a=0:4:3")
    assert planned(asked, {}, {"a": 2}).values == (0, 2, 4)
    assert planned(asked, {"a": 1}, {"a": 2}).nominal == 1
    assert planned(asked, {"a": 1}, {"a": 0.5}).values == (0.0, 1.0, 4.0)  # declared with a fraction: not whole
    nested = planned(parse_parameter("env.kwargs.pole.length=0:1:3"), {"pole": {"length": 0.25}}, {})
    assert nested.values == (0.0, 0.25, 1.0)
    for kwargs, declared, told in (
        ({}, {"aa": 1}, "did you mean aa"),
        ({"a": True}, {}, "no number"),
        ({}, {"a": "x"}, "no number"),
    ):
        with pytest.raises(ConfigError, match=told):
            planned(asked, kwargs, declared)
    with pytest.raises(UsageError, match="must be whole"):
        planned(parse_parameter("env.kwargs.a=0.5:4"), {"a": 2}, {})
    with pytest.raises(UsageError, match="is not between"):
        planned(asked, {"a": 5}, {})
    with pytest.raises(UsageError, match="at least 3 values"):
        planned(parse_parameter("env.kwargs.a=0:4:2"), {"a": 2}, {})


def test_settings_change_only_what_they_name() -> None:
    kwargs = {"pole": {"length": 0.5, "mass": 1}, "wind": 0}
    assert with_settings(kwargs, {"env.kwargs.pole.length": 2.0}) == {"pole": {"length": 2.0, "mass": 1}, "wind": 0}
    assert kwargs["pole"] == {"length": 0.5, "mass": 1}


def test_a_safe_range_is_connected() -> None:
    found = connected((1, 2, 3, 4, 5, 6, 7), (True, False, True, True, True, False, True), 4)
    assert (found.safe, found.failing_below, found.failing_above, found.gaps) == ((3, 5), 2, 6, (1, 7))
    whole = connected((1, 2, 3), (True, True, True), 2)
    assert (whole.safe, whole.failing_below, whole.failing_above, whole.gaps) == ((1, 3), None, None, ())
    none = connected((1, 2, 3), (True, False, True), 2)
    assert (none.safe, none.gaps) == (None, (1, 3))


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=30), st.data())
def test_everything_inside_a_safe_range_passes_and_its_neighbours_do_not(
    passing: list[bool], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(passing) - 1))
    values = tuple(range(len(passing)))
    found = connected(values, passing, at)
    assert (found.safe is not None) == passing[at]
    if found.safe is not None:
        low, high = found.safe
        assert low <= at <= high
        assert all(passing[int(low) : int(high) + 1])
        assert low == 0 or not passing[int(low) - 1]
        assert high == len(values) - 1 or not passing[int(high) + 1]
        assert set(found.gaps) == {v for v in values if passing[v] and not low <= v <= high}


def test_the_bound_is_the_one_sided_t_bound() -> None:
    bound = lower_bound({1: 10.0, 2: 12.0, 3: 14.0})
    assert bound == pytest.approx(12 - 2.919986 * 2 / math.sqrt(3), abs=1e-5)  # t of 0.95 with 2 degrees of freedom
    assert lower_bound({1: 10.0}) is None


_made: dict[str, Path] = {}


@pytest.fixture
def hole(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a project with the trained run ``hole``, trained once for each process of tests."""
    if "root" not in _made:
        kept = tmp_path_factory.mktemp("hole") / "project"
        shutil.copytree(trained(project), kept, symlinks=True)
        _made["root"] = kept
        return project.root
    shutil.rmtree(project.root)
    shutil.copytree(_made["root"], project.root, symlinks=True)
    return project.root


def probed(root: Path, *texts: str) -> Probe:
    return run_probe(root, plan_probe(root, "hole", [parse_parameter(text) for text in texts], terms=(4, 0.8)))


def test_a_probe_finds_the_range_before_the_hole(hole: Path, tmp_path: Path) -> None:
    found = probed(hole, WIDTH)
    (width,) = found.parameters
    values = [point.settings["env.kwargs.width"] for point in width.points]
    assert values == [0.4, 0.7, 1.0, 1.33333, 1.66667, 2.0, 2.33333, 2.66667, 3.0]
    assert found.verdict == "holds"
    assert found.nominal.mean == 4.0
    assert found.random_return is not None
    assert found.threshold == found.random_return + 0.8 * (4.0 - found.random_return)
    assert width.safe == (0.7, 1.0)
    assert (width.first_failing_below, width.first_failing_above) == (0.4, 1.33333)
    assert width.gaps == (1.66667, 2.0, 2.33333)
    assert width.errors == (2.66667, 3.0)
    assert {f.message for f in width.points[-1].failures} == {
        "Hole-v0 cannot be made: ValueError: a width of 3.0 does not fit"
    }
    assert [point.success for point in width.points[2:4]] == [{1: 1.0, 2: 1.0}, {1: 0.0, 2: 0.0}]
    assert found.steps <= found.steps_bound
    assert canonical_json(probed(hole, WIDTH)) == canonical_json(found)
    assert parse_evidence(canonical_json(found)) == found
    assert str(hole) not in canonical_json(found).decode()
    words = "\n".join(line.text for line in probe_lines(found))
    assert "safe from 0.7 to 1 (nominal 1)" in words
    assert "not safe" in words
    save_figure(probe_picture(found), tmp_path / "probe.png")
    assert (tmp_path / "probe.png").read_bytes().startswith(b"\x89PNG")


def test_environments_that_crash_and_hang_fail_at_their_values_alone(hole: Path) -> None:
    found = probed(hole, "env.kwargs.level=1:5")
    (level,) = found.parameters
    assert [point.settings["env.kwargs.level"] for point in level.points] == [1, 2, 3, 4, 5]
    assert level.safe == (1, 3)
    assert level.errors == (4, 5)
    assert {failure.seed for failure in level.points[3].failures} == {1, 2}


def test_all_together_gives_no_safe_range_and_the_same_points_each_time(hole: Path) -> None:
    asked = [parse_parameter("env.kwargs.width=0.2:2.4:5"), parse_parameter("env.kwargs.level=1:3")]
    plan = plan_probe(hole, "hole", asked, "sobol", (2, 0.8))
    assert plan.points == plan_probe(hole, "hole", asked, "sobol", (2, 0.8)).points
    assert len(plan.points) == 16
    assert {type(point["env.kwargs.level"]) for point in plan.points} == {int}
    small = dataclasses.replace(plan, points=plan.points[:2])
    found = run_probe(hole, small)
    assert found.parameters == ()
    assert [point.settings for point in found.joint] == list(plan.points[:2])
    assert parse_evidence(canonical_json(found)) == found
    save_figure(probe_picture(found), hole / "joint.svg")


def test_one_seed_cannot_tell(hole: Path) -> None:
    metadata = hole / "runs" / "hole" / "metadata.json"
    content = json.loads(metadata.read_text())
    content["status"] = "failed"
    content["seeds"][1] |= {"status": "failed", "error": "it fell over", "failure": {"kind": "other", "step": 1}}
    metadata.write_text(json.dumps(content))
    found = probed(hole, "env.kwargs.width=0.9:1.1:3")
    assert found.seeds == (1,)
    assert found.verdict == "cannot-tell"
    assert "at least two" in found.reason
    assert found.parameters[0].safe is None
    assert {point.passes for point in found.parameters[0].points} == {None}


def test_a_plan_counts_and_plays_nothing(hole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlx.studies.evidence.probe.play_varied", None)
    plan = plan_probe(hole, "hole", [parse_parameter(WIDTH), parse_parameter("env.kwargs.level=1:3")])
    assert len(plan.points) == 8 + 2
    assert (
        plan.steps == (2 * 11 + 1) * 20 * 8
    )  # seeds × points with the task itself, random actions; 8 steps are the limit
    assert plan.command.endswith("--execute")
    with pytest.raises(UsageError, match="twice"):
        plan_probe(hole, "hole", [parse_parameter(WIDTH)] * 2)
    with pytest.raises(Missing):
        plan_probe(hole, "cartpole", [parse_parameter(WIDTH)])


def test_a_plan_is_for_the_policies_it_was_made_for(hole: Path) -> None:
    plan = plan_probe(hole, "hole", [parse_parameter(WIDTH)])
    seeds = hole / "runs" / "hole" / "checkpoints"
    shutil.copy(seeds / "seed_2" / "latest.zip", hole / "other.zip")
    (seeds / "seed_1" / "latest.zip").unlink()
    shutil.copy(hole / "other.zip", seeds / "seed_1" / "latest.zip")
    with pytest.raises(Missing, match="other policies"):
        run_probe(hole, plan)
    (seeds / "seed_1" / "latest.zip").unlink()
    with pytest.raises(Missing, match="final checkpoint of seed 1"):
        run_probe(hole, plan)


def test_code_that_changed_is_refused(hole: Path) -> None:
    plan = plan_probe(hole, "hole", [parse_parameter(WIDTH)])
    with (hole / "envs" / "hole.py").open("a") as file:
        file.write("CHANGED = 1\n")
    with pytest.raises(ConfigError, match=r"envs/hole\.py"):
        run_probe(hole, plan)


def test_a_run_without_held_out_episodes_is_reflected_with_its_policies(hole: Path) -> None:
    found = reflect(hole, "hole")
    plan = plan_probe(hole, "hole", [parse_parameter(WIDTH)])
    assert found.policies == plan.policies
    assert found.held_out == {}
    assert any("no held-out episodes" in sentence for sentence in found.not_looked_at)
    assert [part.name for part in found.components] == ["reward/right"]


def said(root: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.chdir(root)
    return CliRunner().invoke(command, arguments)


def in_a_study(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a study that lets everything pass pay for what is played."""
    import rlx.studies

    monkeypatch.setattr(rlx.studies, "study_of_probe", lambda *_: SimpleNamespace(name="hole/better"))
    monkeypatch.setattr(rlx.studies, "trainer_for", lambda _: None)
    monkeypatch.setattr(
        rlx.studies, "probe_in", lambda _, __, plan, ___, say: (run_probe(root, plan, say), "sha256:" + "1" * 64)
    )


def test_the_command_plans_before_it_plays(hole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = said(hole, monkeypatch, "hole", "-p", WIDTH)
    assert plan.exit_code == 0
    assert "Nothing was played" in plan.output
    assert all(len(line) <= 80 for line in plan.output.splitlines() if not line.startswith("`rlx"))
    told = json.loads(said(hole, monkeypatch, "hole", "-p", WIDTH, "--json").output)
    assert (told["executed"], told["steps"]) == (False, (2 * 9 + 1) * 20 * 8)
    refused = said(hole, monkeypatch, "hole", "-p", WIDTH, "--execute", "-o", "picture.doc")
    assert isinstance(refused.exception, UsageError)
    unpaid = said(hole, monkeypatch, "hole", "-p", WIDTH, "--execute")
    assert "no open study has 'hole' as its baseline" in str(unpaid.exception)
    in_a_study(hole, monkeypatch)
    played = said(
        hole, monkeypatch, "hole", "-p", "env.kwargs.width=0.9:1.1:3", "--episodes", "2", "--execute", "-o", "p.png"
    )
    assert played.exit_code == 0, played.output
    assert "safe from 0.9 to 1.1" in played.output
    assert (hole / "p.png").stat().st_size > 10_000


def test_failing_at_nominal_is_said_and_is_an_error(hole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rlx.studies.evidence import probe

    real = probe.play_varied

    def differing(*arguments: object) -> list[object]:
        """One of the two seeds forgot everything."""
        outcomes = real(*arguments)  # type: ignore[arg-type]
        worse = [dataclasses.replace(episode, episode_return=0.5) for episode in outcomes[1]]  # type: ignore[union-attr]
        return [outcomes[0], worse, *outcomes[2:]]

    monkeypatch.setattr(probe, "play_varied", differing)
    in_a_study(hole, monkeypatch)
    found = said(
        hole, monkeypatch, "hole", "-p", "env.kwargs.width=0.9:1.1:3", "--episodes", "2", "--execute", "--json"
    )
    told = parse_evidence(found.output.encode())
    assert found.exit_code == 1
    assert isinstance(told, Probe)
    assert told.verdict == "fails-at-nominal"
    assert told.parameters[0].safe is None
    assert told.parameters[0].gaps == (0.9, 1.1)


def test_the_command_says_what_a_parameter_lacks(hole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text, kind in (
        ("env.kwargs.widht=0:1", ConfigError),
        ("env.kwargs.name=0:1", ConfigError),
        ("width=0:1", UsageError),
    ):
        found = said(hole, monkeypatch, "hole", "-p", text)
        assert isinstance(found.exception, kind), text
    assert isinstance(command, click.Command)
