"""A run's effective configuration: ``params.yaml``, then what the config's ``defaults`` name, then the config itself.

Each file is read, translated and checked by itself first, so that every mistake is named with its line; then Hydra's
compose API merges them. ``defaults`` works as in Hydra: groups are the folders of ``configs/`` (``- env: lunarlander``
is ``configs/env/lunarlander.yaml``), other configs are named plainly (``- cartpole``), and the file's own keys come
last unless ``_self_`` says otherwise.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlx.config.aliases import translate
from rlx.config.checks import inconsistencies, roster_mistakes
from rlx.config.document import Document, KeyPath, read_document
from rlx.config.entries import SOURCE as ENTRY_DEFAULT
from rlx.config.entries import fill, unfold
from rlx.config.judging import Judging, judging_of, take_out
from rlx.config.schema import JudgedSections, Parameters, RunConfig
from rlx.config.validation import problems_in
from rlx.containment import leads_out
from rlx.errors import ConfigError, Problem

GROUPS = ("env", "algo", "policy", "checkpoint", "eval")
BASE_KEYS = tuple(RunConfig.model_fields)


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
        """Return where each value of the effective configuration comes from, by dotted key: a file, or ``default``."""
        return {".".join(path): self._source(path) for path in _leaves(self.config.model_dump(), ())}

    def _source(self, path: tuple[str, ...]) -> str:
        for prefix, document in self.documents:
            inner = path[len(prefix) :]
            if path[: len(prefix)] == prefix and any(
                inner[: depth + 1] in document.filled for depth in range(len(inner))
            ):
                return f"{ENTRY_DEFAULT} ({document.name})"
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
    if isinstance(value, dict) and value and path[-1:] != ("kwargs",) and not {"start", "end"} >= set(value):
        return [leaf for key, item in value.items() for leaf in _leaves(item, (*path, str(key)))]
    return [path]


def _said(document: Document, inner: tuple[str | int, ...]) -> Iterator[int]:
    """Yield the depths at which a document may say a key: itself, or a value that stands for all below it."""
    yield len(inner)
    for depth in range(1, len(inner)):
        section: Any = document.data
        for part in inner[:depth]:
            section = section.get(part) if isinstance(section, dict) else None
        if section is not None and not isinstance(section, dict):
            yield depth


def read_parameters(root: Path) -> Parameters:
    """Read and validate ``params.yaml`` of the project at ``root``.

    Raises:
        ConfigError: Naming everything that is wrong in it.
    """
    document = _parameters_document(root)
    parameters = Parameters.model_validate(document.data)
    problems = [document.problem(*found) for found in roster_mistakes(parameters.study)]
    if problems:
        raise ConfigError(problems)
    return parameters


def compose_run(root: Path, run: str, *, whole_entries: bool = True) -> Composed:
    """Compose the effective configuration of ``configs/<run>.yaml``.

    Args:
        root: The project.
        run: The config's name.
        whole_entries: False: as older versions did, which gave what a pasted entry left out the base's values.

    Raises:
        ConfigError: Naming everything that is wrong in ``params.yaml`` and in every file the config builds on, or,
            when each file is sound by itself, every inconsistency of the whole.
    """
    base = _parameters_document(root)
    files = _Files(root, whole_entries=whole_entries)
    files.collect("", run)
    if files.problems:
        raise ConfigError(files.problems)
    base_data = {key: value for key, value in base.data.items() if key in BASE_KEYS}
    data = _compose(base_data, files.nodes, run)
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
    found = [composed.problem(path, message) for path, message in inconsistencies(config)]
    if not config.env.id:
        found.append(
            composed.problem(("env", "id"), "is missing: which Gymnasium environment? (`env: {id: CartPole-v1}`)")
        )
    if found:
        raise ConfigError(found)
    return composed


def _parameters_document(root: Path) -> Document:
    document = _read_own(root, "params.yaml")
    problems = document.problems + unfold(document)[0] + translate(document) + problems_in(document, Parameters)
    if problems:
        raise ConfigError(problems)
    return document


def _read_own(root: Path, name: str) -> Document:
    """Read a document of the project; a link out of it may be somebody else's, and is not followed."""
    if leads_out(root, root / name):
        message = "is a link to a file outside of the project, and is not read; copy the file here"
        raise ConfigError([Problem(name, None, None, "", message)])
    return read_document(root / name, name)


