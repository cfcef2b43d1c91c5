"""The configuration of one run: every key, its meaning, its unit, its range, its default and what is usual.

The docstring under a field is its manual entry; ``docs/configuration.md`` is generated from here.
Defaults are those of Stable-Baselines3's PPO unless the entry says otherwise.
"""

from __future__ import annotations

import itertools
import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializeAsAny, model_validator
from pydantic.functional_validators import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

import rlx
from rlx.config.algorithm_config import AlgorithmConfig, algorithm_settings, settings_named
from rlx.config.plugin import plugins
from rlx.config.ppo_config import PPOConfig
from rlx.config.training_env import EnvTraining
from rlx.config.values import CHANGES_NO_RESULT, Count, Positive, Section, Since
from rlx.stats import nearest

Device = Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?|mps|auto)$")]
Sizes = list[Positive]
OWN_EXECUTORS = ("local", "slurm", "ray")
"""What ``launch.executor`` can be beside what installed packages add."""


class SeparateSizes(Section):
    """Hidden layers of the actor and of the critic, where they differ."""

    actor: Sizes
    critic: Sizes


def _hidden_sizes(value: Any) -> list[int] | SeparateSizes:
    if isinstance(value, SeparateSizes):
        return value
    if isinstance(value, dict):
        return SeparateSizes.model_validate(value)
    if isinstance(value, list) and all(
        isinstance(size, int) and not isinstance(size, bool) and size >= 1 for size in value
    ):
        return value
    raise PydanticCustomError(
        "sizes", "must be a list of whole numbers ≥ 1, or a mapping with such lists as actor and critic"
    )


def _wrapper_names(value: list[Any]) -> list[Any]:
    for item in value:
        name = next(iter(item)) if isinstance(item, dict) and len(item) == 1 else item
        arguments = item[name] if isinstance(item, dict) and len(item) == 1 else {}
        if not isinstance(name, str) or "." not in name or not isinstance(arguments, dict):
            message = "each wrapper is `module.Class`, or `module.Class: {{argument: value}}`"
            raise PydanticCustomError("wrapper", message)
    return value


class EnvConfig(Section):
    """The environment, and how many copies of it step together."""

    id: str = ""
    """Gymnasium id (`CartPole-v1`), or an id that the project's `envs/` package registers (`BossFight-v0`)."""
    num_envs: Annotated[Positive, Field(le=1024)] = 8
    """Copies of the environment that collect a rollout together. (Usually 1–16.)"""
    kwargs: dict[str, Any] = {}
    """Keyword arguments for `gymnasium.make`."""
    wrappers: Annotated[list[Any], AfterValidator(_wrapper_names)] = []
    """Gymnasium wrappers around each copy, innermost first: `module.Class` or `module.Class: {argument: value}`."""
    normalize_observation: bool = False
    """Scale observations to mean 0 and variance 1 by running statistics. (Usually true for MuJoCo.)"""
    normalize_reward: bool = False
    """Divide rewards by the running standard deviation of the discounted return; scores stay in original units."""
    frame_stack: Annotated[Positive, Field(le=64)] = 1
    """How many consecutive observations the network sees at once. (4 for Atari.)"""
    vectorization: Literal["sync", "async", "isolated"] = "sync"
    """`sync` steps the copies one after another in the training process; `async` gives each its own process, which
    pays when one step takes longer than about a millisecond; `isolated` does that too and evaluates one copy at a time,
    for simulators of which a process can hold one only."""
    backend: Annotated[str, Field(max_length=64), Since("2026-11-29", older="auto")] = "auto"
    """Where the environment comes from: `gymnasium`, `native` (compiled dynamics of some of Gymnasium's environments, the same
    bits), or `auto`: the fastest that gives Gymnasium's own bits."""
    step_timeout: Annotated[float, Field(gt=0, le=86_400), CHANGES_NO_RESULT] = 300.0
    """Seconds that one call of the environment (`make`, `reset`, `step`, `render`, `close`) may take before its process
    is ended and the seed fails. No part of the snapshot: changing it trains nothing."""
    training: Annotated[EnvTraining, Since("2026-11-30", older=EnvTraining())] = EnvTraining()
    """In what training alone differs: `kwargs`, `ranges`, `stages`, `mixture`. Scores are always those of the task."""

    @property
    def task(self) -> EnvConfig:
        """The environment that is asked about, without what only training has."""
        return self.model_copy(update={"training": EnvTraining()})

    @property
    def trained(self) -> EnvConfig:
        """The environment as training begins with it: what all of training has is among its arguments."""
        training = self.training.model_copy(update={"kwargs": {}})
        return self.model_copy(update={"kwargs": {**self.kwargs, **self.training.kwargs}, "training": training})

    @property
    def differs_in_training(self) -> bool:
        """Whether episodes of training are of another environment than the task."""
        return self.trained != self.task

    def is_same(self, other: EnvConfig) -> bool:
        """Tell whether another section describes the same task; how long it may take and how one trains for it is no part of that."""
        return self.task.model_dump() == other.task.model_dump()


