"""A run's effective configuration: ``params.yaml``, then what the config's ``defaults`` name, then the config itself.

Each file is read, translated and checked by itself first, so that every mistake is named with its line; then Hydra's
compose API merges them. ``defaults`` works as in Hydra: groups are the folders of ``configs/`` (``- env: lunarlander``
is ``configs/env/lunarlander.yaml``), other configs are named plainly (``- cartpole``), and the file's own keys come
last unless ``_self_`` says otherwise.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlx.config.algorithm_config import AlgorithmConfig, for_algorithm, look_for_algorithm, reads_policy
from rlx.config.algorithm_names import algorithm_in
from rlx.config.checks import inconsistencies, roster_mistakes
from rlx.config.config_files import ConfigFiles, read_own
from rlx.config.document import Document, KeyPath
from rlx.config.entries import source_of
from rlx.config.judging import Judging, judging_of
from rlx.config.ppo_config import PPOConfig
from rlx.config.schedules import is_schedule, whole
from rlx.config.schema import Parameters, RunConfig
from rlx.config.translation import translated
from rlx.config.validation import problems_in, section_type
from rlx.config.values import Schedule, lasting
from rlx.errors import ConfigError, Problem

BASE_KEYS = tuple(RunConfig.model_fields)
UNREAD = "{} makes its network itself and reads nothing of `policy`; remove it"
LISTED = "2026-11-25"
"""The day since which ``task.json`` lists where values come from."""


@dataclass(frozen=True)
class Composed:
    """A run's effective configuration, its own config file, and all files it came from, the strongest first.

    Attributes:
        config: The configuration.
        own: The run's config file.
        documents: Every file with the section it stands for, ``params.yaml`` last.
        judging: What those files, ``params.yaml`` aside, say of how the run is judged.
    """

    config: RunConfig
    own: Document
    documents: tuple[tuple[KeyPath, Document], ...]
    judging: tuple[Document, ...] = ()

    @property
    def parameters(self) -> Document:
        """``params.yaml``."""
        return self.documents[-1][1]

    def judged(self, registered: float | None = None) -> Judging:
        """Return by what the run is judged; see :func:`rlx.config.judging.judging_of`."""
        return judging_of(self.config.env.id, self.judging, self.parameters, registered)

    def sources(self) -> dict[str, str]:
        """Return where each value of the effective configuration comes from, by dotted key: a file, or ``default``.

        A setting that is newer than ``task.json``, where this stands, is left out as the snapshot leaves it out.
        """
        return {".".join(path): self._source(path) for path in _leaves(lasting(self.config, LISTED), ())}

    def _source(self, path: tuple[str, ...]) -> str:
        for prefix, document in self.documents:
            inner = path[len(prefix) :]
            if path[: len(prefix)] == prefix and any(
                inner[: depth + 1] in document.filled for depth in range(len(inner))
            ):
                return f"{source_of(self.config.algo.name)} ({document.name})"
            if path[: len(prefix)] == prefix and any(
                inner[:depth] in document.keys for depth in _said(document, inner)
            ):
                return document.name
        return "default"

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Place a complaint at the strongest file that sets ``path``, or else at the config itself."""
        for prefix, document in self.documents:
            inner = path[len(prefix) :]
            if path[: len(prefix)] == prefix and inner in document.keys:
                return Problem(
                    document.name,
                    document.keys[inner].line,
                    document.keys[inner].column,
                    ".".join(map(str, path)),
                    message,
                )
        return Problem(self.own.name, None, None, ".".join(map(str, path)), message)


