"""``dvc.yaml``: read with its comments, and what of it an older rlx wrote merged with what the present one writes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rlx.config import (
    FILE as JUDGING,
    MOST_CONFIG_BYTES,
    check_yaml,
    parse_yaml,
    read_bytes,
    read_text,
    with_list,
    write_text,
)
from rlx.errors import ConfigError, DataDamaged
from rlx.experiments.merging import Sides, merged_with_lists
from rlx.experiments.shipped import shipped_versions

NAME = "dvc.yaml"
ANALYSIS, PLOTS = "analysis.json", "plots"
"""What the compare stage reads of a run's analysis, and what older ones depended on instead."""
COMPARED = ("stages", "compare", "deps")
LISTS = (("stages", "resolve", "deps"), COMPARED)
"""Lists that people and `rlx sync` add to: of an older and a newer one, what both have counts."""
MOST_IN_PIPELINE = 300_000
"""Keys and values of a ``dvc.yaml``: its comparison lists files of every run."""


def load_pipeline(root: Path) -> Any:
    """Return ``dvc.yaml``, comments and all.

    Raises:
        ConfigError: It cannot be read.
    """
    from ruamel.yaml.error import YAMLError

    try:
        text = read_text(root / NAME, MOST_CONFIG_BYTES)
        check_yaml(text, MOST_IN_PIPELINE)
        return _yaml().load(text)
    except (YAMLError, OSError, ValueError, DataDamaged) as error:
        raise ConfigError(f"dvc.yaml: cannot be read: {error}") from None


def write_pipeline(root: Path, pipeline: Any) -> None:
    """Write ``dvc.yaml`` with the comments it had."""
    buffer = io.StringIO()
    _yaml().dump(pipeline, buffer)
    write_text(root / NAME, buffer.getvalue())


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def is_of_older_rlx(root: Path) -> bool:
    """Tell whether ``dvc.yaml`` is of a version that did not judge each environment by its own (``rlx upgrade`` mends it)."""
    try:
        return not writes_judging(parsed_pipeline(read_bytes(root / NAME, MOST_CONFIG_BYTES)))
    except (OSError, ConfigError, DataDamaged):
        return False


def writes_judging(pipeline: Any) -> bool:
    """Tell whether the pipeline's resolve stage writes by what a run is judged."""
    return any(path.endswith(f"/{JUDGING}") for path in paths(pipeline, "resolve", "outs"))


def compares_plots(pipeline: Any) -> bool:
    """Tell whether the compare stage depends on pictures of the runs, as older ones did, and not on their analyses."""
    names = {path.rpartition("/")[2] for path in paths(pipeline, "compare", "deps") if path.startswith("runs/")}
    return PLOTS in names and ANALYSIS not in names


def paths(pipeline: Any, stage: str, section: str) -> list[str]:
    """Return the paths in a list of a stage, whatever their settings (``path: {cache: false}``).

    An empty list where the stage or the list is not as rlx writes it.
    """
    stages = pipeline.get("stages") if isinstance(pipeline, dict) else None
    found = stages.get(stage) if isinstance(stages, dict) else None
    listed = found.get(section) if isinstance(found, dict) else None
    return [
        str(next(iter(entry), "")) if isinstance(entry, dict) else str(entry)
        for entry in (listed if isinstance(listed, list) else [])
    ]


def parameters_of(pipeline: Any) -> Iterator[tuple[str, str]]:
    """Yield each stage with each parameter in ``params.yaml`` that it depends on."""
    stages = pipeline.get("stages") if isinstance(pipeline, dict) else None
    for stage, said in stages.items() if isinstance(stages, dict) else ():
        listed = said.get("params") if isinstance(said, dict) else None
        yield from (
            (str(stage), name) for name in (listed if isinstance(listed, list) else ()) if isinstance(name, str)
        )


def shipped_pipelines(content: bytes) -> list[bytes]:
    """Return every ``dvc.yaml`` that rlx shipped, as it would be with the runs that another one compares.

    Raises:
        ConfigError: That one cannot be read, or compares nothing.
    """
    listed = _compared(content)
    runs = list(dict.fromkeys(dep.split("/")[1] for dep in listed if dep.startswith("runs/")))
    if not runs:
        raise ConfigError("dvc.yaml: has no stage `compare` that lists results of runs")
    return [_for_runs(text, runs) for text in shipped_versions(NAME)]


def merged_pipeline(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, bool]:
    """Return a ``dvc.yaml`` merged, and whether lines were changed on both sides: then it has Git's marks.

    Raises:
        ConfigError: One of them cannot be read.
    """
    merged = merged_with_lists(Sides(base, ours, theirs), LISTS, NAME)
    if merged.conflicts:
        return merged.content, True
    own = [dep for dep in _compared(merged.content) if not dep.startswith("runs/")]
    runs = [dep for dep in _compared(theirs) if dep.startswith("runs/")]
    return with_list(merged.content.decode("utf-8"), COMPARED, [*own, *runs], NAME).encode(), False


def _for_runs(content: bytes, runs: Sequence[str]) -> bytes:
    """Return a shipped ``dvc.yaml`` with the comparison of other runs than those of the default study."""
    listed = _compared(content)
    first = next(dep.split("/")[1] for dep in listed if dep.startswith("runs/"))
    results = [dep.removeprefix(f"runs/{first}/") for dep in listed if dep.startswith(f"runs/{first}/")]
    own = [dep for dep in listed if not dep.startswith("runs/")]
    wanted = [*own, *(f"runs/{run}/{result}" for run in runs for result in results)]
    return with_list(content.decode("utf-8"), COMPARED, wanted, NAME).encode()


def _compared(content: bytes) -> list[str]:
    """Return what the compare stage depends on."""
    return paths(parsed_pipeline(content), "compare", "deps")


def parsed_pipeline(content: bytes) -> Any:
    """Return what a ``dvc.yaml`` says.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return parse_yaml(content, MOST_IN_PIPELINE)
    except ValueError as error:
        raise ConfigError(f"dvc.yaml: cannot be read: {error}") from None
