"""``adapter.yaml``: how a repository that is not rlx's is trained and evaluated, and where it says what came of it."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from rlx.config import Count, Positive, Section

FORMAT = 1
FILE = "adapter.yaml"
UNKNOWN = "unknown"
"""What `init` writes where it does not know, and `validate` refuses."""
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smhd])")


def seconds_of(duration: str) -> float:
    """Return a duration such as ``90s``, ``30m``, ``6h`` or ``2d`` in seconds; ValueError where it is none above 0."""
    found = _DURATION.fullmatch(duration)
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"{duration!r} is not a duration")
    return float(found[1]) * UNITS[found[2]]


def _duration(text: str) -> str:
    if text != UNKNOWN:
        try:
            seconds_of(text)
        except ValueError:
            raise PydanticCustomError("duration", "must be a duration such as 90s, 30m, 6h or 2d") from None
    return text


def _commit(text: str) -> str:
    if text != UNKNOWN and not _COMMIT.fullmatch(text):
        raise PydanticCustomError(
            "commit",
            "must be a commit's hash, 7 to 64 hexadecimal digits: branches and tags move; `git rev-parse HEAD` there says it",
        )
    return text


def _no_maximum(value: Any) -> Any:
    if value == "max":
        raise PydanticCustomError(
            "maximum", "the maximum grows with the number of looks, so no metric that decides is one; say last or mean"
        )
    return value


Duration = Annotated[str, AfterValidator(_duration)]
"""``90s``, ``30m``, ``6h``, ``2d``."""
Reduce = Annotated[Literal["last", "mean"], BeforeValidator(_no_maximum)]
"""How several values of a file become one."""
Format = Literal["csv", "jsonl", "json", "tensorboard", "wandb", "stdout", "unknown"]
"""What a file of metrics is: ``wandb`` is ``run-….wandb`` or ``wandb-summary.json`` of an offline run, ``stdout`` what the
command printed."""


class Repository(Section):
    """Which repository, and at which commit."""

    path: str = Field(min_length=1)
    """Where it is: an absolute path, or one relative to the project's root."""
    commit: Annotated[str, AfterValidator(_commit)]
    """The commit that is trained, whatever stands in its folder meanwhile."""
    patches: list[str] = Field(default_factory=list)
    """Files that a candidate of family `code` may change, relative to the repository."""


class MetricFile(Section):
    """A file in which a command says something."""

    format: Format
    """What it is."""
    file: str | None = None
    """Where: ``{out}/`` and a path below, in which ``*`` and ``**`` may stand; not for ``stdout``."""
    pattern: str | None = None
    """For ``stdout``: a regular expression with named groups, looked for in every line that was printed."""


class StepsFile(MetricFile):
    """Where a training says how many environment steps it has taken."""

    field: str
    """The column, key, tag or group; of TensorBoard ``step`` is the events' own step."""
    reduce: Literal["last"] = "last"
    """Steps are counted up, so the last counts."""
    unit: Positive | Literal["unknown"] = 1
    """Environment steps in what the command counts: where that is iterations, steps of all copies in one of them."""
    rounding: Annotated[Count, Field(ge=0)] | Literal["unknown"] = 0
    """Environment steps by which a training may miss its plan: one rollout, where it trains whole ones."""

    @property
    def known_unit(self) -> int:
        """The unit; 1 where it is not known yet."""
        return self.unit if isinstance(self.unit, int) else 1

    @property
    def allowed(self) -> int:
        """Environment steps by which a training may miss its plan, whole units included."""
        return (self.rounding if isinstance(self.rounding, int) else 0) + self.known_unit - 1


class Overrides(Section):
    """How a candidate's settings reach the command."""

    style: Literal["hydra", "argparse", "tyro", "file", "gin", "unknown"]
    """``hydra``: key=value; ``argparse``, ``tyro``: --key=value; ``gin``: bindings; ``file``: YAML at ``{config}``."""


class Command(Section):
    """A command, and how long it may take."""

    command: list[str] = Field(min_length=1)
    """Its arguments, of which none goes through a shell; placeholders are replaced."""
    timeout: Duration
    """After this it is stopped."""
    folder: Literal["worktree", "out"] = "worktree"
    """Where it runs: in the worktree of its commit, or, where it writes below its own folder, in ``{out}``."""


class Training(Command):
    """The command that trains one seed."""

    overrides: Overrides
    """How settings are told."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Environment variables beside PATH, HOME, LANG and CUDA_VISIBLE_DEVICES; nothing else is passed on."""
    steps: StepsFile
    """How many steps it took."""
    checkpoint: str | None = None
    """The file of the final policy, of which the hash is recorded."""


class Evaluation(Command):
    """The command that plays the final policy."""

    code: Literal["pinned", "patched"] = "pinned"
    """Whose code it runs. ``pinned``: the commit's, whatever a candidate's patch changed, so that no reward is measured by its
    own redefinition. ``patched``: the candidate's, where a policy cannot be loaded otherwise; then nothing of what measures
    may be among ``repository.patches``."""


class Episodes(MetricFile):
    """Where the held-out episodes are, or (``evidence: aggregate``) what is said of them in sum."""

    fields: dict[str, str] = Field(min_length=1)
    """From our names (episode, reset_seed, return, length, success, cut, reward/NAME, info/NAME) to those of the file."""
    reduce: Reduce = "last"
    """For aggregates: how several values become one."""
    reset_seeds: Literal["consecutive", "same", "own"] = "consecutive"
    """Which reset seeds it is to report: list_seed + i, list_seed in all, or its own, the same whatever was trained."""


class Learning(MetricFile):
    """Where the training says how it went."""

    step: str = "step"
    """The column or key with the environment steps; TensorBoard's events have their own."""
    metrics: dict[str, str] = Field(min_length=1)
    """From our names (return, length, reward/NAME, …) to those of the file."""


class Hardware(Section):
    """What commands run on."""

    launcher: str = "local"
    """How they are started: local, slurm, torchrun, tmux, kubectl."""
    gpus: Annotated[Count, Field(ge=0)] = 0
    """GPUs that a training needs."""
    options: dict[str, str] = Field(default_factory=dict)
    """What the launcher's template asks for beside: a partition, a pod."""


class Adapter(Section):
    """All of ``adapter.yaml``."""

    format: Literal[1] = 1
    """Version of this format."""
    repository: Repository
    """Which code."""
    train: Training
    """How one seed is trained."""
    evaluate: Evaluation | None = None
    """How its policy is evaluated; none where the training command does that at its end (then no patches are possible)."""
    episodes: Episodes
    """What evaluation found."""
    learning: Learning | None = None
    """What training logged; for diagnosis and reflection, never for a decision."""
    hardware: Hardware = Hardware()
    """What it runs on."""
    reproducible: Literal["yes", "no", "untested", "unknown"] = "untested"
    """Whether one seed trained twice gives the same; two smokes tell."""
    evidence: Literal["episodes", "aggregate", "unknown"] = "episodes"
    """What verdicts rest on: every held-out episode, or one number per seed that the repository computed itself."""

    @property
    def digest(self) -> str:
        """SHA-256 of all of it but ``reproducible``, which two smokes find out, and which changes nothing by that."""
        content = self.model_dump(mode="json")
        del content["reproducible"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
