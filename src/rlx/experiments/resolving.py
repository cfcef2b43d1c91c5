"""From config files to a snapshot: compose, check against the environment and network, and hash the project's code."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rlx.algorithms import algorithm, check_arguments, device_for, own_modules
from rlx.config import (
    FILE as JUDGING,
    SWITCH,
    TRAINING_PLACE,
    Composed,
    Judging,
    KeyPath,
    ProjectCode,
    RunConfig,
    Snapshot,
    as_setting,
    check_links,
    compose_run,
    data_hashes,
    hashes_of,
    named_data,
    read_parameters,
    read_snapshot,
    write_json,
    write_text,
)
from rlx.diagnosis import RunRecord, diagnose
from rlx.envs import space_from_data
from rlx.errors import ConfigError, EnvironmentUnusable, Missing, PolicyUnusable, Problem, RlxError
from rlx.experiments.added_rules import more_rules
from rlx.experiments.environment_check import check_environment
from rlx.experiments.environment_misfits import misfits
from rlx.experiments.environment_notices import notices
from rlx.experiments.pipeline import is_of_older_rlx
from rlx.experiments.training_check import training_problems
from rlx.experiments.watched_data import check_watched
from rlx.launch import LOCAL
from rlx.records import FILE as TASK, EnvironmentFacts, asked_executor, chosen_sinks

NOT_READ = "the stages in dvc.yaml are of an older rlx and do not read this; bring them up to date with `rlx upgrade`"
OLDER = (
    "dvc.yaml is of an older rlx; `rlx upgrade` brings it up to date: each environment is then judged by its own values"
)


@dataclass(frozen=True)
class Resolved:
    """A run ready to train, and what its owner should know.

    Attributes:
        snapshot: Its effective configuration.
        facts: What the check of its environment found (``task.json``).
        notices: Sentences.
        judging: By what it will be judged.
        sources: Where each value of the configuration comes from, by dotted key: a file, or ``default``.
    """

    snapshot: Snapshot
    facts: EnvironmentFacts
    notices: tuple[str, ...]
    judging: Judging
    sources: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Write what the resolve stage writes into a run's folder, all of it small and for Git.

        Raises:
            DataRefused: A link stands in the place of the folder or of a file.
        """
        check_links(folder, ("config_snapshot.yaml", JUDGING, TASK))
        write_text(folder / "config_snapshot.yaml", self.snapshot.to_yaml())
        write_text(folder / JUDGING, self.judging.to_yaml())
        write_json(folder / TASK, {**self.facts.to_data(), "sources": dict(self.sources)})


def resolve_run(root: Path, run: str, configs_from: Path | None = None) -> Resolved:
    """Compose, check and snapshot ``configs/<run>.yaml`` of the project at ``root``.

    Args:
        root: The project.
        run: The run's name.
        configs_from: A folder with other ``params.yaml`` and ``configs/`` than the project's.

    Raises:
        ConfigError: Anything is wrong with it, or with the sinks that ``params.yaml`` chooses; the message names file, line
            and cure.
    """
    chosen_sinks(configs_from or root)
    composed = composed_run(root, run, configs_from)
    older = is_of_older_rlx(root)
    if older and composed.judging:
        raise ConfigError(
            [document.problem(path, NOT_READ) for document in composed.judging for path in document.keys][:1]
        )
    _check_entry(root, run, composed, configs_from)
    config = composed.config
    _check_algorithm(root, composed)
    checked = check_environment(root, config.env)
    facts = checked.facts
    found = [(each.key, each.message) for each in facts.problems] or [*misfits(config, facts)]
    found = found or training_problems(root, config.env)
    if found:
        raise EnvironmentUnusable([composed.problem(key, message) for key, message in found])
    _check_device(root, composed)
    modules = [*facts.modules, *_network_modules(root, composed), *_algorithm_modules(root, composed)]
    code = ProjectCode(
        hashes_of(root, modules, _known_hashes(root, run) if modules else {}),
        dict(facts.registration),
        _data(root, composed, ("env", "kwargs"), facts.data),
        _data(root, composed, TRAINING_PLACE, {*named_data(root, config.env.training.arguments)} - {*facts.data}),
    )
    check_watched(root, run, code)
    told = (*notices(composed, checked), *_smells(root, run, config, facts), *([OLDER] if older else []))
    judging = composed.judged(None if config.env.wrappers else facts.reward_threshold)
    return Resolved(Snapshot(config, code), facts, told, judging, composed.sources())


def composed_run(root: Path, run: str, configs_from: Path | None = None) -> Composed:
    """Compose a run; of one that does not fit together, masks that its algorithm needs and its environment lacks are told first.

    Raises:
        ConfigError: See :func:`rlx.config.compose_run`.
    """
    try:
        return compose_run(root, run, configs_from=configs_from)
    except ConfigError as error:
        first = _missing_masks(root, run, configs_from)
        if first is None:
            raise
        raise ConfigError([first, *error.problems]) from None