def _leaves(value: Any, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the paths of the values of a configuration; mappings that belong to other libraries are values."""
    if isinstance(value, dict) and value and path[-1:] != ("kwargs",) and not _is_value(value):
        return [leaf for key, item in value.items() for leaf in _leaves(item, (*path, str(key)))]
    return [path]


def _is_value(value: dict[str, Any]) -> bool:
    return {"start", "end"} >= set(value) or is_schedule(value)


def _said(document: Document, inner: tuple[str | int, ...]) -> Iterator[int]:
    """Yield the depths at which a document may say a key: itself, or a value that stands for all below it."""
    yield len(inner)
    for depth in range(1, len(inner)):
        section: Any = document.data
        for part in inner[:depth]:
            section = section.get(part) if isinstance(section, dict) else None
        if section is not None and not isinstance(section, dict):
            yield depth


def read_parameters(root: Path, configs_from: Path | None = None) -> Parameters:
    """Read and validate ``params.yaml`` of the project at ``root``, or another one, for which its code counts.

    Raises:
        ConfigError: Naming everything that is wrong in it.
    """
    document = _parameters_document(root, configs_from)
    parameters = Parameters.model_validate(document.data)
    problems = [document.problem(*found) for found in roster_mistakes(parameters.study)]
    if problems:
        raise ConfigError(problems)
    return parameters


def parameters_problem(root: Path, path: KeyPath, message: str) -> Problem:
    """Place a complaint about a value of ``params.yaml``, which was read before without complaint, at its line.

    Its key is what stands there, where that is another than what it means (``log: […]``: ``log.sinks``).
    """
    document = _parameters_document(root)
    written = document.origins.get(path) or path
    return replace(document.problem(path, message, at_value=True), key=".".join(map(str, written)))


def compose_run(
    root: Path, run: str, *, whole_entries: bool = True, consistent: bool = True, configs_from: Path | None = None
) -> Composed:
    """Compose the effective configuration of ``configs/<run>.yaml``.

    Args:
        root: The project.
        run: The config's name.
        consistent: False: inconsistencies of the whole are not looked for.
        whole_entries: False: as older versions did, which gave what a pasted entry left out the base's values.
        configs_from: A folder with other ``params.yaml`` and ``configs/`` than the project's.

    Raises:
        ConfigError: Naming everything that is wrong in ``params.yaml`` and in every file the config builds on, or,
            when each file is sound by itself, every inconsistency of the whole.
    """
    base = _parameters_document(root, configs_from)
    files = ConfigFiles(configs_from or root, whole_entries=whole_entries)
    files.collect("", run)
    own, of_base = files.algorithm(), algorithm_of(base)
    name = own or of_base or "ppo"
    settings = look_for_algorithm(root, name)
    if settings is not None:
        files.check(settings, base.data["env"].get("id") if isinstance(base.data.get("env"), dict) else None)
        files.problems += [] if reads_policy(name) else files.saying("policy", UNREAD.format(name))
    elif not files.problems:
        files.problems.append(files.unknown_algorithm(name))
    if files.problems:
        raise ConfigError(files.problems)
    base_data = {key: value for key, value in base.data.items() if key in BASE_KEYS}
    if own is not None and own != (of_base or "ppo") and isinstance(base_data.get("algo"), dict):
        # what params.yaml says is meant for another algorithm; how long to train is every one's
        _keep_only(base, base_data, "algo", "total_timesteps")
    networks_differ = own not in (None, of_base or "ppo") and any(
        each is not None and each.policy_defaults for each in (settings, look_for_algorithm(root, of_base or "ppo"))
    )
    if not reads_policy(name) or networks_differ:
        _keep_only(base, base_data, "policy")
    files.leave_strongest("policy", "hidden_sizes", Document("params.yaml", base_data))
    nodes = {key: _with_whole_schedules(document.data, settings, key) for key, document in files.nodes.items()}
    data = _compose(_with_whole_schedules(base_data, settings), nodes, run)
    documents = (*files.order, ((), base))
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError(
            [Problem(f"configs/{run}.yaml", None, None, "", f"its parts do not fit together: {error}")]
        ) from None
    if config.run_name is None:
        config = config.model_copy(update={"run_name": run})
    composed = Composed(config, files.nodes[run], documents, tuple(files.judged(config.env.id)))
    if files.problems:
        raise ConfigError(files.problems)
    found = [composed.problem(path, message) for path, message in inconsistencies(config) if consistent]
    if not config.env.id:
        found.append(
            composed.problem(("env", "id"), "is missing: which Gymnasium environment? (`env: {id: CartPole-v1}`)")
        )
    if found:
        raise ConfigError(found)
    return composed


def _with_whole_schedules(
    data: dict[str, Any], settings: type[AlgorithmConfig] | None, key: str = ""
) -> dict[str, Any]:
    """Return what a file says with its schedules in full, so that each replaces another file's instead of mixing with it.

    Args:
        data: What it says.
        settings: Of the algorithm.
        key: The file's among the configs: ``algo/NAME`` for one that holds settings of the algorithm alone.
    """
    of_algorithm = key.startswith("algo/")
    algo = data if of_algorithm else data.get("algo")
    if settings is None or not isinstance(algo, dict):
        return data
    scheduled = [name for name, info in settings.model_fields.items() if section_type(info.annotation) is Schedule]
    algo = algo | {name: whole(algo[name]) for name in scheduled if name in algo}
    return algo if of_algorithm else {**data, "algo": algo}


def _keep_only(base: Document, data: dict[str, Any], section: str, *keys: str) -> None:
    """Leave some keys of what the base says in a section, which is meant for another algorithm."""
    data[section] = {name: value for name, value in data.get(section, {}).items() if name in keys}
    for path in [path for path in base.keys if path[0] == section and path[1:2] not in ((), *((key,) for key in keys))]:
        del base.keys[path]


def algorithm_of(document: Document) -> str | None:
    """Return the algorithm that ``params.yaml`` names; None where it names none."""
    return algorithm_in(document.data.get("algo"))


def _parameters_document(root: Path, configs_from: Path | None = None) -> Document:
    document = read_own(configs_from or root, "params.yaml")
    if isinstance(sinks := document.data.get("log"), list):
        document.move(("log",), ("log", "sinks"), sinks)
    settings = look_for_algorithm(root, algorithm_of(document) or "ppo")
    problems = document.problems + translated(document, settings or PPOConfig)[0]
    problems += problems_in(document, Parameters if settings is None else for_algorithm(Parameters, settings))
    if ("portable",) in document.keys:  # as a parameter it would have to be in every project's params.yaml
        told = "is said of a run, in configs/<run>.yaml: DVC does not see it change here"
        problems.append(document.problem(("portable",), told))
    if problems:
        raise ConfigError(problems)
    return document


def load_all() -> Iterator[bool]:
    """Load, a part at a time, what composing takes, for a process whose forks will; yields True."""
    for model in (Parameters, RunConfig):
        for_algorithm(model, PPOConfig)
        yield True
    _compose({}, {"nothing": {}}, "nothing")
    yield True
    _merged_by_hydra({}, {"nothing": {}}, "nothing")
    yield True


def _compose(base: dict[str, Any], data: dict[str, Any], run: str) -> dict[str, Any]:
    """Merge the checked mappings; what was merged before in this process is not merged again."""
    merged: dict[str, Any] = pickle.loads(_merged(pickle.dumps((base, data, run))))
    return merged


@lru_cache(maxsize=64)
def _merged(packed: bytes) -> bytes:
    """Merge what was pickled, and pickle the result.

    Hydra itself takes 0.3 s of processor time to load and to compose. Where a config names nothing that it builds on, and nothing is
    to be interpolated, what is left of its work is OmegaConf's merge.
    """
    base, nodes, run = pickle.loads(packed)
    alone = len(nodes) == 1 and nodes[run].get("defaults", []) in ([], ["_self_"]) and b"${" not in packed
    merged = _merged_alone(base, nodes[run], run) if alone else _merged_by_hydra(base, nodes, run)
    return pickle.dumps({str(key): value for key, value in merged.items()})


def _merged_alone(base: dict[str, Any], node: dict[str, Any], run: str) -> Any:
    """Merge a config that builds on nothing but the base, as Hydra does."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    own = {key: value for key, value in node.items() if key != "defaults"}
    try:
        return OmegaConf.to_container(OmegaConf.merge(base, own))
    except OmegaConfBaseException as error:
        raise _not_composed(run, error) from None


def _merged_by_hydra(base: dict[str, Any], nodes: dict[str, dict[str, Any]], run: str) -> Any:
    """Merge a config and what its ``defaults`` name with Hydra's compose API."""
    from hydra import compose, initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    store = ConfigStore.instance()
    kept = set(store.repo)
    GlobalHydra.instance().clear()
    try:
        store.store(name="_base_", node=base)
        store.store(name="_root_", node={"defaults": ["_base_", run, "_self_"]})
        for key, node in nodes.items():
            group, _, name = key.rpartition("/")
            if "defaults" in node and "_self_" not in node["defaults"]:
                node["defaults"] = [*node["defaults"], "_self_"]
            store.store(group=group or None, name=name, node=node)
        # a folder without configurations: all are in the store (`initialize` would search the stack for its caller)
        with initialize_config_dir(str(Path(__file__).parent), version_base="1.3"):
            merged = compose(config_name="_root_")
        return OmegaConf.to_container(merged, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise _not_composed(run, error) from None
    finally:
        for key in set(store.repo) - kept - {"hydra"}:
            del store.repo[key]
        GlobalHydra.instance().clear()


def _not_composed(run: str, error: Exception) -> ConfigError:
    return ConfigError([Problem(f"configs/{run}.yaml", None, None, "", f"cannot be composed: {error}")])
