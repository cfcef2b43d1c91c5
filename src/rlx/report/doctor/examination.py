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
from rlx.report.doctor import cache, installation, leftovers, project, rendering, sharing, state
from rlx.report.doctor.check_result import CheckResult, problem

Check = Callable[[Any], Iterable[CheckResult]]
INSTALLATION: tuple[Check, ...] = (
    installation.python,
    installation.libraries,
    installation.programs,
    installation.torch,
    installation.engine,
    installation.installed_git,
    installation.installed_dvc,
    rendering.renderer,
    rendering.encoder,
    installation.disk,
    installation.extras,
)
PROJECT: tuple[Check, ...] = (
    project.repository,
    project.git_identity,
    project.unfinished_merge,
    project.conflict_marks,
    project.parameters,
    project.configs,
    project.roster,
    project.stages,
    project.clone,
    project.ignored,
    project.untracked_configs,
    project.uncommitted_results,
    sharing.privacy,
    sharing.remote,
    sharing.experiments_before_the_remote,
)
STATE: tuple[Check, ...] = (
    state.index,  # before the runs are read, which makes a new one
    state.runs,
    state.results,
    state.workplaces,
    leftovers.left_git_locks,  # before HEAD is put back, which they would forbid
    leftovers.left_head,
    leftovers.stash,
    leftovers.left_folders,
    leftovers.left_rwlocks,
    state.sizes,
)
TOUCHES_GIT = re.compile(r"`(git (?!status|diff|log|config|stash show)|dvc (add|commit|checkout|repro))")
"""Cures that change what Git is to commit, or where it is; but see what :func:`project.unfinished_merge` says."""
NEED_GIT: tuple[Check, ...] = (
    project.git_identity,
    project.unfinished_merge,
    project.clone,
    project.ignored,
    project.untracked_configs,
    project.uncommitted_results,
    sharing.experiments_before_the_remote,
    leftovers.left_git_locks,
    leftovers.left_head,
    leftovers.stash,
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
    """

    format: Literal[1]
    project: str | None
    counts: Mapping[str, int]
    sections: Mapping[str, tuple[CheckResult, ...]]


def examine(root: Path | None, verify: Callable[[int, int], None] | None = None) -> Iterator[CheckSection]:
    """Look at everything, section by section.

    Args:
        root: The project; None outside one, where only the installation is looked at.
        verify: Also recompute the hash of every file in DVC's cache; told how many are done, of how many.
    """
    yield CheckSection("installation", tuple(_findings(INSTALLATION, root)))
    if root is None:
        return
    left_out = () if project.is_repository(root) else NEED_GIT
    for title, checks in (("project", PROJECT), ("state", STATE)):
        yield CheckSection(title, tuple(_findings([check for check in checks if check not in left_out], root)))
    if verify is not None:
        yield CheckSection("cache", tuple(_findings([partial(cache.objects, progress=verify)], root)))


def _findings(checks: Iterable[Check], root: Path | None) -> Iterator[CheckResult]:
    busy = None if root is None else _under_way(root)
    for check in checks:
        try:
            for finding in check(root):
                yield finding if busy is None else _harmless(finding, busy)
        except RlxError as error:
            yield problem(_name(check), str(error))
        except Exception as error:  # noqa: BLE001 — a check that fails says so, and the others go on
            yield problem(_name(check), f"could not be checked: {type(error).__name__}: {error}")


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


def _name(check: Check) -> str:
    return str(getattr(check, "__name__", "cache")).replace("_", " ")


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
