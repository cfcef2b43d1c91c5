"""``contract.yaml``: what a study may change, how far, at what cost, and what counts as better."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rlx.config import Document, Section, problems_in, read_document
from rlx.errors import ConfigError, Missing, Problem
from rlx.studies.contracts.quantities import Bytes, Seconds, Steps
from rlx.studies.contracts.scope import ScopeEntry, is_never

FILE = "contract.yaml"
ITEMS = ("task", "metric", "scope", "budget", "hardware", "baseline", "evaluation")
"""What is approved; ``--only`` lets several people approve parts."""
METHODS = ("flag", "tty", "signature")
"""How one approves, weakest first; a stronger one satisfies a weaker demand."""
METRIC = r"(return|length|success|return_p10|reward/[A-Za-z0-9_.\-]+|info/[A-Za-z0-9_.\-]+)"
SHA = r"sha256:[0-9a-f]{64}"
Seed = Annotated[int, Field(ge=0, lt=2**31 - 10_000)]
Number = Annotated[int | float, Field(allow_inf_nan=False)]


class Baseline(Section):
    """The finished run that a study starts from."""

    run: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_\-]*$")]
    """Its name: a config of `configs/`."""
    snapshot: Annotated[str, Field(pattern=rf"^{SHA}$")]
    """Hash of its `config_snapshot.yaml`."""


class Task(Section):
    """What is measured; no candidate changes it."""

    environment: str
    """The environment's name."""
    hash: Annotated[str, Field(pattern=rf"^{SHA}$")]
    """Of environment, its arguments and code, held-out protocol and engine versions."""
    engine: dict[str, int] = Field(default={})
    """Versions of training and evaluation."""


class Metric(Section):
    """What counts as better."""

    name: Annotated[str, Field(pattern=rf"^{METRIC}$")] = "return"
    """`return`, `length`, `success`, `return_p10`, `reward/<name>` or `info/<name>`: of held-out episodes, a number per seed."""
    direction: Literal["maximize", "minimize"] = "maximize"
    """Which way is better."""
    minimum_effect: Annotated[Number, Field(ge=0)]
    """A gain that is not beyond it counts as none, in the metric's unit."""
    failure_score: Number | Literal["random"] = "random"
    """What a seed scores that crashed, diverged or ran out of time; `random`: what random actions score."""

    @property
    def sign(self) -> int:
        """1 where more is better, else -1."""
        return 1 if self.direction == "maximize" else -1


class Guardrail(Section):
    """What must not get worse, or nothing is accepted."""

    metric: Annotated[str, Field(pattern=rf"^{METRIC}$")]
    """As in `metric.name`."""
    direction: Literal["maximize", "minimize"] = "maximize"
    """Which way is better."""
    no_worse_than: Annotated[Number, Field(ge=0)] | None = None
    """How far it may fall behind the incumbent."""
    at_least: Number | None = None
    """A lower bound of its mean."""
    at_most: Number | None = None
    """An upper bound of its mean."""

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if sum(each is not None for each in (self.no_worse_than, self.at_least, self.at_most)) != 1:
            raise PydanticCustomError("guardrail", "must have one of no_worse_than, at_least, at_most")
        return self

    @property
    def name(self) -> str:
        """How it is called: its metric and what holds of it."""
        kind = next(each for each in ("no_worse_than", "at_least", "at_most") if getattr(self, each) is not None)
        turned = " (less is better)" if self.direction == "minimize" and self.no_worse_than is not None else ""
        return f"{self.metric} {kind.replace('_', ' ')} {getattr(self, kind):g}{turned}"

    @property
    def sign(self) -> int:
        """1 where more is better, else -1; of a bound that follows from its kind, whatever the direction."""
        if self.no_worse_than is None:
            return 1 if self.at_most is None else -1
        return -1 if self.direction == "minimize" else 1


class Budget(Section):
    """What a study may spend in all; no start begins that could overdraw it."""

    steps: Steps
    """Environment steps of training."""
    experiments: Annotated[int, Field(ge=1, le=100_000)]
    """Starts."""
    wall_clock: Seconds
    """Time during which a loop is at work."""
    disk: Bytes
    """Bytes that its experiments leave."""


class Hardware(Section):
    """Where it may run."""

    device: str = "cpu"
    """As `device` of configs."""
    jobs: Annotated[int, Field(ge=1, le=1024)] = 1
    """Starts at once, at most."""
    host: str = "any"
    """The machine's name, or `any`."""


class SeedRange(Section):
    """Consecutive training seeds."""

    first: Seed
    """The first one."""
    count: Annotated[int, Field(ge=1, le=10_000)]
    """How many."""

    @property
    def range(self) -> range:
        """The seeds."""
        return range(self.first, self.first + self.count)


