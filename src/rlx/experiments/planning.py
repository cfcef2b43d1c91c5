"""What an experiment would be, before it is made: its settings applied to a copy of the parameters and configs."""

from __future__ import annotations

import difflib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.config import (
    BASE_KEYS,
    MOST_CONFIG_BYTES,
    NOT_REPLACED,
    SECTIONS,
    TRAINING_PLACE,
    UNREAD,
    Composed,
    Document,
    Judging,
    Parameters,
    Snapshot,
    algorithm_in,
    algorithm_of,
    compose_run,
    field_of,
    for_algorithm,
    is_plain_path,
    is_schedule,
    leads_out,
    look_for_algorithm,
    parse_yaml,
    read_bytes,
    read_parameters,
    reads_policy,
    section_type,
    unfit_run_name,
    whole_text,
)
from rlx.errors import ConfigError, PluginBroken, Problem, UsageError
from rlx.experiments.pipeline import NAME, parameters_of, parsed_pipeline
from rlx.experiments.record import Record
from rlx.experiments.revisions import recorded_here
from rlx.records import chosen_sinks
from rlx.stats import listed

if TYPE_CHECKING:  # resolving imports what commands that only list have no use for
    from rlx.experiments.resolving import Resolved

JUDGED = {(section, key) for section, keys in SECTIONS.items() for key in keys}
"""Settings by which a run is judged, which its own files may say."""

SAID = {"seed": "seed: 0", "num_seeds": "num_seeds: 5", "device": "device: auto", "algo": "algo: {name: ppo}"}
"""How parameters that are no sections are written with the value by which they count where nothing says them."""


@dataclass(frozen=True)
class Plan:
    """An experiment to make.

    Attributes:
        run: The run it is of.
        settings: As DVC takes them, each addressed to the file that has the last word on it.
        resolved: What resolving it gives.
        parameters: The parameters it will have.
        judged: The plain values of ``params.yaml`` with the settings applied.
    """

    run: str
    settings: tuple[str, ...]
    resolved: Resolved
    parameters: Parameters
    judged: dict[str, Any]

    def record(self, targets: tuple[str, ...], **lineage: str | None) -> Record:
        """Return what the experiment is asked to be.

        Args:
            targets: The stages to make.
            lineage: ``parent``, ``study`` and ``candidate`` of its record, as far as it has them.
        """
        return Record(self.run, self.settings, targets, **lineage)

    @property
    def snapshot(self) -> Snapshot:
        """The effective configuration it will have."""
        return self.resolved.snapshot

    @property
    def judging(self) -> Judging:
        """By what it will be judged."""
        return self.resolved.judging

    @property
    def sources(self) -> Mapping[str, str]:
        """Where each value of the configuration comes from."""
        return self.resolved.sources


def plan(root: Path, run: str, overrides: Sequence[str]) -> Plan:
    """Check a run with settings changed, completely, and return what would be made.

    Args:
        root: The project.
        run: A config of ``configs/``.
        overrides: ``KEY=VALUE`` as people type them.

    Raises:
        UsageError: One is not KEY=VALUE, or asks for several values at once.
        ConfigError: There is no such config or setting, or a value is refused; the message names the setting.
    """
    from rlx.config import check_engine
    from rlx.experiments.resolving import composed_run, resolve_run

    unfit = unfit_run_name(run)
    if unfit and (root / "configs" / f"{run}.yaml").is_file():
        raise ConfigError([Problem(f"configs/{run}.yaml", None, None, "", f"{unfit}: rename the file")])
    recorded_here(root)  # with the marks of a merge, DVC would fail in the middle of it
    composed_run(root, run)  # mistakes in files are told by their lines, before any setting is looked at
    if not any(override.lstrip("+~").startswith("log") for override in overrides):
        chosen_sinks(root)
    name, model = _model(root, run, overrides)
    unread = [override for override in overrides if override.lstrip("+~").startswith("policy")]
    if unread and not reads_policy(name):
        raise ConfigError(f"-S {unread[0]}: {UNREAD.format(name)}")
    settings = [addressed(root, run, override, model) for override in overrides]
    parameters = read_parameters(root)
    check_engine(parameters.engine)
    if run not in parameters.study.runs:
        settings.append(f"study.runs=[{','.join([*parameters.study.runs, run])}]")
    with _applied(root, settings) as changed:
        try:
            resolved = resolve_run(root, run, configs_from=changed)
            parameters = read_parameters(root, changed)
        except ConfigError as error:
            raise _of_settings(error, overrides) from None
        except PluginBroken as error:
            raise PluginBroken(_told(error.problem, overrides) if error.problem else str(error)) from None
        judged = parse_yaml(read_bytes(changed / "params.yaml", MOST_CONFIG_BYTES))
        _check_depended_on(root, judged)
    return Plan(run, tuple(settings), resolved, parameters, judged)


