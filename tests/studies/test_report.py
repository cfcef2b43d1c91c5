"""Reports of studies, on simulated ones: what they say, in which words, and that they are the same bytes again."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from rlx.cli.study_report import report
from rlx.errors import Missing, UsageError
from rlx.report import to_json, write_study_page
from rlx.studies import Study, facts_of_study, report_again, report_markdown, study_words, write_report
from rlx.studies.contracts.candidate import EvidenceItem
from rlx.studies.proposing import typed_candidate
from rlx.studies.report_facts import MEANINGS, StudyFacts
from rlx.studies.validating import take_up, validate
from tests.studies.reported import Simulated, better, is_high

Overrides = Mapping[str, Any]
RAILS = [{"metric": "length", "at_least": 90}, {"metric": "reward/ctrl", "no_worse_than": 4.0}]


pytestmark = pytest.mark.usefixtures("without_commits")


def equal(_: Overrides, rng: np.random.Generator) -> float:
    return 10 + rng.normal()


def fragile(overrides: Overrides, rng: np.random.Generator) -> float | None:
    return None if is_high(overrides) and rng.random() < 0.35 else 10 + 2 * is_high(overrides) + rng.normal()


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Simulated(tmp_path_factory.mktemp("accepted"), better).run()


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Simulated(tmp_path_factory.mktemp("nothing"), equal, salt=1).run()


@pytest.fixture(scope="module")
def railed(tmp_path_factory: pytest.TempPathFactory) -> Study:
    rails = {
        "length": lambda _, rng: 100 + rng.normal(),
        "reward/ctrl": lambda _, rng: float(rng.normal()),
    }
    return Simulated(tmp_path_factory.mktemp("railed"), better, {"guardrails": RAILS}, rails).run()


def told(facts: StudyFacts) -> str:
    return json.dumps(to_json(facts), allow_nan=False)


def test_an_improvement_is_said_with_its_interval(accepted: Study) -> None:
    facts = facts_of_study(accepted)
    assert facts.verdict == "improved"
    (found,) = facts.confirmations
    assert found.verdict == "improved"
    assert found.low > found.minimum_effect
    assert math.isclose(found.gain, found.scores.mean - found.incumbent_scores.mean)  # type: ignore[operator]
    assert len(found.scores.points) == len(found.incumbent_scores.points) == found.planned == found.seeds
    assert f"improved: {facts.incumbent} gains" in facts.headline
    assert found.optimism is not None
    assert found.screening is not None
    assert math.isclose(found.optimism, found.screening - found.scores.mean)  # type: ignore[operator]
    assert found.more is None


def test_lower_is_better_where_the_contract_says_so(tmp_path: Path) -> None:
    metric = {"name": "return", "direction": "minimize", "minimum_effect": 0.5, "failure_score": 50.0}
    study = Simulated(tmp_path, lambda o, rng: 20 - better(o, rng), {"metric": metric}).run()
    (found,) = facts_of_study(study).confirmations
    assert found.verdict == "improved"
    assert found.gain > 0
    assert found.scores.mean < found.incumbent_scores.mean  # type: ignore[operator]
    assert found.scores.worst == max(point.value for point in found.scores.points)  # type: ignore[type-var]
    assert found.scorecard[0].difference < 0


def test_nothing_found_is_a_result(nothing: Study) -> None:
    facts = facts_of_study(nothing)
    assert facts.verdict == "not shown"
    assert facts.over is not None
    assert facts.tried.candidates == 3
    assert {each.id for each in facts.candidates} == {"c001", "c002", "c003"}
    for found in facts.confirmations:
        line = next(line for line in facts.not_shown if line.startswith(f"{found.candidate}:"))
        assert "is excluded" in line
    assert any("four times in five" in each.of for each in facts.more)
    assert all(each.seeds is None or each.steps == 2 * each.seeds * 1000 for each in facts.more)
    assert any(line.startswith("algo.gain: 3 values between") for line in facts.untried)


def test_seeds_that_fail_stay_in(tmp_path: Path) -> None:
    study = Simulated(tmp_path, fragile, {"screening": {"trial_seeds": 2, "promotion_seeds": 5}}, salt=4).run()
    facts = facts_of_study(study)
    scores = [each for candidate in facts.candidates for each in candidate.screening]
    failed = [point for each in scores for point in each.points if point.failed is not None]
    assert failed
    assert all(point.value == 0.0 for point in failed)  # what random actions score
    for each in scores:
        assert each.failing == sum(point.failed is not None for point in each.points) / len(each.points)
        assert each.mean == pytest.approx(sum(point.value or 0.0 for point in each.points) / len(each.points))
    assert "✗" in report_markdown(study)


def test_the_scorecard_has_every_metric_and_what_was_shown_of_it(railed: Study) -> None:
    (found,) = facts_of_study(railed).confirmations
    kinds = {(row.kind, row.metric) for row in found.scorecard}
    assert kinds == {("primary", "return"), ("guardrail", "length"), ("guardrail", "reward/ctrl")}
    assert all("shown to hold" in row.result for row in found.scorecard if row.kind == "guardrail")


def test_metrics_beside_the_contract_are_components_and_diagnostics(tmp_path: Path) -> None:
    simulated = Simulated(tmp_path, better)
    inner = simulated.trainer.carry_out

    def more(call: Any) -> Any:
        made = inner(call)
        scores = {seed: {**found, "reward/alive": 1.0, "length": 7.0} for seed, found in made.scores.items()}
        return replace(made, scores=scores)

    simulated.trainer.carry_out = more  # type: ignore[method-assign]
    (found,) = facts_of_study(simulated.run()).confirmations
    kinds = [(row.kind, row.metric, row.result) for row in found.scorecard[1:]]
    assert kinds == [("component", "reward/alive", "decides nothing"), ("diagnostic", "length", "decides nothing")]


def test_sums_without_episodes_are_said_beside_every_verdict(tmp_path: Path, accepted: Study) -> None:
    simulated = Simulated(tmp_path, better)
    inner = simulated.trainer.carry_out

    def summed(call: Any) -> Any:
        made = inner(call)
        return replace(made, experiments=tuple({**each, "aggregate": True} for each in made.experiments))

    simulated.trainer.carry_out = summed  # type: ignore[method-assign]
    facts = facts_of_study(simulated.run())
    assert facts.evidence == "aggregate"
    assert facts.headline.endswith("(evidence: aggregate)")
    assert any(line.startswith("evidence: aggregate") for line in facts.beware)
    assert facts_of_study(accepted).evidence == "episodes"
    assert "aggregate" not in report_markdown(accepted)


def test_a_guardrail_that_fails_in_confirmation_makes_it_worse(tmp_path: Path) -> None:
    def ctrl(overrides: Overrides, rng: np.random.Generator) -> float:
        return float(rng.normal()) - 20 * is_high(overrides) * (ctrl.calls > 40)

    ctrl.calls = 0

    def counted(overrides: Overrides, rng: np.random.Generator) -> float:
        ctrl.calls += 1
        return ctrl(overrides, rng)

    contract = {"guardrails": RAILS[1:], "confirmation": {"slots": 1, "seeds": 8, "give_up_at": []}}
    simulated = Simulated(tmp_path, better, contract, {"reward/ctrl": counted})
    simulated.trainer.before = lambda call: setattr(ctrl, "calls", 100 * (call.plan.phase == "confirmation"))
    facts = facts_of_study(simulated.run())
    (found,) = facts.confirmations
    assert (found.verdict, facts.verdict) == ("worse", "worse")
    assert any("shown to fail" in row.result for row in found.scorecard)


@pytest.mark.parametrize("starts", [0, 1, 6])
def test_in_the_middle_nothing_is_decided(tmp_path: Path, starts: int) -> None:
    simulated = Simulated(tmp_path, better)
    study = simulated.run(starts=starts) if starts else simulated.study
    facts = facts_of_study(study)
    assert facts.verdict == "undecided"
    assert facts.over is None
    assert (facts.floor is not None) == (starts > 0)
    assert f"# {study.name}" in report_markdown(study)


def test_of_an_open_slot_nothing_is_told(tmp_path: Path) -> None:
    simulated = Simulated(tmp_path, better)
    for _ in range(40):
        study = simulated.run(starts=1)
        arms = [each for each in study.state.starts.values() if each.phase == "confirmation" and each.is_finished]
        if len(arms) == 2:
            break
    slot = study.state.slot()
    assert slot is not None
    facts = facts_of_study(study)
    assert facts.open_slots == (1,)
    assert facts.confirmations == ()
    text = report_markdown(study) + told(facts)
    for start in arms:
        assert start.ended is not None
        for seed in start.seeds:
            assert str(seed) not in text.replace(f"{study.contract.seeds.confirmation.first}", "")
    assert next(each for each in facts.candidates if each.id == slot.candidates[0]).verdict == "undecided"
    assert "nothing is told of" in report_markdown(study)


def test_only_the_four_words_are_used(accepted: Study, nothing: Study, railed: Study) -> None:
    assert set(MEANINGS) == {"improved", "not shown", "worse", "undecided"}
    for study in (accepted, nothing, railed):
        facts = facts_of_study(study)
        verdicts = {facts.verdict, *(each.verdict for each in (*facts.candidates, *facts.confirmations))}
        assert verdicts <= set(MEANINGS)
        assert facts.headline.startswith(f"{facts.verdict}: ")
        assert "promising" not in report_markdown(study).lower()


def test_the_same_study_gives_the_same_bytes(accepted: Study, tmp_path: Path) -> None:
    first = report_markdown(accepted)
    assert report_markdown(Study(accepted.root, accepted.folder).read()) == first
    (accepted.folder / "state.json").unlink()
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(accepted.root, elsewhere)
    copy = Study(elsewhere, elsewhere / "studies" / "toy" / "study").read()
    assert report_markdown(copy) == first
    assert str(accepted.root) not in first
    pages = []
    for number, study in enumerate((accepted, copy)):
        page, facts = tmp_path / f"{number}.html", facts_of_study(study)
        write_study_page(facts, study_words(facts), page)
        pages.append(page.read_bytes())
    assert pages[0] == pages[1]


def test_a_report_can_be_rendered_again_after_more_has_happened(tmp_path: Path) -> None:
    simulated = Simulated(tmp_path, better)
    earlier = simulated.run(starts=3)
    written = write_report(earlier).read_text()
    later = simulated.run()
    assert report_markdown(later) != written
    assert report_again(later, written) == written
    with (later.folder / "contract.yaml").open("a") as file:
        file.write("\n")
    edited = Study(later.root, later.folder).read()
    assert edited.frozen
    assert report_again(edited, written) == written


def test_amendments_and_revoked_approvals_are_told(tmp_path: Path) -> None:
    from rlx.studies import Approval, approve, revoke
    from rlx.studies.contracts.contract import ITEMS

    simulated = Simulated(tmp_path, better)
    path = simulated.study.folder / "contract.yaml"
    path.write_text(path.read_text().replace("10M", "20M"))
    with simulated.study.locked():
        approve(simulated.study, Approval(ITEMS, "tty"))
        revoke(simulated.study, ["budget"])
    facts = facts_of_study(simulated.study)
    assert facts.amendments[0].changes == {"budget.steps": ("10000000", "20000000")}
    assert [each.method for each in facts.approvals] == ["flag", "tty", "revoked"]
    text = report_markdown(simulated.study)
    assert "can fake a terminal" in text
    assert "| budget.steps | 10000000 | 20000000 |" in text


def test_a_ledger_that_does_not_hold_decides_nothing(accepted: Study, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(accepted.root, copy)
    study = Study(copy, copy / "studies" / "toy" / "study")
    lines = study.ledger.path.read_text().splitlines(keepends=True)
    study.ledger.path.write_text("".join([*lines[:-3], lines[-3].replace('"seq":', '"seq": ', 1), *lines[-2:]]))
    facts = facts_of_study(study.read())
    assert (facts.phase, facts.verdict) == ("frozen", "undecided")
    assert any("ledger.jsonl" in line for line in facts.beware)


HOSTILE = 'Better <script>alert("x")</script> | <img src=x onerror=y>\n# no heading \x1b[31mred\u202e [a](http://x) `rlx rm -f`'


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Study:
    simulated = Simulated(tmp_path_factory.mktemp("hostile"), better)

    def propose(study: Study, _: int, __: int) -> int:
        assert study.state.floor is not None
        evidence = [
            EvidenceItem(kind="observations", seqs=[study.state.floor["seq"]]),
            EvidenceItem(kind="note", text="</dd><script>1</script>\x07"),
        ]
        typed_candidate(study, {"algo.gain": 0.75}, HOSTILE, evidence, None, "algorithm")
        return sum(validate(study, simulated.trainer, name).refusal is None for name in take_up(study))

    return simulated.run(propose)


def test_what_strangers_wrote_is_shown_and_does_nothing(hostile: Study, tmp_path: Path) -> None:
    facts = facts_of_study(hostile)
    assert facts.candidates[0].hypothesis == HOSTILE
    text = report_markdown(hostile)
    page = tmp_path / "page.html"
    write_study_page(facts, study_words(facts), page)
    html = page.read_text()
    for shown in (text, html):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "\x07" not in shown
        assert "\\x1b[31mred" in shown
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;" in html
    assert not re.search(r"(?<!\\)<(script|img)", text)
    assert "\n# no heading" not in text
    assert "](http" not in text


def test_the_page_loads_nothing_and_has_all_sections(nothing: Study, accepted: Study, tmp_path: Path) -> None:
    for study in (nothing, accepted):
        facts, page = facts_of_study(study), tmp_path / "page.html"
        write_study_page(facts, study_words(facts), page)
        html = page.read_text()
        assert "default-src 'none'" in html
        assert not re.search(r"(src|href)=\"(?!data:|#)", html)
        for each in re.findall(r'<a href="#([^"]+)"', html):
            assert html.count(f'id="{each}"') == 1
        for candidate in facts.candidates:
            assert f'id="{candidate.id}"' in html
        assert html.count("<img") == (2 if facts.confirmations else 1)
        assert html.count("<img") == html.count('alt="')


def test_a_page_can_be_made_of_a_study_that_has_only_begun(tmp_path: Path) -> None:
    study = Simulated(tmp_path, better).study
    facts = facts_of_study(study)
    write_study_page(facts, study_words(facts), tmp_path / "page.html")
    assert "there is none yet" in (tmp_path / "page.html").read_text()


def test_the_command(accepted: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(accepted.root)
    made = CliRunner().invoke(report, [])
    assert made.exit_code == 0
    assert "improved: " in made.output
    assert made.output.rstrip().endswith("studies/toy/study/report.md")
    assert (accepted.folder / "report.md").read_text() == report_markdown(accepted)
    document = json.loads(CliRunner().invoke(report, ["study", "--json"]).output)
    assert document == json.loads(told(facts_of_study(accepted)))
    page = tmp_path / "page.html"
    assert CliRunner().invoke(report, ["toy/study", "-o", str(page)]).exit_code == 0
    assert b"</html>" in page.read_bytes()
    page.write_text("mine")
    assert isinstance(CliRunner().invoke(report, ["-o", str(page)]).exception, UsageError)
    assert page.read_text() == "mine"
    missing = CliRunner().invoke(report, ["toy/stuudy"]).exception
    assert isinstance(missing, Missing)
    assert missing.exit_code == 4
    assert isinstance(CliRunner().invoke(report, ["-o", "page.pdf"]).exception, UsageError)
    assert isinstance(CliRunner().invoke(report, ["-o", "p.html", "--json"]).exception, UsageError)


def test_of_many_candidates_the_best_are_drawn(nothing: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rlx.report import study_pictures

    facts = facts_of_study(nothing)
    monkeypatch.setattr(study_pictures, "MOST_DRAWN", 2)
    drawn = study_pictures.shown_candidates(facts)
    means = sorted((each.screening[-1].mean or 0.0 for each in facts.candidates), reverse=True)
    assert sorted((each.screening[-1].mean or 0.0 for each in drawn), reverse=True) == means[:2]
    write_study_page(facts, study_words(facts), tmp_path / "page.html")
    assert "Not drawn: 1 that scored less" in (tmp_path / "page.html").read_text()
