"""An experiment made for a script or a notebook, in processes of its own: what was asked for, as a config and settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from rlx.api.run import Run
from rlx.config import as_setting, dump, write_bytes, write_text
from rlx.errors import ConfigError, Missing, PluginBroken, UsageError
from rlx.experiments import asked_to_be
from rlx.launch import run_in_own_process

PROCESS = "rlx.api.making_process"
MARK = "# Written by rlx.train from a configuration in Python, which writes it again: change it there, or take this line out.\n"
"""The first line of a config that a script said."""
REFUSALS = (ConfigError, UsageError, PluginBroken)
"""What is raised before anything is made: the configuration, or how it was asked for, is refused."""
ROSTER = "study.runs="
"""What begins the setting by which an experiment has its run on its roster; it follows from the run."""


def made(  # noqa: PLR0913
    root: Path,
    config: str | Path | Mapping[str, Any] | Run,
    settings: Mapping[str, Any] | Sequence[str],
    *,
    run: str | None,
    seeds: int | None,
    name: str | None,
    executor: str | None,
    quiet: bool,
) -> Run:
    """Make an experiment; see :meth:`Project.make`."""
    if run is not None and not isinstance(config, Mapping):
        raise UsageError("run= names the file of a configuration that is a mapping; this one has a name")
    changes = [*_settings(settings), *([f"num_seeds={_count(seeds)}"] if seeds is not None else [])]
    with _written(root, config, run) if isinstance(config, Mapping) else nullcontext(config) as asked:
        of_run, inherited = _asked(root, asked)
        request = {
            "root": str(root),
            "run": of_run,
            "settings": [*inherited, *changes],
            "name": name,
            "executor": executor,
        }
        found = run_in_own_process(PROCESS, request, quiet=quiet)
    return Run(root, str(found["name"]))


def _asked(root: Path, config: str | Path | Run) -> tuple[str, list[str]]:
    """Return the config that is asked for, and what else an experiment was made with."""
    if isinstance(config, Run):
        if config.root != root:
            raise UsageError(f"{config.name} is a run of {config.root}, not of {root}")
        record = asked_to_be(root, config.folder)
        if record is None and "@" in config.name:
            raise UsageError(
                f"{config.name} is of another commit, whose files these are not; check it out to train it as it was"
            )
        if record is None:
            return config.name, []
        return record.run, [setting for setting in record.settings if not setting.startswith(ROSTER)]
    if not isinstance(config, str | Path):
        raise UsageError(
            f"{type(config).__name__} is no configuration: give the name of a file in configs/, a run, or a mapping"
        )
    name = str(config).removeprefix("configs/").removesuffix(".yaml")
    if not (root / "configs" / f"{name}.yaml").is_file():
        with suppress(Missing):  # planning says what configs there are
            return _asked(root, Run(root, name))
    return name, []


@contextmanager
def _written(root: Path, config: Mapping[str, Any], run: str | None) -> Iterator[str]:
    """Write a configuration into ``configs/`` and give its name there; one that is refused does not stay.

    Raises:
        UsageError: It has no name, or something in it is no plain value, or a file of that name was written by somebody else.
    """
    title = str(config.get("run_name") or "")
    name = run if run is not None else re.sub(r"[^A-Za-z0-9]+", "_", title).strip("_").lower()
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_\-]*", name):
        told = f"{name!r} is none" if name else "it has no run_name"
        raise UsageError(f'a configuration needs the name of a run, of letters, digits and _: run="mine" ({told})')
    path = root / "configs" / f"{name}.yaml"
    text = MARK + dump(_plain(config, ""))
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(MARK[:24]):
        raise UsageError(
            f'{path}: was not written by rlx.train, and is not overwritten; train it as it is by its name, rlx.train("{name}"), or '
            "choose another name with run="
        )
    before = path.read_bytes() if path.exists() else None
    if before != text.encode():
        write_text(path, text)
    try:
        yield name
    except REFUSALS as error:
        if before is None:
            path.unlink(missing_ok=True)
        elif before != text.encode():
            write_bytes(path, before)
        if before != text.encode():  # what it says of lines is of a file that is no more
            error.args = (re.sub(rf"configs/{name}\.yaml(:\d+)*", "the configuration", str(error)),)
        raise


def _settings(settings: Mapping[str, Any] | Sequence[str]) -> list[str]:
    """Return settings as ``KEY=VALUE``."""
    if isinstance(settings, str):
        return [settings]
    if isinstance(settings, Mapping):
        return [as_setting(str(key), _plain(value, str(key))) for key, value in settings.items()]
    return [str(setting) for setting in settings]


def _plain(value: Any, key: str) -> Any:
    """Return a value as YAML has it: mappings, lists, text, numbers, true, false and null; NumPy's as Python's.

    Raises:
        UsageError: It is something else.
    """
    if isinstance(value, Mapping):
        return {str(name): _plain(inner, f"{key}.{name}".lstrip(".")) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, key) for inner in value]
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return _plain(value.tolist(), key)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise UsageError(
        f"{key}: {type(value).__name__} is no value of a configuration; name classes as text (`module.Class`)"
    )


def _count(seeds: int) -> int:
    if isinstance(seeds, bool) or int(seeds) != seeds or seeds < 1:
        raise UsageError(f"seeds={seeds!r}: is how many seeds to train, at least 1")
    return int(seeds)