class PolicyConfig(Section):
    """The network."""

    type: str = "mlp"
    """`mlp`, `cnn` (Nature CNN, for images), `multi_input` (for dictionaries, which every network reads so), `lstm` (of recurrent
    algorithms), or a network that the project's `policies/` package registers."""
    hidden_sizes: Annotated[list[int] | SeparateSizes, BeforeValidator(_hidden_sizes)] = [64, 64]
    """Widths of the hidden layers, of actor and critic alike or `{actor: […], critic: […]}`."""
    activation: Literal["tanh", "relu", "elu", "leaky_relu", "silu", "gelu"] = "tanh"
    """Activation between hidden layers."""
    ortho_init: bool = True
    """Orthogonal initialisation of the weights."""
    log_std_init: float = 0.0
    """Initial log standard deviation of continuous actions. (Usually -2–0.)"""
    kwargs: dict[str, Any] = {}
    """Arguments for a network of the project's own, or what an algorithm's own networks take beside (such as `n_critics`)."""


class StartConfig(Section):
    """The finished training that this one continues (`rlx resume RUN --timesteps N` writes it)."""

    run: str
    """The run it was, for people."""
    checkpoints: Annotated[str, Field(pattern=r"^[0-9a-f]{32}\.dir$")]
    """DVC's hash of its `checkpoints` folder: every seed goes on from its `latest.zip` there."""
    metrics: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    """DVC's hash of its `metrics.jsonl`, whose rows come before the new ones."""


class CheckpointConfig(Section):
    """When training writes checkpoints, and which it starts from."""

    save_every: Positive = 50_000
    """Environment steps between two checkpoints; a killed run loses at most this much work. At each checkpoint the
    environments start new episodes, so a value too small for the episode length is raised (rlx says so)."""
    keep: Positive | None = None
    """How many `step_N.zip` of each seed to keep, the newest; null keeps all."""
    replay: Annotated[Literal["latest", "none"], Since("2026-11-30", older="latest")] = "latest"
    """`latest`: the replay buffer is kept beside the newest checkpoints, each row written once; `none`: it is not, which saves
    its size on disk, and a training that is killed (or continued) goes on with an empty one: not as if it had never stopped."""
    start: Annotated[StartConfig | None, Since("2026-11-21", older=None)] = None
    """Where training starts from; null: from scratch."""


class EvalConfig(Section):
    """The validation episodes that choose `best` during training; the verdict uses others (`final_eval`)."""

    every: Positive = 25_000
    """Environment steps between two validations; the finished policy is validated always."""
    episodes: Annotated[Positive, Field(le=100_000)] = 20
    """Episodes of each validation."""
    deterministic: bool = True
    """Take the policy's most likely action instead of sampling one."""
    step_limit: Annotated[Positive | None, Since("2026-11-25", older=None)] = None
    """A validation episode longer than this is cut: for environments that never end. null: after 100,000 steps. (Held-out
    episodes have `final_eval.step_limit`.)"""


AlgorithmSection = Annotated[SerializeAsAny[AlgorithmConfig], BeforeValidator(algorithm_settings)]
"""The settings of the algorithm that ``name`` says; see :mod:`rlx.config.algorithm_config`."""


