"""The files that a run's configuration comes from: its config and everything its ``defaults`` name, each checked by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rlx.config.algorithm_config import AlgorithmConfig, for_algorithm, unknown_algorithm
from rlx.config.algorithm_names import algorithm_in
from rlx.config.document import Document, KeyPath, read_document
from rlx.config.entries import fill
from rlx.config.files.containment import leads_out
from rlx.config.files.reading import parse_yaml
from rlx.config.judging import take_out
from rlx.config.ppo_config import PPOConfig
from rlx.config.schema import JudgedSections, RunConfig, RunName
from rlx.config.translation import translate_group, translated
from rlx.config.validation import first_message, problems_in
from rlx.errors import ConfigError, Problem
from rlx.stats import nearest

NAME = r"[A-Za-z0-9_\-]+"
"""What files of ``configs/`` are called; those that are runs, a little less (:func:`unfit_run_name`)."""
GROUPS = ("env", "algo", "policy", "checkpoint", "eval")


def unfit_run_name(name: str) -> str | None:
    """Return why a run cannot have a name; None where it can."""
    try:
        is_text = isinstance(parse_yaml(name), str)
        TypeAdapter(RunName).validate_python(name)
    except ConfigError:
        is_text = False
    except ValidationError as error:
        return first_message(error)
    return None if is_text else f"{name!r} means something else in YAML; choose another name"


def read_own(root: Path, name: str) -> Document:
    """Read a document of the project; a link out of it may be somebody else's, and is not followed."""
    if leads_out(root, root / name):
        message = "is a link to a file outside of the project, and is not read; copy the file here"
        raise ConfigError([Problem(name, None, None, "", message)])
    return read_document(root / name, name)


@dataclass
class ConfigFiles:
    """A config and everything its ``defaults`` name, each read once and checked by itself.

    Attributes:
        root: The project.
        nodes: Every file, by its name for Hydra.
        order: The same with the section each stands for, the strongest first.
        problems: Everything that is wrong with them.
        judging: What configs and environments' files say of how runs are judged, the strongest first; the latter with
            the file, which names its environment.
        whole_entries: Whether what a whole entry of rl-zoo leaves out has Stable-Baselines3's defaults.
        unchecked: Files whose values were not looked at yet, each with its place among the problems.
    """

    root: Path
    nodes: dict[str, Document] = field(default_factory=dict)
    order: list[tuple[KeyPath, Document]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    judging: list[tuple[Document, Document | None]] = field(default_factory=list)
    whole_entries: bool = True
    unchecked: list[tuple[int, KeyPath, Document]] = field(default_factory=list)

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
        self.unchecked.append((len(self.problems), prefix, document))
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

    def algorithm(self) -> str | None:
        """Return the algorithm that the files name, the strongest first; None where none does."""
        for prefix, document in self.order:
            section = document.data if prefix == ("algo",) else None if prefix else document.data.get("algo")
            if name := algorithm_in(section):
                return name
        return None

    def unknown_algorithm(self, name: str) -> Problem:
        """Return the complaint about an algorithm that nobody knows, at the line that names it."""
        for prefix, document in self.order:
            if prefix not in ((), ("algo",)):
                continue
            path: KeyPath = ("name",) if prefix else ("algo", "name")
            path = path if path in document.keys or prefix else ("algo",)  # `algo: sac`
            if path in document.keys:
                return document.problem(path, unknown_algorithm(name), at_value=True)
        return Problem("params.yaml", None, None, "algo.name", unknown_algorithm(name))

    def leave_strongest(self, section: str, key: str, base: Document) -> None:
        """Leave a value that counts as a whole in the strongest file that says it: Hydra would merge mappings, and no lists with them.

        Args:
            section: Where it stands.
            key: What it is called.
            base: ``params.yaml``, the weakest.
        """
        is_said = False
        for prefix, document in [*self.order, ((), base)]:
            said: Any = document.data if prefix == (section,) else None if prefix else document.data.get(section)
            if isinstance(said, dict) and key in said:
                if is_said:
                    del said[key]
                is_said = True

    def saying(self, section: str, message: str) -> list[Problem]:
        """Return a complaint about each file that says something in a section."""
        said = ((file, [path for path in file.keys if (*prefix, *path)[0] == section]) for prefix, file in self.order)
        return [file.problem(paths[0], message) for file, paths in said if paths]

    def environment(self) -> str | None:
        """Return the environment's id that the files say, the strongest first; None where none does."""
        for prefix, document in self.order:
            section = document.data if prefix == ("env",) else None if prefix else document.data.get("env")
            found = section.get("id") if isinstance(section, dict) else None
            if isinstance(found, str):
                return found
        return None

    def check(self, settings: type[AlgorithmConfig], env_id: str | None = None) -> None:
        """Translate and look at the values of every file that was collected.

        Args:
            settings: Of the algorithm that they are for.
            env_id: The environment that the base says.
        """
        model = for_algorithm(RunConfig, settings)
        env_id = self.environment() or env_id
        for place, prefix, document in reversed(self.unchecked):
            entries = document.data.pop("defaults", None)  # what it builds on is no setting
            if prefix:
                problems = translate_group(document, str(prefix[0]), settings)
            else:
                problems, whole = translated(document, settings, env_id)
                if whole and self.whole_entries:
                    fill(document, settings)
            self.problems[place:place] = problems + problems_in(document, model, prefix)
            if entries is not None:
                document.data["defaults"] = entries
        self.unchecked = []

    def judged(self, env_id: str) -> list[Document]:
        """Return what is said of how runs on an environment are judged, the strongest first.

        That is the run's configs, then the file of its environment in ``configs/env/``: the one among its ``defaults``,
        or else the one that has its ``id``. What is said of another environment than the run has in the end is not meant.
        """
        found = [said for said, node in self.judging if node is None or node.data.get("id", env_id) == env_id]
        if not any(node is not None and node.data.get("id") == env_id for _, node in self.judging):
            others = ConfigFiles(self.root)
            for path in sorted((self.root / "configs" / "env").glob("*.yaml")):
                if f"env/{path.stem}" not in self.nodes and _names(self.root, path, env_id):
                    others.collect("env", path.stem)
            others.check(PPOConfig)
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
        if not re.fullmatch(NAME, name) or not path.is_file():
            self.problems.append(mention or Problem(shown, None, None, "", _no_such_config(self.root, group, name)))
            return None
        try:
            return read_own(self.root, shown)
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
            hint = nearest(group, GROUPS, f"groups are {', '.join(GROUPS)}")
            self.problems.append(document.problem(here, f"{group!r} is not a group; {hint}"))
        else:
            message = "must be `group: name`, the name of another config, or _self_"
            self.problems.append(document.problem(here, message))


def _names(root: Path, path: Path, env_id: str) -> bool:
    """Tell whether a file of an environment that nobody asked for says how runs on this one are judged."""
    try:
        document = read_own(root, path.relative_to(root).as_posix())
    except ConfigError:
        return False
    return document.data.get("id") == env_id and bool(take_out(document).data)


def _no_such_config(root: Path, group: str, name: str) -> str:
    folder = root / "configs" / group
    known = sorted(path.stem for path in folder.glob("*.yaml")) if folder.is_dir() else []
    where = f"configs/{group}/" if group else "configs/"
    if name in known:
        return f"{name!r} is no name of a config; allowed: letters, digits, - and _: rename the file"
    known = [each for each in known if re.fullmatch(NAME, each)]
    return f"there is no config {name!r} in {where}; {nearest(name, known)}"