class Seeds(Section):
    """Training seeds by what they are for; no two kinds share one."""

    smoke: Seed
    """Of trial runs of two rollouts, which nothing is read from."""
    selection: SeedRange
    """Of screening."""
    confirmation: SeedRange
    """Of confirmations: each is used once."""


class Screening(Section):
    """How candidates are chosen for confirmation: by halving over seeds."""

    trial_seeds: Annotated[int, Field(ge=1, le=100)] = 2
    """On how many seeds all are tried."""
    promotion_seeds: Annotated[int, Field(ge=2, le=200)] = 5
    """On how many the kept ones are."""
    keep: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Which share goes on from one to the other."""
    survivors: Annotated[int, Field(ge=1, le=3)] = 1
    """How many are confirmed at most."""


class Confirmation(Section):
    """How one is accepted."""

    alpha: Annotated[float, Field(gt=0, le=0.2)] = 0.05
    """The chance, over the whole study, that anything is accepted falsely."""
    guardrail_alpha: Annotated[float, Field(gt=0, le=0.2)] = 0.05
    """One-sided, for each guardrail in each slot."""
    slots: Annotated[int, Field(ge=1, le=20)] = 3
    """Confirmations at most."""
    seeds: Annotated[int, Field(ge=6, le=200)] = 16
    """Fresh seeds of each arm."""
    give_up_at: list[Annotated[int, Field(ge=4)]] = Field(default=[8])
    """Seeds after which a look may end a slot; it can only end it."""


class Evaluation(Section):
    """The held-out episodes."""

    episodes: Annotated[int, Field(ge=1, le=100_000)] = 100
    """How many each policy plays."""
    deterministic: bool = True
    """Whether policies take their most likely action."""
    selection_list: Annotated[int, Field(ge=1, lt=10**6)] = 1
    """Which list of episodes screening plays (`final_eval.seed`)."""
    confirmation_lists_from: Annotated[int, Field(ge=2, lt=10**6)] = 2
    """Each slot plays a list of its own, from this one on."""


class Proposals(Section):
    """Where candidates come from."""

    sources: list[Literal["rules", "sampler"]] = Field(default=["rules", "sampler"])
    """Of a round, in this order; people and agents may always add some."""
    per_round: Annotated[int, Field(ge=1, le=100)] = 6
    """How many a round tries."""
    sampler: str = "sobol"
    """As in sweeps: `grid`, `sobol`, `random`, `tpe`."""


class Approvals(Section):
    """What an approval takes."""

    require: Literal["tty", "signature", "flag"] = "tty"
    """`tty`: typed in a terminal; `signature`: `ssh-keygen -Y`; `flag`: `--yes`."""


class Stop(Section):
    """When no more is started."""

    rounds: Annotated[int, Field(ge=1, le=1000)] = 3
    """Rounds at most."""
    no_survivor_rounds: Annotated[int, Field(ge=1, le=1000)] = 2
    """Rounds in a row after which nothing is better than the incumbent in screening."""
    failed_starts: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Failed starts in a row."""
    deadline: str | None = None
    """A moment in UTC, such as 2026-03-02T18:00:00Z."""