class RunConfig(Section):
    """Everything that determines one run."""

    run_name: Annotated[str, Field(max_length=200)] | None = None
    """A title for people; the run's identity is the name of its config file."""
    seed: Annotated[Count, Field(ge=0, lt=2**31)] = 0
    """The first training seed; seed k of the run is `seed + k`."""
    num_seeds: Annotated[Positive, Field(le=1000)] = 5
    """Independent trainings of this configuration. (At least 5 for a verdict, better 10.)"""
    device: Device = "auto"
    """`cpu`, `cuda`, `cuda:1`, `mps`, or `auto`: a CUDA device for image policies where there is one, else the CPU
    (which is faster for small networks)."""
    portable: Annotated[bool, Since("2026-11-30", older=False)] = False
    """Give the same bits on every processor also where that costs time; in `configs/<run>.yaml` alone. (With small networks on the fast engine they are the same
    without it, on x86 processors with AVX2 and FMA. What computes through torch takes 1.04 to 1.5 times as long with it, layers of
    256² and more 1.2 times; on Intel's with AVX-512 it can be more.)"""
    env: EnvConfig = EnvConfig()
    algo: AlgorithmSection = PPOConfig()
    policy: PolicyConfig = PolicyConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    eval: EvalConfig = EvalConfig()

    @model_validator(mode="before")
    @classmethod
    def _policy_of_the_algorithm(cls, data: Any) -> Any:
        """Give `policy` the algorithm's own defaults where it says nothing."""
        if not isinstance(data, dict) or not isinstance(policy := data.get("policy", {}), dict):
            return data
        settings = settings_named(data.get("algo", {}))
        if settings is None:
            return data
        defaults = dict(settings.policy_defaults)
        if settings.image_sizes is not None and policy.get("type") == "cnn":
            defaults["hidden_sizes"] = settings.image_sizes
        return {**data, "policy": {**defaults, **policy}} if defaults else data


def _not_numbered(name: str) -> str:
    if re.search(r"_\d{3,}$", name):
        raise PydanticCustomError(
            "run_name", "names that end in _001 and so on belong to kept experiments; choose another"
        )
    return name


RunName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_\-]*$", max_length=64), AfterValidator(_not_numbered)]


MethodName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_\-]*$", max_length=64)]


class StudyConfig(Section):
    """The runs that are judged together."""

    runs: Annotated[list[RunName], Field(min_length=1)] = []
    """The roster: each name is a file `configs/<name>.yaml` and a folder `runs/<name>/`."""
    baseline: RunName | None = None
    """The run (with `methods`: the method) that the others are compared with; by default the first."""
    methods: dict[MethodName, Annotated[list[RunName], Field(min_length=1)]] = {}
    """For several environments: the runs of each method, one per environment (`{ppo: [ppo_cartpole, ppo_acrobot],
    wide: […]}`). Each run is then compared with the baseline method's on its own environment, and the methods over all
    of them."""


class FinalEvalConfig(Section):
    """The held-out episodes behind every reported score; changing them evaluates again and trains nothing."""

    episodes: Annotated[Positive, Field(le=100_000)] = 100
    """How many held-out episodes each checkpoint plays."""
    seed: Annotated[Count, Field(ge=0, lt=2**31)] = 0
    """Which list of reset seeds; never overlaps with training or validation."""
    deterministic: bool = True
    """Take the policy's most likely action instead of sampling one."""
    step_limit: Positive = 100_000
    """An episode longer than this is cut, and reported as cut: the guard against environments that never end."""


class ReferenceScore(Section):
    """The returns that count as 0 and as 1 on an environment, where several are judged together."""

    low: float | None = None
    """Normalised score 0; where only `high` is given, the random policy's mean return."""
    high: float | None = None
    """Normalised score 1. Without it scores of this environment are not normalised."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low is not None and self.high is not None and self.high <= self.low:
            raise PydanticCustomError("reference", "high must be above low")
        return self


def _looks(value: list[int]) -> list[int]:
    if len(value) < 2:
        raise PydanticCustomError("looks", "needs at least two looks, such as [5, 10, 20]; null judges once")
    if any(later <= sooner for sooner, later in itertools.pairwise(value)):
        raise PydanticCustomError("looks", "must increase: the numbers of seeds at each look, such as [5, 10, 20]")
    return value


Looks = Annotated[list[Annotated[Count, Field(ge=2)]], AfterValidator(_looks)]


Effect = Annotated[float, Field(ge=0)]


class JudgedCompare(Section):
    """What of `compare` belongs to an environment, and may be said in its file or in a run's config."""

    minimum_effect: Effect | None = None
    """As in `params.yaml`."""
    threshold: float | None = None
    """As in `params.yaml`."""


class JudgedSections(Section):
    """What the config of a run, or ``configs/env/<name>.yaml``, may say of how runs are judged."""

    final_eval: FinalEvalConfig = FinalEvalConfig()
    compare: JudgedCompare = JudgedCompare()


