"""Everything that a study's report says, as values: from the ledger, the approved contract and the candidates' files alone.

No clock, no path and no machine has a part in it, so a report is the same bytes wherever it is rendered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

FORMAT: Literal[1] = 1
Verdict = Literal["improved", "not shown", "worse", "undecided"]
"""The words of a verdict; there are no others."""
IMPROVED: Literal["improved"] = "improved"
NOT_SHOWN: Literal["not shown"] = "not shown"
WORSE: Literal["worse"] = "worse"
UNDECIDED: Literal["undecided"] = "undecided"
MEANINGS: Mapping[str, str] = {
    IMPROVED: "a gain beyond the minimum effect was shown on fresh seeds, and every guardrail was shown to hold",
    NOT_SHOWN: "no such gain was shown; the intervals say what can be excluded, and what cannot",
    WORSE: "it was shown to be worse than the incumbent, or to fail a guardrail",
    UNDECIDED: "the contract's rule has not decided yet",
}
"""What each of them says."""


@dataclass(frozen=True)
class Point:
    """What a seed scored.

    Attributes:
        seed: The training seed.
        value: Its score, in the metric's unit; of one that failed what the contract gives it; null where that is not known.
        failed: Why it failed; null where it did not.
    """

    seed: int
    value: float | None
    failed: str | None


@dataclass(frozen=True)
class Scores:
    """What the seeds of a start scored on the deciding metric.

    Attributes:
        phase: `floor`, `reference`, `trial`, `promotion` or `confirmation`.
        experiment: Its experiment.
        seq: Its line in the ledger.
        list: Its list of held-out episodes.
        points: A point for each assigned seed, failures included.
        mean: Of all of them; null where one is not known.
        worst: The worst of them.
        failing: The share of seeds that failed.
    """

    phase: str
    experiment: str
    seq: int
    list: int
    points: tuple[Point, ...]
    mean: float | None
    worst: float | None
    failing: float


@dataclass(frozen=True)
class ApprovalFacts:
    """Who approved what, or took it back.

    Attributes:
        seq: The ledger's line.
        time: When, in UTC, as the ledger has it.
        by: The account or agent.
        kind: `person`, `loop` or `agent`.
        method: `tty`, `signature` or `flag`; `revoked` where it was taken back.
        items: What.
        exceptions: Candidates whose exception from required evidence was approved.
        contract: Hash of the contract.
    """

    seq: int
    time: str
    by: str
    kind: str
    method: str
    items: tuple[str, ...]
    exceptions: tuple[str, ...]
    contract: str


@dataclass(frozen=True)
class AmendmentFacts:
    """A change of the approved contract.

    Attributes:
        seq: The ledger's line.
        time: When, in UTC.
        by: The account or agent.
        changes: By key, the value before and after, as text.
    """

    seq: int
    time: str
    by: str
    changes: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class BudgetFacts:
    """What became of a part of the budget.

    Attributes:
        resource: `steps`, `experiments`, `wall_clock` (seconds) or `disk` (bytes).
        total: What the contract allows.
        spent: What ended starts took.
        reserved: What open starts may take.
        left: The rest.
    """

    resource: str
    total: float
    spent: float
    reserved: float
    left: float


@dataclass(frozen=True)
class FloorFacts:
    """The noise floor: how the baseline's score differs between seeds.

    Attributes:
        scores: The baseline's seeds.
        mean: Over them.
        sd: Between them.
        sd_low: Lower end of its 95 % interval (χ²).
        sd_high: Upper end.
        detectable: The smallest true gain, minimum effect included, that a slot shows four times in five.
        seeds: Fresh seeds of each arm of a slot.
        alpha: A slot's share, two-sided.
        random: What random actions score; null where it is not known.
    """

    scores: Scores
    mean: float
    sd: float
    sd_low: float
    sd_high: float
    detectable: float
    seeds: int
    alpha: float
    random: float | None


@dataclass(frozen=True)
class CandidateFacts:
    """A candidate and what became of it.

    Attributes:
        id: Its id.
        round: In which it was proposed.
        family: What kind of change it is.
        source: Who proposed it, in words.
        hypothesis: Why it should be better, as its file says.
        evidence: What speaks for it, in words.
        overrides: Settings that differ from the baseline's, as text.
        expected: What would make it worth it, in words; never evidence; empty where nothing was said.
        exception: Why required evidence was impossible; empty where nothing was said.
        replaces: The candidate that it is a mended form of; empty where there is none.
        status: As the ledger has it.
        phase: The last phase it was started in; null where it never was.
        verdict: In the words of a verdict.
        reason: Why it is where it is.
        screening: Its trial and its promotion.
        problem: What is wrong with its file; empty where nothing is.
    """

    id: str
    round: int
    family: str
    source: str
    hypothesis: str
    evidence: tuple[str, ...]
    overrides: Mapping[str, str]
    expected: str
    exception: str
    replaces: str
    status: str
    phase: str | None
    verdict: Verdict
    reason: str
    screening: tuple[Scores, ...]
    problem: str


@dataclass(frozen=True)
class ScorecardRow:
    """A metric of both arms of a confirmation.

    Attributes:
        kind: `primary`, `guardrail`, `component` (a part of the reward) or `diagnostic` (decides nothing).
        metric: Its name.
        rule: What must hold of it; empty where nothing must.
        candidate: The candidate's mean.
        incumbent: The incumbent's.
        difference: Candidate less incumbent, in the metric's unit.
        low: Lower end of its interval (Welch's t).
        high: Upper end.
        level: Of the interval.
        result: What was shown, in words.
    """

    kind: Literal["primary", "guardrail", "component", "diagnostic"]
    metric: str
    rule: str
    candidate: float
    incumbent: float
    difference: float
    low: float
    high: float
    level: float
    result: str


@dataclass(frozen=True)
class MoreFacts:
    """What knowing more would cost.

    Attributes:
        of: What would be known then, in words.
        seeds: Fresh seeds of each arm; null: more than a thousand.
        steps: Environment steps of both arms; null where they are not known.
    """

    of: str
    seeds: int | None
    steps: int | None


@dataclass(frozen=True)
class ConfirmationFacts:
    """A confirmation that is over.

    Attributes:
        slot: Its number.
        candidate: The candidate's id.
        incumbent: What it was held against.
        alpha: Its share, two-sided.
        planned: Seeds of each arm at full length.
        seeds: Seeds of each arm that decided.
        scores: The candidate's.
        incumbent_scores: The incumbent's.
        gain: How much better the candidate's mean is (above 0: better, in whichever direction better is).
        low: Lower end of the gain's 1 − alpha interval (Welch's t).
        high: Upper end: a gain above this is excluded at that level.
        p: Of the test beyond the minimum effect; null where a look ended it early.
        minimum_effect: A gain that is not beyond it counts as none.
        looks: What early looks said, in words.
        rule: Why it was decided so.
        verdict: In the words of a verdict.
        screening: Its mean in screening, by which it was chosen; null where it is not known.
        optimism: How much better it looked there than on fresh seeds; null likewise.
        scorecard: All metrics of both arms.
        more: What knowing more would cost; null where nothing is open.
    """

    slot: int
    candidate: str
    incumbent: str
    alpha: float
    planned: int
    seeds: int
    scores: Scores
    incumbent_scores: Scores
    gain: float
    low: float
    high: float
    p: float | None
    minimum_effect: float
    looks: tuple[str, ...]
    rule: str
    verdict: Verdict
    screening: float | None
    optimism: float | None
    scorecard: tuple[ScorecardRow, ...]
    more: MoreFacts | None


@dataclass(frozen=True)
class Tried:
    """How much was tried: what every chance of a false claim is held against.

    Attributes:
        candidates: All that were ever proposed, those that failed or were refused included; an edited file counts again.
        by_status: How many have which status now.
        trained: Those that were trained and scored at all.
        promoted: Those that screening let go on once.
        confirmed: Those that were confirmed, or are being.
        slots: Slots that were opened.
        alpha: The share of alpha that they took.
        alpha_total: Of how much.
    """

    candidates: int
    by_status: Mapping[str, int]
    trained: int
    promoted: int
    confirmed: int
    slots: int
    alpha: float
    alpha_total: float


@dataclass(frozen=True)
class AuditFacts:
    """An audit.

    Attributes:
        seq: The ledger's line.
        time: When, in UTC.
        ok: Whether all checks passed.
        file: Its document.
    """

    seq: int
    time: str
    ok: bool
    file: str


@dataclass(frozen=True)
class StudyFacts:
    """`rlx study report --json`: all that is to be said of a study.

    Attributes:
        format: Version of this schema.
        study: `task/study`.
        question: What it is to find out.
        setting: On which task, from which baseline, and what counts as better, in a sentence.
        phase: `draft`, `approved`, `open`, `frozen` or `closed`.
        frozen: Why nothing may start; null where it may.
        over: Why nothing more is to be decided; null where something is.
        evidence: `episodes`, or `aggregate` where the trained repository gave sums alone, of which no episode can be checked.
        verdict: In the words of a verdict.
        headline: The verdict in a sentence.
        beware: What a reader must know before believing anything of it.
        contract: The contract in force, by section.
        contract_hash: Its hash; what stands in ledger lines.
        contract_rows: The contract in words: what, and how.
        approvals: In the order of the ledger.
        amendments: Likewise.
        seen: Runs of this task that existed before the contract.
        budget: By resource.
        floor: The noise floor; null before there is one.
        incumbent: The best configuration so far.
        candidates: All of them.
        confirmations: Those that are over.
        open_slots: Slots that are not: nothing is shown of their scores.
        not_shown: What was not shown, and what is excluded, in sentences.
        untried: What of the scope was not tried, in sentences.
        more: What knowing more would cost.
        tried: How much was tried.
        audits: In the order of the ledger.
        lines: Lines of the ledger.
        head: Hash of the last one.
    """

    format: Literal[1]
    study: str
    question: str
    setting: str
    phase: str
    frozen: str | None
    over: str | None
    evidence: Literal["episodes", "aggregate"]
    verdict: Verdict
    headline: str
    beware: tuple[str, ...]
    contract: Mapping[str, Any]
    contract_hash: str
    contract_rows: tuple[tuple[str, str], ...]
    approvals: tuple[ApprovalFacts, ...]
    amendments: tuple[AmendmentFacts, ...]
    seen: tuple[str, ...]
    budget: tuple[BudgetFacts, ...]
    floor: FloorFacts | None
    incumbent: str
    candidates: tuple[CandidateFacts, ...]
    confirmations: tuple[ConfirmationFacts, ...]
    open_slots: tuple[int, ...]
    not_shown: tuple[str, ...]
    untried: tuple[str, ...]
    more: tuple[MoreFacts, ...]
    tried: Tried
    audits: tuple[AuditFacts, ...]
    lines: int
    head: str