class Contract(Section):
    """A study's contract."""

    format: Literal[1] = 1
    """Of this file."""
    question: Annotated[str, Field(min_length=1, max_length=2000)]
    """What the study is to find out, in a sentence."""
    baseline: Baseline
    task: Task
    metric: Metric
    guardrails: list[Guardrail] = Field(default=[])
    """All must be shown to hold."""
    scope: Annotated[dict[str, ScopeEntry], Field(min_length=1)]
    """What candidates may change; everything else is locked."""
    budget: Budget
    hardware: Hardware = Hardware()
    seeds: Seeds
    screening: Screening = Screening()
    confirmation: Confirmation = Confirmation()
    evaluation: Evaluation = Evaluation()
    proposals: Proposals = Proposals()
    automation: Literal["none", "each", "round", "full"] = "full"
    """`none`: plans only; `each`: a person confirms every start; `round`: a round per call; `full`: until a stop rule."""
    approvals: Approvals = Approvals()
    stop: Stop = Stop()

    @property
    def arms(self) -> int:
        """Arms of a slot at most: the incumbent's and one of each survivor."""
        return 1 + self.screening.survivors

    @property
    def slot_seeds(self) -> int:
        """Seeds that a slot trains at most, over all arms."""
        return self.arms * self.confirmation.seeds

    @property
    def slot_alpha(self) -> float:
        """The alpha of each decision where every slot has as many survivors as it may."""
        return self.confirmation.alpha / self.confirmation.slots / self.screening.survivors

    @property
    def screening_seeds(self) -> int:
        """Seeds that the screening of a whole round trains."""
        each, screening = self.proposals.per_round, self.screening
        kept = max(1, math.ceil(screening.keep * each))
        return each * screening.trial_seeds + kept * (screening.promotion_seeds - screening.trial_seeds)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that are measured: the one that decides first, then those of guardrails."""
        return tuple(dict.fromkeys([self.metric.name, *(rail.metric for rail in self.guardrails)]))

    def list_of(self, slot: int) -> int:
        """Return the list of episodes of a slot, counted from 1."""
        return self.evaluation.confirmation_lists_from + slot - 1


@dataclass(frozen=True)
class ReadContract:
    """A contract as it stands in its file.

    Attributes:
        contract: What it says.
        hash: ``sha256:`` of the file's bytes, by which it is approved.
        document: The file with the places of its keys.
    """

    contract: Contract
    hash: str
    document: Document


def read_contract(path: Path, shown: str | None = None) -> ReadContract:
    """Read a contract.

    Args:
        path: Its file.
        shown: How to call it in messages.

    Raises:
        Missing: There is none.
        ConfigError: Something in it is wrong; the message names line and cure.
    """
    if not path.is_file():
        raise Missing(f"{shown or path}: is not there; `rlx study init RUN` makes one")
    document = read_document(path, shown or str(path))
    problems = document.problems + problems_in(document, Contract)
    if not problems and (
        absent := [
            name for name, info in Contract.model_fields.items() if info.is_required() and name not in document.data
        ]
    ):
        problems = [document.problem((), f"lacks {', '.join(absent)}")]
    if problems:
        raise ConfigError(problems)
    contract = Contract.model_validate(document.data)
    if problems := list(_mistakes(document, contract)):
        raise ConfigError(problems)
    return ReadContract(contract, hash_of_bytes(path.read_bytes()), document)


def hash_of_bytes(content: bytes) -> str:
    """Return ``sha256:`` and the hash of some bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _mistakes(document: Document, contract: Contract) -> list[Problem]:
    """Return what single values cannot show."""
    found = [
        document.problem(("scope", key), "can never be in scope: it is the task, the budget or the yardstick")
        for key in contract.scope
        if is_never(key)
    ]
    rails = [rail.name for rail in contract.guardrails]
    found += [
        document.problem(("guardrails",), f"has {name!r} twice")
        for name in dict.fromkeys(rails)
        if rails.count(name) > 1
    ]
    confirmation, seeds = contract.confirmation, contract.seeds
    looks = confirmation.give_up_at
    if looks != sorted(set(looks)) or (looks and looks[-1] >= confirmation.seeds):
        found.append(document.problem(("confirmation", "give_up_at"), f"must rise, and end below {confirmation.seeds}"))
    least = contract.slot_seeds * confirmation.slots
    if seeds.confirmation.count < least:
        told = f"must be at least {least}: {contract.arms} arms of {confirmation.seeds} seeds in {confirmation.slots} slots"
        found.append(document.problem(("seeds", "confirmation", "count"), told))
    kinds = {"selection": seeds.selection.range, "confirmation": seeds.confirmation.range}
    ranges = {**kinds, "smoke": range(seeds.smoke, seeds.smoke + 1)}
    names = list(ranges)
    found += [
        document.problem(("seeds", one), f"shares seeds with seeds.{other}")
        for index, one in enumerate(names)
        for other in names[index + 1 :]
        if set(ranges[one]) & set(ranges[other])
    ]
    needed = max(contract.screening.trial_seeds, contract.screening.promotion_seeds, 5)
    if seeds.selection.count < needed:
        found.append(document.problem(("seeds", "selection", "count"), f"must be at least {needed}"))
    if contract.screening.promotion_seeds <= contract.screening.trial_seeds:
        told = f"must be above screening.trial_seeds ({contract.screening.trial_seeds})"
        found.append(document.problem(("screening", "promotion_seeds"), told))
    lists = contract.evaluation
    if lists.confirmation_lists_from <= lists.selection_list:
        told = f"must be above evaluation.selection_list ({lists.selection_list})"
        found.append(document.problem(("evaluation", "confirmation_lists_from"), told))
    if smallest_p(confirmation.seeds) > contract.slot_alpha:
        told = f"{confirmation.seeds} seeds cannot reach alpha / slots: 2 / C(2n, n) is {smallest_p(confirmation.seeds):.2g}"
        found.append(document.problem(("confirmation", "seeds"), told))
    if contract.stop.deadline is not None and _no_time(contract.stop.deadline):
        found.append(document.problem(("stop", "deadline"), "must be a moment in UTC such as 2026-03-02T18:00:00Z"))
    return found


def smallest_p(n: int) -> float:
    """Return the smallest two-sided p-value of a permutation test of n against n scores, 2 / C(2n, n)."""
    return 2 / math.comb(2 * n, n)


def _no_time(text: str) -> bool:
    import datetime

    try:
        return datetime.datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return True


def plain(contract: Contract) -> dict[str, Any]:
    """Return a contract as plain values."""
    return contract.model_dump(exclude_none=True)
