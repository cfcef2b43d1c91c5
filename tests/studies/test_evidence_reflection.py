"""Reflections of runs whose parts of the reward are known exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from rlx.cli.study_evidence import reflect as command
from rlx.config import RunConfig
from rlx.diagnosis import HeldOutEpisodes, RunRecord, SeedRecord, TaskFacts
from rlx.errors import Missing, UsageError
from rlx.report import reflection_grid, reflection_lines
from rlx.studies import ComponentReflection, Reflection, canonical_json, parse_evidence, reflect, reflection_of
from rlx.studies.evidence.trends import rank_correlation, slopes, theil_sen, trend
from tests.conftest import Project

UPDATES = 100
X = np.linspace(0, 1, UPDATES)
STEPS = np.arange(1, UPDATES + 1) * 1000


def seed(number: int, held_out: float = 100.0, **metrics: Any) -> SeedRecord:
    """A seed with what is given of ``group__name``."""
    values = {
        "rollout/return_mean": 10 + 90 * X,
        "rollout/length_mean": np.full(UPDATES, 50.0),
        "rollout/episodes": np.full(UPDATES, 10.0),
        "validation/return_mean": 20 + 80 * X,
    }
    values |= {name.replace("__", "/"): np.broadcast_to(np.asarray(v, float), UPDATES) for name, v in metrics.items()}
    played = HeldOutEpisodes(np.full(20, held_out), np.full(20, 50.0) + np.arange(20))
    return SeedRecord(number, STEPS, values, held_out=played)


def reflected(*seeds: SeedRecord, random: float | None = 10.0) -> Reflection:
    config = RunConfig.model_validate({"env": {"id": "Any-v0"}, "algo": {"total_timesteps": 100_000}})
    rng = np.random.default_rng(0)
    played = None if random is None else HeldOutEpisodes(random + rng.normal(0, 1, 50), 50 + rng.normal(0, 1, 50))
    facts = TaskFacts(max_entropy=0.7, episode_limit=500)
    return reflection_of(RunRecord("a", config, "finished", seeds, played, facts, len(seeds)), {1: "00"}, "hash")


def part(found: Reflection, name: str) -> ComponentReflection:
    return next(each for each in found.components if each.name == name)


def test_components_with_known_trends() -> None:
    found = reflected(
        *(
            seed(
                number,
                held_out=90.0 + number,
                reward__goal=10 + 80 * X + number,
                reward__cost=-2 - 3 * X,
                reward__tiny=0.1,
                reward__early=np.minimum(10 * X, 2.0),
            )
            for number in range(5)
        )
    )
    goal, cost, tiny, early = (part(found, f"reward/{name}") for name in ("goal", "cost", "tiny", "early"))
    assert found.components[0] == goal
    assert goal.trend == "rising"
    assert goal.slopes[0] == pytest.approx(80 / (STEPS[-1] - STEPS[0]) * 1000, rel=1e-3)
    assert (cost.trend, cost.slopes[0] < 0) == ("falling", True)
    assert (tiny.trend, tiny.slopes[0], tiny.ignored) == ("none", 0.0, True)
    assert (early.saturated, goal.saturated) == (True, False)
    assert goal.dominates
    assert goal.share == pytest.approx(82 / (82 + 4.6 + 0.1 + 2), abs=0.01)
    assert sum(each.share for each in found.components) == pytest.approx(1, abs=0.02)
    assert goal.with_validation_over_windows == pytest.approx(1.0)
    assert cost.with_validation_over_windows == pytest.approx(-1.0)
    assert goal.with_held_out_over_seeds == pytest.approx(1.0)
    assert tiny.with_validation_over_windows is None
    assert (found.return_trend, found.validation_trend, found.success_trend) == ("rising", "rising", None)
    assert (found.hacking_risk, found.fired) == ("low", ())
    assert found.held_out == {number: 90.0 + number for number in range(5)}
    assert parse_evidence(canonical_json(found)) == found


def test_a_trade_is_a_medium_risk() -> None:
    found = reflected(*(seed(n, reward__shown=50 * X, reward__done=30 - 30 * X) for n in range(5)))
    assert (part(found, "reward/shown").traded, part(found, "reward/done").traded) == ("gained", "lost")
    assert [clause.clause for clause in found.fired] == ["component-falls"]
    assert found.hacking_risk == "medium"


def test_success_that_falls_as_the_return_rises_is_a_high_risk() -> None:
    found = reflected(*(seed(n, rollout__success_rate=np.clip(1.2 - 1.2 * X, 0, 1)) for n in range(5)))
    assert (found.hacking_risk, found.success_trend) == ("high", "falling")
    assert "success-falls" in [clause.clause for clause in found.fired]


def test_a_validation_return_that_falls_as_training_rises_is_a_high_risk() -> None:
    found = reflected(*(seed(n, validation__return_mean=100 - 80 * X) for n in range(5)))
    assert [(clause.clause, clause.risk) for clause in found.fired] == [("held-out-falls", "high")]
    both = reflected(
        *(seed(n, rollout__return_mean=100 - 80 * X, validation__return_mean=100 - 80 * X) for n in range(5))
    )
    assert both.hacking_risk == "low"


def test_length_without_return_is_a_medium_risk() -> None:
    flat = 10 + 0.2 * np.sin(40 * X)
    found = reflected(*(seed(n, 10.0, rollout__return_mean=flat, rollout__length_mean=50 + 400 * X) for n in range(5)))
    assert ("length-without-return", "medium") in [(clause.clause, clause.risk) for clause in found.fired]


def test_a_trend_needs_four_of_five_seeds() -> None:
    def made(falling: int) -> Reflection:
        rows = [seed(n, reward__a=10 * X if n >= falling else 10 - 10 * X, reward__b=5 + X) for n in range(5)]
        return reflected(*rows)

    assert part(made(1), "reward/a").trend == "rising"
    assert part(made(2), "reward/a").trend == "none"
    assert part(made(4), "reward/a").trend == "falling"


def test_without_components_it_says_how_to_log_them_and_tells_the_rest() -> None:
    found = reflected(*(seed(number) for number in range(3)))
    assert found.components == ()
    assert any('info["reward_forward"]' in sentence for sentence in found.not_looked_at)
    assert any("is_success" in sentence for sentence in found.not_looked_at)
    assert found.return_trend == "rising"
    words = "\n".join(line.text for line in reflection_lines(found))
    assert "Held out it is 100.0 over 3 seeds" in words
    assert reflection_grid(found).rows == []


def test_what_is_missing_is_no_number() -> None:
    known = np.where(X < 0.5, np.nan, 5.0)
    found = reflected(*(seed(n, reward__late=known, reward__b=1.0) for n in range(2)), random=None)
    late = part(found, "reward/late")
    assert late.windows[0] is None
    assert late.windows[-1] == 5.0
    assert found.random_return is None
    assert parse_evidence(canonical_json(found)) == found
    with pytest.raises(Missing, match="enough iterations"):
        reflected(SeedRecord(1, STEPS[:3], {}))


def test_slopes_are_robust_and_constants_have_none() -> None:
    steps = np.arange(20.0) * 1000
    values = 2 * np.arange(20.0)
    values[7] = 1e6
    assert theil_sen(steps, values) == pytest.approx(2.0, rel=0.1)
    assert theil_sen(steps, np.full(20, 0.1)) == 0.0
    assert theil_sen(steps, np.full(20, np.nan)) is None
    assert trend(slopes([1, 2], steps, np.array([values, np.full(20, np.nan)]))) == "rising"
    assert trend({}) == "none"
    assert rank_correlation(np.arange(5.0), np.full(5, 1.0)) is None
    assert rank_correlation(np.arange(3.0), np.arange(3.0)) is None
    assert rank_correlation(np.arange(5.0), np.array([1.0, 2, np.nan, 4, 5])) == pytest.approx(1.0)


def test_the_command_tells_and_writes_the_document(study: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study.root)
    found = reflect(study.root, "cartpole")
    assert found == reflect(study.root, "cartpole")
    assert set(found.policies) == set(found.seeds) == {1, 2}
    shown = CliRunner().invoke(command, ["cartpole", "-o", "reflection.json"])
    assert shown.exit_code == 0, shown.output
    assert "no clause fired" in shown.output or "Risk" in shown.output
    assert all(len(line) <= 80 for line in shown.output.splitlines())
    written = (study.root / "reflection.json").read_bytes()
    assert parse_evidence(written) == found
    again = CliRunner().invoke(command, ["cartpole", "-o", "reflection.json", "--json"])  # what rlx wrote is replaced
    assert parse_evidence(json.dumps(json.loads(again.output)).encode()) == found
    Path("mine.json").write_text("{}")
    refused = CliRunner().invoke(command, ["cartpole", "-o", "mine.json"])
    assert isinstance(refused.exception, UsageError)
    assert Path("mine.json").read_text() == "{}"
    assert isinstance(CliRunner().invoke(command, ["cartpole_nine"]).exception, Missing)