class CompareConfig(Section):
    """How runs are judged."""

    alpha: Annotated[float, Field(ge=0.0001, lt=0.5)] = 0.05
    """Error rate: of verdicts `improved` or `regressed` between equal runs, over all runs of a study together; the
    intervals are 1 − alpha intervals."""
    minimum_effect: Effect | None = None
    """The smallest difference in return that matters to you: `improved` needs an interval beyond it, `equivalent` an
    interval inside ± it. null: 2 % of the way from random actions to the threshold (where there is none, to the
    baseline's mean). May be said for an environment or a run."""
    checkpoint: Literal["latest", "best"] = "latest"
    """Which policy is judged: the final one (no choice involved), or the one that validation chose."""
    looks: Looks | None = None
    """A schedule for adding seeds until the answer is clear, decided before the first look: numbers of seeds each,
    such as `[5, 10, 20]`. Verdicts are then corrected for the looks (`rlx compare --sequential`); null judges once."""
    fragility: Annotated[int, Field(ge=0, le=10)] = 0
    """How many further failing seeds `improved` and `regressed` must withstand. Each comparison says how many it does; to
    demand 1 costs power (docs/statistics.md)."""
    threshold: float | None = None
    """The return that counts as solved: `compare` then reports the steps to it and the share of seeds that get there.
    null: none; not said anywhere: Gymnasium's `reward_threshold` of the environment. May be said for an environment or
    a run."""
    reference_scores: dict[str, ReferenceScore] = {}
    """For several environments: by environment id, the returns that count as 0 and as 1. Without them methods are judged over
    environments by what needs no scale."""


class VideoConfig(Section):
    """The film of each run."""

    max_steps: Annotated[Positive, Field(le=1_000_000)] = 3000
    """A film stops after this many steps."""
    max_width: Annotated[Positive, Field(ge=64, le=3840)] = 720
    """Wider frames are scaled down to this many pixels."""


def _sinks(value: list[Any]) -> list[Any]:
    names = [next(iter(item)) if isinstance(item, dict) and len(item) == 1 else item for item in value]
    for name, item in zip(names, value, strict=True):
        if not isinstance(name, str) or not isinstance(item[name] if isinstance(item, dict) else {}, dict):
            raise PydanticCustomError("sinks", "each sink is `name`, or `name: {option: value}`")
    if repeated := next((name for index, name in enumerate(names) if name in names[:index]), None):
        raise PydanticCustomError("sinks", "{name} is listed twice; keep one", {"name": repeated})
    return value


class LogConfig(Section):
    """Where the metrics of trainings are shown besides `metrics.jsonl`: a list, such as `log: [tensorboard, mlflow]` (docs/trackers.md).

    A change trains nothing, and counts from the next training on. `log: {sinks: […]}` says the same.
    """

    sinks: Annotated[list[Any], AfterValidator(_sinks)] = ["tensorboard"]
    """What follows each seed in training: `tensorboard`, `wandb`, `mlflow`, `trackio`, or what an installed package adds (entry
    point `rlx.sinks`); `name` or `name: {option: value}`. `[]`: nothing does. One that fails is said once and left out;
    training goes on."""


def _log(value: Any) -> Any:
    if isinstance(value, list):
        return {"sinks": value}
    if isinstance(value, LogConfig) or (isinstance(value, dict) and {"sinks"} >= value.keys()):
        return value
    raise PydanticCustomError("log", "must be a list, such as `log: {example}`", {"example": _as_sinks(value)})


def _as_sinks(value: Any) -> str:
    """Return a list of sinks that says what was meant."""
    if isinstance(value, str) and value:
        return f"[{value}]"
    if isinstance(value, dict) and value and all(isinstance(options, dict) for options in value.values()):
        named = [f"{{{name}: {{…}}}}" if options else str(name) for name, options in value.items()]
        return f"[{', '.join(named)}]"
    return "[]` where nobody follows, or `log: [tensorboard]" if value is False else "[tensorboard]"


class EngineConfig(Section):
    """The versions of rlx's semantics that the results of this project were made with."""

    train: Positive = rlx.STAGE_VERSIONS["train"]
    """Version of training."""
    eval: Positive = rlx.STAGE_VERSIONS["eval"]
    """Version of evaluation."""


Word = Annotated[str, Field(pattern=r"^\S+$", max_length=500)]
Number = int | float
SET_BY_RLX = (
    "array",
    "parsable",
    "test-only",
    "wrap",
    "signal",
    "requeue",
    "no-requeue",
    "open-mode",
    "output",
    "chdir",
    "job-name",
)
"""Options of ``sbatch`` that rlx itself needs as they are."""