def _check_depended_on(root: Path, judged: Any) -> None:
    """Refuse parameters that lack what the stages in ``dvc.yaml`` depend on, with which DVC would fail.

    Raises:
        ConfigError: The message names them.
    """
    if not (root / NAME).is_file():
        return
    wanted = {name: stage for stage, name in parameters_of(parsed_pipeline(read_bytes(root / NAME, MOST_CONFIG_BYTES)))}
    missing = [name for name in wanted if not _has(judged, name.split("."))]
    if missing:
        first = missing[0]
        raise ConfigError(
            f"params.yaml: {listed(missing)} {'is' if len(missing) == 1 else 'are'} missing, and the stage {wanted[first]} in dvc.yaml "
            f"depends on {'it' if len(missing) == 1 else 'them'}; write such as `{SAID.get(first, first + ': {}')}`, which changes nothing"
        )


def _has(said: Any, path: Sequence[str]) -> bool:
    for part in path:
        if not isinstance(said, dict) or part not in said:
            return False
        said = said[part]
    return True


@contextmanager
def _applied(root: Path, settings: Sequence[str]) -> Iterator[Path]:
    """Give a folder with copies of ``params.yaml`` and ``configs/``, to which DVC has applied the settings."""
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides, get_hydra_sweeps
    from hydra.errors import HydraException

    by_file: dict[str, list[str]] = {}
    for setting in settings:
        if "${" in setting:
            raise ConfigError(f"-S {setting}: {NOT_REPLACED}")
        file, separator, rest = setting.partition(":")
        named = separator and file.endswith((".yaml", ".yml", ".json", ".toml", ".py"))
        by_file.setdefault(file if named else "params.yaml", []).append(rest if named else setting)
    with tempfile.TemporaryDirectory(prefix="rlx-") as folder:
        copy = Path(folder)
        shutil.copyfile(root / "params.yaml", copy / "params.yaml")
        shutil.copytree(root / "configs", copy / "configs", ignore=partial(_no_configs, root))
        for file, changes in by_file.items():
            if not is_plain_path(file) or not (copy / file).is_file():
                raise ConfigError(f"-S {file}:{changes[0]}: there is no file {file} to change")
            try:
                several = len(get_hydra_sweeps({file: changes})) > 1
                if not several:
                    apply_overrides(copy / file, changes)
            except (DvcException, HydraException) as error:
                said = _sentence(error.__cause__ or error)
                if file == "params.yaml":
                    raise ConfigError(f"-S {' '.join(changes)}: {said}") from None
                typed = " ".join(f"{file}:{change}" for change in changes)
                cure = f"without `{file}:` a setting is changed where it is said, or added"
                raise ConfigError(f"-S {typed}: {said.rstrip('.')}; {cure}") from None
            if several:
                raise UsageError(
                    f"-S {' '.join(changes)}: gives a setting several values; `rlx sweep` tries them all, one experiment each"
                )
        yield copy


def _no_configs(root: Path, folder: str, names: list[str]) -> list[str]:
    """Return what a folder of configs has beside folders and configs of the project: it is not copied."""
    ignored = []
    for name in names:
        path = Path(folder, name)
        is_config = path.is_file() and path.suffix == ".yaml" and not leads_out(root, path)
        if not is_config and (path.is_symlink() or not path.is_dir()):
            ignored.append(name)
    return ignored