def _missing_masks(root: Path, run: str, configs_from: Path | None) -> Problem | None:
    """Return what to tell of an algorithm that needs masks in an environment without any; None otherwise."""
    try:
        composed = compose_run(root, run, consistent=False, configs_from=configs_from)
        row = algorithm(composed.config.algo.name, root)
        if row.masks != "needed":
            return None
        facts = check_environment(root, composed.config.env).facts
    except RlxError:
        return None
    seen, acts = facts.observation_space, facts.action_space
    if facts.masks or seen is None or acts is None or not (seen.data and acts.data):
        return None
    spaces = space_from_data(dict(seen.data)), space_from_data(dict(acts.data))
    refusal = row.refusal(*spaces, has_masks=False)
    return None if refusal is None else composed.problem(("algo", "name"), refusal)


def _check_entry(root: Path, run: str, composed: Composed, configs_from: Path | None) -> None:
    """Refuse to train a run anew by values that nobody asked for.

    What a whole entry of rl-zoo leaves out has Stable-Baselines3's defaults; older versions gave it the base's values.
    Where the run was made by those, its owner decides.
    """
    filled = [(document, path) for _, document in composed.documents for path in document.filled]
    if not filled or SWITCH in {path[0] for document, _ in filled for path in document.keys}:
        return
    try:
        made = read_snapshot(root / "runs" / run / "config_snapshot.yaml").config.model_dump()
    except RlxError:
        return
    before = compose_run(root, run, whole_entries=False, configs_from=configs_from).config.model_dump()
    now = composed.config.model_dump()
    changed = {
        f"{section}.{key}": (made[section][key], now[section][key], document)
        for document, (section, key) in filled
        if made[section][key] == before[section][key] != now[section][key]
    }
    if changed:
        values = ", ".join(f"{name} {old} → {new}" for name, (old, new, _) in sorted(changed.items()))
        document = next(iter(changed.values()))[2]
        message = (
            f"what this entry of rl-zoo leaves out now has Stable-Baselines3's defaults, so {run} would train anew: {values}. "
            f"Write `{SWITCH}: true` into {document.name} to train with those, or `{SWITCH}: false` to keep the base's values"
        )
        raise ConfigError([Problem(document.name, None, None, SWITCH, message)])


def _network_modules(root: Path, composed: Composed) -> list[str]:
    """Return the modules of the project's own network, after checking that it can be used."""
    config = composed.config
    try:
        modules = own_modules(root, config.policy.type)
    except PolicyUnusable as error:
        raise PolicyUnusable([composed.problem(("policy", "type"), str(error))]) from None
    try:
        check_arguments(root, config)
    except PolicyUnusable as error:
        raise PolicyUnusable([composed.problem(("policy", "kwargs"), str(error))]) from None
    return modules


def _check_algorithm(root: Path, composed: Composed) -> None:
    """Refuse an algorithm that needs what is not installed."""
    try:
        algorithm(composed.config.algo.name, root).check_needs()
    except PolicyUnusable as error:
        raise PolicyUnusable([composed.problem(("algo", "name"), str(error))]) from None


def _check_device(root: Path, composed: Composed) -> None:
    """Refuse a device that this machine has not, where it is to train."""
    if composed.config.device == "auto" or asked_executor(root) != LOCAL:
        return
    try:
        device_for(composed.config)
    except PolicyUnusable as error:
        message = str(error).removeprefix(f"device: {composed.config.device}: ")
        raise PolicyUnusable([composed.problem(("device",), message)]) from None


def _algorithm_modules(root: Path, composed: Composed) -> list[str]:
    """Return the modules of the project's own algorithm; none of another one."""
    row = algorithm(composed.config.algo.name, root)
    return [name for name in (row.make.__module__, row.Config.__module__) if name.partition(".")[0] == "algorithms"]


def _data(root: Path, composed: Composed, setting: KeyPath, files: Collection[str]) -> dict[str, str]:
    """Return the hashes of files that the environment reads, which a setting names."""
    try:
        return data_hashes(root, files)
    except Missing as error:
        raise EnvironmentUnusable([composed.problem(setting, str(error))]) from None


def _known_hashes(root: Path, run: str) -> dict[str, set[str]]:
    """Return the hashes of code in the snapshots of a run and the study, so that equal code keeps its hash.

    Older versions hashed bytes. Were such a hash written anew, the run would train again for nothing, and runs whose
    environment is the same could not be compared.
    """
    found: dict[str, set[str]] = {}
    for name in dict.fromkeys([run, *read_parameters(root).study.runs]):
        try:
            files = read_snapshot(root / "runs" / name / "config_snapshot.yaml").code.files
        except RlxError:
            continue
        for path, digest in files.items():
            found.setdefault(path, set()).add(str(digest))
    return found


def _smells(root: Path, run: str, config: RunConfig, facts: EnvironmentFacts) -> Iterator[str]:
    """Yield what the diagnosis finds in the configuration before anything is trained."""
    family = algorithm(config.algo.name).family
    record = RunRecord(run, config, "resolved", (), None, facts.task, config.num_seeds, family=family)
    found = diagnose(record, more_rules(root))
    for finding in found.findings:
        settings = " ".join(
            f"-S {shlex.quote(as_setting(key, value))}"
            for s in finding.suggestions[:1]
            for key, value in s.overrides.items()
        )
        yield f"{finding.severity}: {finding.what}" + (f" Try `{settings}`." if settings else "")