def _extra(value: list[str]) -> list[str]:
    for option in value:
        name = option.removeprefix("--").partition("=")[0]
        if not option.startswith("--") or not name:
            raise PydanticCustomError(
                "extra", "{option} is no option of sbatch in its long form, such as --qos=high", {"option": option}
            )
        if name in SET_BY_RLX:
            raise PydanticCustomError("extra", "rlx itself sets --{name}; leave it out", {"name": name})
    return value


def _executor(value: str) -> str:
    if value in OWN_EXECUTORS:
        return value
    known = [*OWN_EXECUTORS, *plugins("rlx.executors")]
    if value not in known:
        raise PydanticCustomError("executor", "no executor is called so; {hint}", {"hint": nearest(value, known)})
    return value


class SlurmConfig(Section):
    """What each job asks of Slurm; what is not said here is as the cluster has it (docs/scale.md)."""

    cpus: Annotated[Positive, Field(le=1024)] = 1
    """Processors of a job: a seed trains in one thread, and copies of an environment may have processes of their own."""
    mem: Annotated[str, Field(pattern=r"^[1-9]\d*[KMGT]?$")] | None = None
    """Memory of a job: `4G`; a number alone is megabytes."""
    gpus: Annotated[int, Field(ge=0, le=64)] = 0
    """GPUs of a job; `device` says whether training uses one."""
    time: Annotated[str, Field(pattern=r"^(\d+-)?\d+(:\d\d){0,2}$")] | Positive | None = None
    """Time limit of a job: minutes, `HH:MM:SS` or `DAYS-HH`. A training that is longer goes on in the next job."""
    partition: Word | None = None
    """Where jobs are queued."""
    account: Word | None = None
    """Whom they are charged to."""
    parallel: Positive | None = None
    """How many jobs may run at once; null: as many as Slurm lets."""
    warning: Annotated[int, Field(ge=30, le=3600)] = 120
    """Seconds before the time limit at which a job stops at its next checkpoint and is queued again. Training between two
    checkpoints should take less."""
    extra: Annotated[list[Word], AfterValidator(_extra)] = []
    """More options of `sbatch`, as they are: `[--qos=high, --constraint=a100]`."""


class RayConfig(Section):
    """What each task asks of Ray (docs/scale.md)."""

    address: Word | None = None
    """Which cluster: `HOST:PORT`; `local`: one that is started for the command, and ends with it; null: `RAY_ADDRESS`, else the
    cluster that `ray start` has started on this machine."""
    cpus: Annotated[Number, Field(gt=0, le=1024)] = 1
    """Processors of a task, a part of one too: by them Ray counts how many run on a node at once."""
    gpus: Annotated[Number, Field(ge=0, le=64)] = 0
    """GPUs of a task, a part of one too."""
    resources: dict[str, Annotated[Number, Field(gt=0)]] = {}
    """Resources of your own by name, of which nodes say how many they have: `{fast: 1}`."""


def _spelled_out(value: Any) -> Any:
    """Return the section that a name alone stands for."""
    return {"executor": value} if isinstance(value, str) else value


class LaunchConfig(Section):
    """Where seeds are trained, which changes no result; `--executor` says it for one command.

    `launch: slurm` is short for `launch: {executor: slurm}`.
    """

    executor: Annotated[str, AfterValidator(_executor)] = OWN_EXECUTORS[0]
    """`local` (processes of this machine), `slurm`, `ray` (docs/scale.md), or an executor that an installed package adds
    (docs/plugins.md)."""
    slurm: SlurmConfig = SlurmConfig()
    """What each job asks of Slurm; what is not said is as the cluster has it."""
    ray: RayConfig = RayConfig()
    """What each task asks of Ray."""


class Parameters(RunConfig):
    """The whole of ``params.yaml``: the roster, the base configuration, and what runs are judged by."""

    study: StudyConfig = StudyConfig()
    final_eval: FinalEvalConfig = FinalEvalConfig()
    compare: CompareConfig = CompareConfig()
    video: VideoConfig = VideoConfig()
    log: Annotated[LogConfig, BeforeValidator(_log)] = LogConfig()
    launch: Annotated[LaunchConfig, BeforeValidator(_spelled_out)] = LaunchConfig()
    engine: EngineConfig = EngineConfig()

    @property
    def baseline(self) -> str:
        """The run, or method, that the others are compared with."""
        return self.study.baseline or next(iter(self.study.methods or self.study.runs))
