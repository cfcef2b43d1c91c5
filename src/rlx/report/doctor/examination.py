"""Looking at everything: each check by itself, so that one that fails is a finding and hides no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from rlx.errors import RlxError
from rlx.experiments import in_conflict, repository
from rlx.report.doctor import additions, cache, installation, leftovers, project, rendering, sharing, state
from rlx.report.doctor.additions import PluginPackage, plugin_packages
from rlx.report.doctor.check_result import CheckResult, problem

Checks = Mapping[str, Callable[[Any], Iterable[CheckResult]]]
"""By what each is called where it could not be made; what it finds has names of its own."""
INSTALLATION: Checks = {
    "python": installation.python,
    "libraries": installation.libraries,
    "programs": installation.programs,
    "torch": installation.torch,
    "engine": installation.engine,
    "same_bits": installation.same_bits,
    "git": installation.installed_git,
    "dvc": installation.installed_dvc,
    "renderer": rendering.renderer,
    "encoder": rendering.encoder,
    "disk": installation.disk,
    "extras": installation.extras,
    "plugins": lambda _: additions.packages(plugin_packages()),
}
PROJECT: Checks = {
    "repository": project.repository,
    "identity": project.git_identity,
    "unfinished merge": project.unfinished_merge,
    "conflict marks": project.conflict_marks,
    "parameters": project.parameters,
    "configs": project.configs,
    "algorithms": additions.algorithms,
    "rules": additions.rules,
    "roster": project.roster,
    "stages": project.stages,
    "clone": project.clone,
    "ignored": project.ignored,
    "untracked configs": project.untracked_configs,
    "uncommitted results": project.uncommitted_results,
    "privacy": sharing.privacy,
    "remote": sharing.remote,
    "experiments before the remote": sharing.experiments_before_the_remote,
}
STATE: Checks = {
    "index": state.index,  # before the runs are read, which makes a new one
    "runs": state.runs,
    "results": state.results,
    "workplaces": state.workplaces,
    "git locks": leftovers.left_git_locks,  # before HEAD is put back, which they would forbid
    "head": leftovers.left_head,
    "stash": leftovers.stash,
    "experiment folders": leftovers.left_folders,
    "documents": leftovers.left_documents,
    "rwlocks": leftovers.left_rwlocks,
    "sizes": state.sizes,
}
TOUCHES_GIT = re.compile(r"`(git (?!status|diff|log|config|stash show)|dvc (add|commit|checkout|repro))")
"""Cures that change what Git is to commit, or where it is; but see what :func:`project.unfinished_merge` says."""
NEED_GIT = frozenset(
    {
        "identity",
        "unfinished merge",
        "clone",
        "ignored",
        "untracked configs",
        "uncommitted results",
        "experiments before the remote",
        "git locks",
        "head",
        "stash",
    }
)
"""Checks that say nothing where there is no repository; that there is none is told by `project.repository`."""


@dataclass(frozen=True)
class CheckSection:
    """The findings about one subject."""

    title: str
    findings: tuple[CheckResult, ...]


@dataclass(frozen=True)
class Examination:
    """`rlx doctor --json`.

    Attributes:
        format: Version of this schema.
        project: Its folder; None outside of one.
        counts: Results by level.
        sections: ``installation``, ``project``, ``state``, and ``cache`` with ``--verify``.
        plugins: The installed packages that add to rlx.
    """

    format: Literal[1]
    project: str | None
    counts: Mapping[str, int]
    sections: Mapping[str, tuple[CheckResult, ...]]
    plugins: tuple[PluginPackage, ...] = ()


def examine(
    root: Path | None,
    verify: Callable[[int, int], None] | None = None,
    packages: Callable[[], Iterable[PluginPackage]] = plugin_packages,
) -> Iterator[CheckSection]:
    """Look at everything, section by section.

    Args:
        root: The project; None outside one, where only the installation is looked at.
        verify: Also recompute the hash of every file in DVC's cache; told how many are done, of how many.
        packages: Gives the installed packages that add to rlx.
    """
    installed = {**INSTALLATION, "plugins": lambda _: additions.packages(packages())}
    yield CheckSection("installation", tuple(_findings(installed, root)))
    if root is None:
        return
    left_out = () if project.is_repository(root) else NEED_GIT
    for title, checks in (("project", PROJECT), ("state", STATE)):
        kept = {name: check for name, check in checks.items() if name not in left_out}
        yield CheckSection(title, tuple(_findings(kept, root)))
    if verify is not None:
        yield CheckSection("cache", tuple(_findings({"cache": partial(cache.objects, progress=verify)}, root)))


def _findings(checks: Checks, root: Path | None) -> Iterator[CheckResult]:
    busy = None if root is None else _under_way(root)
    for name, check in checks.items():
        try:
            for finding in check(root):
                yield finding if busy is None else _harmless(finding, busy)
        except RlxError as error:
            yield problem(name, str(error))
        except Exception as error:  # noqa: BLE001 — a check that fails says so, and the others go on
            yield problem(name, f"could not be checked: {type(error).__name__}: {error}")


def _under_way(root: Path) -> str | None:
    try:
        return repository.under_way(root) or ("conflict" if in_conflict(root) else None)  # `git stash pop` leaves one
    except RlxError:
        return None  # no repository, which is told


def _harmless(finding: CheckResult, busy: str) -> CheckResult:
    """Return a finding without a cure that touches Git's index or HEAD, which belong to what is under way."""
    if not TOUCHES_GIT.search(finding.cure or "") and not TOUCHES_GIT.search(finding.message):
        return finding
    clauses = [clause for clause in finding.message.split("; ") if not TOUCHES_GIT.search(clause)]
    message = "; ".join(clauses) or "cannot be read"
    return replace(finding, message=message, cure=f"look again when the {busy} has ended", fixable=False, mend=None)


def mended(sections: Iterable[CheckSection]) -> Iterator[CheckSection]:
    """Mend what can be mended, and yield the sections with what was done in place of what was found."""
    for section in sections:
        yield CheckSection(section.title, tuple(map(_mended, section.findings)))


def _mended(finding: CheckResult) -> CheckResult:
    if finding.mend is None or finding.level == "ok":
        return finding
    try:
        done = finding.mend()
    except (RlxError, OSError) as error:
        return replace(finding, message=f"{finding.message}; it could not be mended: {error}")
    return replace(finding, level="ok", message=f"mended: {done}", cure=None, mended=True)
