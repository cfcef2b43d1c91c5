"""A run's effective configuration: ``params.yaml``, then what the config's ``defaults`` name, then the config itself.

Each file is read, translated and checked by itself first, so that every mistake is named with its line; then Hydra's
compose API merges them. ``defaults`` works as in Hydra: groups are the folders of ``configs/`` (``- env: lunarlander``
is ``configs/env/lunarlander.yaml``), other configs are named plainly (``- cartpole``), and the file's own keys come
last unless ``_self_`` says otherwise.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlx.config.aliases import translate
from rlx.config.checks import inconsistencies, roster_mistakes
from rlx.config.document import Document, KeyPath, read_document
from rlx.config.schema import Parameters, RunConfig
from rlx.config.validation import problems_in
from rlx.containment import leads_out
from rlx.errors import ConfigError, Problem

GROUPS = ("env", "algo", "policy", "checkpoint", "eval")
BASE_KEYS = tuple(RunConfig.model_fields)


@dataclass(frozen=True)
class Composed:
    """A run's effective configuration, its own config file, and all files it came from, the strongest first."""

    config: RunConfig
    own: Document
    documents: tuple[tuple[KeyPath, Document], ...]

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


def compose_run(root: Path, run: str) -> Composed:
    """Compose the effective configuration of ``configs/<run>.yaml``.

    Raises:
        ConfigError: Naming everything that is wrong in ``params.yaml`` and in every file the config builds on, or,
            when each file is sound by itself, every inconsistency of the whole.
    """
    base = _parameters_document(root)
    files = _Files(root)
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
    composed = Composed(config, files.nodes[run], documents)
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
    problems = document.problems + translate(document) + problems_in(document, Parameters)
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
    """

    root: Path
    nodes: dict[str, Document] = field(default_factory=dict)
    order: list[tuple[KeyPath, Document]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

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
        self.problems += _translate_group(document, group) if group else translate(document)
        self.problems += problems_in(document, RunConfig, prefix)
        if not isinstance(entries, list):
            self.problems.append(document.problem(("defaults",), "must be a list, such as `- env: lunarlander`"))
            return
        ordered = list(enumerate(entries)) + ([] if "_self_" in entries else [(len(entries), "_self_")])
        for index, entry in reversed(ordered):
            if entry == "_self_":
                self.order.append((prefix, document))
            elif group:
                self.problems.append(document.problem(("defaults", index), "a group file builds on nothing else"))
            else:
                self._follow(document, index, entry, (*ancestors, name))
        document.data["defaults"] = entries

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
    document.keys = {path[1:]: place for path, place in whole.keys.items() if path[0] == group and len(path) > 1}
    document.values = {path[1:]: place for path, place in whole.values.items() if path[0] == group and len(path) > 1}
    return problems


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