def _sentence(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def _of_settings(error: ConfigError, overrides: Sequence[str]) -> ConfigError:
    """Return a refusal in terms of what was typed, where it concerns a setting that was."""
    lines = [_told(problem, overrides) for problem in error.problems]
    return ConfigError("\n".join(lines)) if lines else error


def _told(problem: Problem, overrides: Sequence[str]) -> str:
    """Return a problem as the setting that was typed, and what is wrong with it; or where it stands, if none was."""
    typed = {override.partition("=")[0].lstrip("+~").rpartition(":")[2]: override for override in overrides}
    sinks = next((override for key, override in typed.items() if key in ("log", "log.sinks")), None)
    of_sinks = sinks if problem.key.partition(".")[0] == "log" else None  # what is wrong with one of them, too
    override = typed.get(problem.key, of_sinks)
    return f"-S {override}: {problem.message}" if override else str(problem)


def _model(root: Path, run: str, overrides: Sequence[str]) -> tuple[str, type[Parameters]]:
    """Return the algorithm of a run, or the one that it is to have, and what may be said of it: that one's settings."""
    asked = [value for key, _, value in (each.partition("=") for each in overrides) if key == "algo.name"]
    name = algorithm_in(asked[-1]) or asked[-1] if asked else compose_run(root, run).config.algo.name
    settings = look_for_algorithm(root, name)
    return name, Parameters if settings is None else for_algorithm(Parameters, settings)


def addressed(root: Path, run: str, setting: str, model: type[Parameters] | None = None) -> str:
    """Address a plain KEY=VALUE to the file that has the last word on KEY for this run.

    Args:
        root: The project.
        run: The config.
        setting: As people type it.
        model: What may be said of the run; by default by the algorithm that it has.

    Raises:
        UsageError: It is not KEY=VALUE.
        ConfigError: No setting has that name.
    """
    key, equals, _ = setting.partition("=")
    if key.startswith("~"):
        return setting
    if not equals or not key.strip():
        raise UsageError(f"-S {setting}: must be KEY=VALUE, such as algo.gamma=0.9")
    if ":" in key:
        return setting
    path = tuple(key.lstrip("+").split("."))
    model = model or _model(root, run, ())[1]
    _, info = field_of(model, path)
    if info is None and "kwargs" not in path:
        names = [
            f"{name}.{inner}" if found else name
            for name, field in model.model_fields.items()
            for found in [section_type(field.annotation)]
            for inner in (found.model_fields if found else [""])
        ]
        guesses = difflib.get_close_matches(key, names, 1) or [name for name in names if name.endswith(f".{path[-1]}")]
        hint = f"did you mean {guesses[0]}?" if guesses else "docs/configuration.md lists them"
        raise ConfigError(f"-S {setting}: there is no setting {key!r}; {hint}")
    if path in JUDGED:
        return _of_judging(compose_run(root, run), setting)
    composed = compose_run(root, run)
    if path == ("log", "sinks") and composed.parameters.origins.get(path) == ("log",):  # the file has a plain list
        return setting.replace("log.sinks", "log", 1)
    if path[0] not in BASE_KEYS:
        written = parse_yaml(read_bytes(root / "params.yaml", MOST_CONFIG_BYTES))
        return setting if key.startswith("+") or _has(written, path) else f"+{setting}"
    base = look_for_algorithm(root, algorithm_of(composed.parameters) or "ppo")
    own = path == ("algo", "name") or (path[0] == "algo" and base is not model.model_fields["algo"].annotation)
    own = (
        own or path[:2] == TRAINING_PLACE
    )  # arguments of this run's environment: other runs may have none of that name
    return _of_config(composed, setting, own=own and path != ("algo", "total_timesteps"))


def _of_config(composed: Composed, setting: str, *, own: bool) -> str:
    """Address a setting to the file that has the last word on it, under the name that it has there.

    Args:
        composed: The run.
        setting: As people type it.
        own: Whether ``params.yaml`` cannot say it: what it says of ``algo`` is meant for another algorithm, or other runs have
            other environments.
    """
    key, _, value = setting.partition("=")
    plain = key.lstrip("+")
    path = tuple(plain.split("."))
    for prefix, document in composed.documents[: -1 if own else None]:
        inner = path[len(prefix) :]
        if path[: len(prefix)] != prefix:
            continue
        if inner in document.filled:
            return f"{document.name}:+{plain}={value}"
        if inner in document.keys:
            origin = document.origins.get(inner, inner)
            if origin is None:
                line = document.keys[inner].line
                raise ConfigError(
                    f"-S {setting}: {document.name}:{line} says it in a form of rl-zoo's; change it there"
                )
            dotted = f"{_file(document)}{{}}{'.'.join(map(str, origin))}={{}}"
            if value.startswith("{") and is_schedule(_said(document, inner)):  # DVC would mix the two
                return dotted.format("++", whole_text(value))
            return dotted.format("", value)
        if is_schedule(_said(document, inner[:-1])) and (origin := document.origins.get(inner[:-1], inner[:-1])):
            return f"{_file(document)}+{'.'.join(map(str, (*origin, inner[-1])))}={value}"
    if own:
        if not composed.own.keys:  # DVC changes no file that says nothing
            written = value
            for part in reversed(path[1:]):
                written = f"{{{part}: {written}}}"
            raise ConfigError(f"-S {setting}: write `{path[0]}: {written}` into {composed.own.name}, which is empty")
        return f"{composed.own.name}:+{plain}={value}"
    return setting if key.startswith("+") else f"+{setting}"


def _file(document: Document) -> str:
    """Return how a setting is addressed to a file, for DVC."""
    return "" if document.name == "params.yaml" else f"{document.name}:"


def _said(document: Document, path: tuple[str, ...]) -> Any:
    """Return what a file says of a setting; None if nothing."""
    value: Any = document.data
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _of_judging(composed: Composed, setting: str) -> str:
    """Address a setting of judging: where the run's files say it, there; else in its config, which then says it."""
    key, _, value = setting.partition("=")
    path = tuple(key.lstrip("+").split("."))
    for document in composed.judging:
        if path in document.keys:
            return f"{document.name}:{'.'.join(path)}={value}"
    if composed.own.keys:
        return f"{composed.own.name}:+{'.'.join(path)}={value}"
    return setting if path in composed.parameters.keys else f"+{'.'.join(path)}={value}"  # a config of comments alone
