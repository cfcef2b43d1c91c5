"""rlx: a workbench for reinforcement-learning experiments.

For notebooks and scripts: ``rlx.open``, ``rlx.compare``, ``rlx.train`` and ``rlx.plot`` (:mod:`rlx.api`, ``docs/python.md``).
Importing this package is cheap on purpose: ``__init__.pyi`` lists these names with the room that has each, which is imported when one
is asked for; torch, gymnasium, dvc and matplotlib load in the modules that need them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import lazy_loader

__version__ = "0.2.0"
"""The one place of it: `pyproject.toml` reads it here."""

STAGE_VERSIONS = {"train": 3, "eval": 2}
"""Versions of what training and evaluation compute; raised only when the same configuration would give other results.

A project pins them in ``params.yaml`` (``engine``), so that a library upgrade never changes results unannounced.
"""

NAMES_OF_PROJECTS = {
    "policies": "algorithms.policies",
    "space_wrappers": "envs.space_wrappers",
    "atomic": "config.files.atomic",
    "entry": "experiments.stage_process",
    "held_out": "training.held_out",
    "resolving": "experiments.resolving",
    "runs": "records.runs",
    "seeds": "training.seeds",
    "video": "training.video",
    "wording": "stats.wording",
}
"""Modules that projects import by another name than they have here: ``rlx.policies.register`` and the wrappers of
``rlx.space_wrappers`` for good, the others in stage files that older versions made (``rlx upgrade`` replaces those)."""


class _NamesOfProjects(MetaPathFinder, Loader):
    """Finds the modules of :data:`NAMES_OF_PROJECTS`: each gives what the one it stands for has."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        room, _, name = fullname.partition(".")
        return ModuleSpec(fullname, self) if room == __name__ and name in NAMES_OF_PROJECTS else None

    def exec_module(self, module: ModuleType) -> None:
        where = f"{__name__}.{NAMES_OF_PROJECTS[module.__name__.partition('.')[2]]}"
        module.__doc__ = f"See ``{where}``."

        def found(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return getattr(import_module(where), name)

        module.__getattr__ = found  # type: ignore[method-assign]


if not any(type(finder).__name__ == _NamesOfProjects.__name__ for finder in sys.meta_path):
    sys.meta_path.append(_NamesOfProjects())


__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