@dataclass
class _Files:
    """A config and everything its ``defaults`` name, each read once and checked by itself.

    Attributes:
        root: The project.
        nodes: Every file, by its name for Hydra.
        order: The same with the section each stands for, the strongest first.
        problems: Everything that is wrong with them.
        judging: What configs and environments' files say of how runs are judged, the strongest first; the latter with
            the file, which names its environment.
        whole_entries: Whether what a whole entry of rl-zoo leaves out has Stable-Baselines3's defaults.
    """

    root: Path
    nodes: dict[str, Document] = field(default_factory=dict)
    order: list[tuple[KeyPath, Document]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    judging: list[tuple[Document, Document | None]] = field(default_factory=list)
    whole_entries: bool = True

    def collect(self, group: str, name: str, mention: Problem | None = None, ancestors: tuple[str, ...] = ()) -> None:
        """Read ``configs/<group>/<name>.yaml`` and what it builds on.

        Args:
            group: The folder of ``configs/``; empty for a config.
            name: The file.
            mention: What to complain of if there is no such file: the line that names it.
            ancestors: The configs that build on this one.
        """
        key = f"{group}/{name}" if group else name
        if key in self.nodes:
            return
        document = self._read(group, name, mention)
        if document is None:
            return
        self.nodes[key] = document
        entries = document.data.pop("defaults", [])
        prefix: KeyPath = (group,) if group else ()
        self.problems += document.problems
        judging = take_out(document) if group in ("", "env") else Document(document.name, {})
        self.problems += problems_in(judging, JudgedSections)
        if group:
            self.problems += _translate_group(document, group)
        else:
            problems, whole = unfold(document)
            self.problems += problems + translate(document)
            if whole and self.whole_entries:
                fill(document)
        self.problems += problems_in(document, RunConfig, prefix)
        if not isinstance(entries, list):
            self.problems.append(document.problem(("defaults",), "must be a list, such as `- env: lunarlander`"))
            return
        ordered = list(enumerate(entries)) + ([] if "_self_" in entries else [(len(entries), "_self_")])
        for index, entry in reversed(ordered):
            if entry == "_self_":
                self.order.append((prefix, document))
                self.judging += [(judging, document if group else None)]
            elif group:
                self.problems.append(document.problem(("defaults", index), "a group file builds on nothing else"))
            else:
                self._follow(document, index, entry, (*ancestors, name))
        document.data["defaults"] = entries

    def judged(self, env_id: str) -> list[Document]:
        """Return what is said of how runs on an environment are judged, the strongest first.

        That is the run's configs, then the file of its environment in ``configs/env/``: the one among its ``defaults``,
        or else the one that has its ``id``. What is said of another environment than the run has in the end is not meant.
        """
        found = [said for said, node in self.judging if node is None or node.data.get("id", env_id) == env_id]
        if not any(node is not None and node.data.get("id") == env_id for _, node in self.judging):
            others = _Files(self.root)
            for path in sorted((self.root / "configs" / "env").glob("*.yaml")):
                if f"env/{path.stem}" not in self.nodes and _names(path, env_id):
                    others.collect("env", path.stem)
            self.problems += others.problems
            known = [said for said, _ in others.judging if said.data]
            found += known
            if len(known) > 1:
                message = (
                    f"{known[0].name} says how runs on {env_id} are judged too; keep one, or name one in `defaults`"
                )
                self.problems.append(known[1].problem((next(iter(known[1].data)),), message))
        return [said for said in found if said.data]

    def _read(self, group: str, name: str, mention: Problem | None) -> Document | None:
        shown = f"configs/{group}/{name}.yaml" if group else f"configs/{name}.yaml"
        path = self.root / shown
        if not re.fullmatch(r"[A-Za-z0-9_\-]+", name) or not path.is_file():
            self.problems.append(mention or Problem(shown, None, None, "", _no_such_config(self.root, group, name)))
            return None
        try:
            return _read_own(self.root, shown)
        except ConfigError as error:
            self.problems += error.problems
            return None

    def _follow(self, document: Document, index: int, entry: Any, ancestors: tuple[str, ...]) -> None:
        """Collect what one entry of a config's ``defaults`` names."""
        here: KeyPath = ("defaults", index)
        if isinstance(entry, str) and entry in ancestors:
            message = f"{entry!r} builds on this config itself; a circle cannot be composed"
            self.problems.append(document.problem(here, message))
        elif isinstance(entry, str):
            self.collect("", entry, document.problem(here, _no_such_config(self.root, "", entry)), ancestors)
        elif isinstance(entry, dict) and len(entry) == 1 and all(isinstance(name, str) for name in entry.values()):
            ((group, choice),) = entry.items()
            if group in GROUPS:
                self.collect(group, choice, document.problem(here, _no_such_config(self.root, group, choice)))
                return
            guess = difflib.get_close_matches(group, GROUPS, 1)
            hint = f"did you mean {guess[0]}?" if guess else f"groups are {', '.join(GROUPS)}"
            self.problems.append(document.problem(here, f"{group!r} is not a group; {hint}"))
        else:
            message = "must be `group: name`, the name of another config, or _self_"
            self.problems.append(document.problem(here, message))


def _translate_group(document: Document, group: str) -> list[Problem]:
    """Translate SB3's names in a group file, whose content is one section; they may not leave that section."""
    whole = Document(
        document.name,
        {group: document.data},
        {(group,): next(iter(document.keys.values()))}
        | {(group, *path): place for path, place in document.keys.items()}
        if document.keys
        else {},
        {(group, *path): place for path, place in document.values.items()},
    )
    problems = translate(whole)
    problems += [
        whole.problem((key,), f"belongs to `{key}`, and this file may only set `{group}`")
        for key in whole.data
        if key != group
    ]
    document.data = whole.data.get(group, {})
    document.origins = {path[1:]: origin and origin[1:] for path, origin in whole.origins.items()}
    document.keys = {path[1:]: place for path, place in whole.keys.items() if path[0] == group and len(path) > 1}
    document.values = {path[1:]: place for path, place in whole.values.items() if path[0] == group and len(path) > 1}
    return problems


def _names(path: Path, env_id: str) -> bool:
    """Tell whether a file of an environment that nobody asked for says how runs on this one are judged."""
    try:
        document = read_document(path)
    except ConfigError:
        return False
    return document.data.get("id") == env_id and bool(take_out(document).data)


def _no_such_config(root: Path, group: str, name: str) -> str:
    folder = root / "configs" / group
    known = sorted(path.stem for path in folder.glob("*.yaml")) if folder.is_dir() else []
    guess = difflib.get_close_matches(name, known, 1)
    where = f"configs/{group}/" if group else "configs/"
    hint = f"did you mean {guess[0]}?" if guess else f"there are: {', '.join(known) or 'none'}"
    return f"there is no config {name!r} in {where}; {hint}"


def _compose(base: dict[str, Any], nodes: dict[str, Document], run: str) -> dict[str, Any]:
    """Merge the checked mappings with Hydra's compose API."""
    from hydra import compose, initialize
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
        for key, document in nodes.items():
            group, _, name = key.rpartition("/")
            node = dict(document.data)
            if "defaults" in node and "_self_" not in node["defaults"]:
                node["defaults"] = [*node["defaults"], "_self_"]
            store.store(group=group or None, name=name, node=node)
        with initialize(version_base="1.3", config_path=None):
            merged = compose(config_name="_root_")
        result = OmegaConf.to_container(merged, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError([Problem(f"configs/{run}.yaml", None, None, "", f"cannot be composed: {error}")]) from None
    finally:
        for key in set(store.repo) - kept - {"hydra"}:
            del store.repo[key]
        GlobalHydra.instance().clear()
    return {str(key): value for key, value in result.items()}  # type: ignore[union-attr]
