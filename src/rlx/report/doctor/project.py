"""Checks of the project: its repository, its configuration, what is committed."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rlx.config import MOST_BYTES, PACKAGES, has_marks, read_bytes
from rlx.errors import ConfigError, RlxError
from rlx.experiments import (
    SMALL,
    asks_for_driver,
    check_roster,
    is_of_older_rlx,
    is_set_up,
    older_files,
    repository as repo,
)
from rlx.launch import has_identity
from rlx.records import LAYOUT
from rlx.report.doctor.check_result import CheckResult, listed, ok, problem, warning, with_noun

if TYPE_CHECKING:
    pass

OUTPUTS = (
    "checkpoints",
    "eval",
    "logs",
    "plots",
    "videos",
    "metrics.jsonl",
    "metadata.json",
    "analysis.json",
    "analysis.md",
)
"""What of a run DVC holds: a folder that another branch left behind has no ``.gitignore`` of its own any more."""
UNWANTED = (
    "runs/cartpole_001/task.json", ".dvc/tmp/x", ".dvc/cache/x", ".dvc/config.local", "envs/__pycache__/x",
    *(f"runs/a-run-of-another-branch/{name}" for name in OUTPUTS),
)  # fmt: skip
"""Paths that must never come into Git."""
LINES = (
    "/runs/*_[0-9][0-9][0-9]*/", "/.dvc/tmp/", "/.dvc/cache/", "/.dvc/config.local", "__pycache__/",
    *(f"/runs/*/{name}" for name in OUTPUTS),
)  # fmt: skip
"""For each the line that keeps it out."""
DVCIGNORED = (".gitignore", "__pycache__", "*.pyc", "/runs/*_[0-9][0-9][0-9]*")


def is_repository(root: Path) -> bool:
    """Tell whether the project is in a Git repository with a commit."""
    return repo.git_head(root) is not None


def repository(root: Path) -> Iterator[CheckResult]:
    """Check that the project is a Git repository with a commit: experiments start from one."""
    commit = "`git add -A && git commit -m 'Start'`"
    if repo.answer(root, "--version") is None:
        return  # that Git is missing is told already
    if repo.answer(root, "rev-parse", "--git-dir") is None:
        yield problem("repository", "the project is in no Git repository", f"`git init` and {commit}")
    elif (head := repo.git_head(root)) is None:
        yield problem("repository", "has no commit yet, and experiments start from one", commit)
    else:
        yield ok("repository", f"{root}, commit {head.commit[:10]}")


def git_identity(root: Path) -> Iterator[CheckResult]:
    """Check that Git knows who commits."""
    if not has_identity(root):
        cure = "`git config --global user.name 'Your Name'` and `git config --global user.email you@example.org`"
        yield warning("identity", "Git does not know who you are, and commits need that", cure)


def unfinished_merge(root: Path) -> Iterator[CheckResult]:
    """Check that no merge or rebase is under way."""
    what = repo.under_way(root)
    if what == "bisect":
        yield warning("merge", "a bisect is under way: HEAD is where it looks, on no branch")
    elif what:
        cure = "`git status` says what is left; `rlx sync --merge` merges what rlx can"
        yield problem("merge", f"a {what} is under way, and Git's state is half of it", cure)


def conflict_marks(root: Path) -> Iterator[CheckResult]:
    """Check that no file of DVC's has the marks of a merge conflict."""
    for name in ("dvc.lock", "dvc.yaml", "params.yaml"):
        path = root / name
        if path.is_file() and has_marks(read_bytes(path, MOST_BYTES)):
            cure = "`rlx sync --merge` merges it; what both sides changed is left to you"
            yield problem("merge", f"{name} has the marks of a merge conflict, and DVC cannot read it", cure)


def parameters(root: Path) -> Iterator[CheckResult]:
    """Check params.yaml, and that it pins what this rlx computes."""
    from rlx.config import check_engine, read_parameters

    try:
        found = read_parameters(root)
    except ConfigError as error:
        yield from _mistakes("params.yaml", error)
        return
    try:
        check_engine(found.engine)
    except RlxError as error:
        yield problem("engine", str(error))
        return
    yield ok("params.yaml", f"valid; {with_noun(len(found.study.runs), 'run')} in the study")


def configs(root: Path) -> Iterator[CheckResult]:
    """Check that the config of every run of the study resolves."""
    from rlx.config import compose_run, read_parameters

    try:
        runs = read_parameters(root).study.runs
    except ConfigError:
        return  # told by another check
    bad = 0
    for run in runs:
        try:
            compose_run(root, run)
            yield from _outdated(root, run)
        except ConfigError as error:
            bad += 1
            yield from _mistakes(f"config {run}", error)
    if not bad:
        yield ok("configs", f"{listed(runs)}: valid")


def _outdated(root: Path, run: str) -> Iterator[CheckResult]:
    """Yield a warning where a run's results are of another configuration or code than its files say now."""
    from rlx.records import RunFolder
    from rlx.report.judged_runs import outdated

    folder = RunFolder(root / "runs" / run)
    if folder.is_evaluated and outdated(folder):
        said = "its results are of another configuration than params.yaml, configs/ and its code have now"
        yield warning(f"run {run}", said, "`dvc repro` makes them anew")


def _mistakes(name: str, error: ConfigError) -> Iterator[CheckResult]:
    for said in [str(each) for each in error.problems] or [str(error)]:
        yield problem(name, said)


def roster(root: Path) -> Iterator[CheckResult]:
    """Check that dvc.yaml compares the runs of the study."""
    from rlx.config import read_parameters

    try:
        runs = read_parameters(root).study.runs
    except ConfigError:
        return
    older = is_of_older_rlx(root)
    if older:
        what = "dvc.yaml is of an older rlx: runs are not judged by what their environment says"
        yield problem("roster", what, "`rlx upgrade`")
    try:
        check_roster(root, runs)
    except ConfigError as error:
        yield problem("roster", str(error), "`rlx sync`" if "rlx sync" not in str(error) else "")
        return
    if dropped := _dropped(root, runs):
        many = len(dropped) > 1
        what = f"{listed(dropped)} {'have' if many else 'has'} a config and results here, and {'are' if many else 'is'} not in study.runs"
        yield warning("roster", what, f"add {'them' if many else 'it'} to study.runs in params.yaml, then `rlx sync`")
    if older:
        return
    yield ok("roster", "dvc.yaml compares the runs of the study")


def stages(root: Path) -> Iterator[CheckResult]:
    """Check that the files that rlx keeps in the project are those of the present version."""
    if files := older_files(root):
        what = f"{listed(files, 9)}: of an older rlx, whose names for things go on working"
        yield warning(
            "stages", what, "`rlx upgrade` brings them up to date and keeps the results (`--dry-run`: says how)"
        )


def _dropped(root: Path, runs: Collection[str]) -> list[str]:
    """Return the runs that a merge may have dropped from the study: Git holds their config and their results' snapshot."""
    there = sorted(path.parent.name for path in (root / "runs").glob(f"*/{SMALL[0]}"))
    names = [run for run in there if run not in runs and (root / "configs" / f"{run}.yaml").is_file()]
    known = (
        (repo.answer(root, "ls-files", "-z", "--", *(f"runs/{run}/{SMALL[0]}" for run in names)) or "") if names else ""
    )
    return [run for run in names if f"runs/{run}/{SMALL[0]}" in known.split("\0")]


def clone(root: Path) -> Iterator[CheckResult]:
    """Check that this clone merges what two people add as the project's ``.gitattributes`` say."""
    if asks_for_driver(root) and not is_set_up(root):
        told = "has not been set up: Git calls what two people add a conflict, and results do not follow `git checkout`"
        yield warning("clone", told, "`rlx init .`, or settle each time with `rlx sync --merge`")


def ignored(root: Path) -> Iterator[CheckResult]:
    """Check that Git and DVC are kept out of what is nobody's dependency."""
    taken = repo.not_ignored(root, UNWANTED)
    lacking = [line for path, line in zip(UNWANTED, LINES, strict=True) if path in taken]
    if lacking:
        cure = _append(lacking, ".gitignore")
        yield warning(".gitignore", f"lacks {listed(lacking, 9)}: Git would take in copies and caches", cure)
    path = root / ".dvcignore"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    there = {line.strip().rstrip("/") for line in lines}
    if lacking_here := [line for line in DVCIGNORED if line not in there]:
        cure = _append(lacking_here, ".dvcignore")
        yield warning(".dvcignore", f"lacks {listed(lacking_here, 9)}: stages run again for nothing", cure)


def _append(lines: list[str], file: str) -> str:
    """Return the command that adds lines to a file."""
    return "`printf '%s\\n' " + " ".join(f"'{line}'" for line in lines) + f" >> {file}`"


def untracked_configs(root: Path) -> Iterator[CheckResult]:
    """Check that Git knows the configs of the study: others who clone the project would lack them."""
    from rlx.config import read_parameters

    try:
        runs = read_parameters(root).study.runs
    except ConfigError:
        return
    unknown = set(repo.untracked(root, "configs"))
    if names := [f"configs/{run}.yaml" for run in runs if f"configs/{run}.yaml" in unknown]:
        yield warning("configs", f"Git does not know {listed(names)}", f"`git add {shlex.join(names)}`")


def uncommitted_results(root: Path) -> Iterator[CheckResult]:
    """Check that the results of the study are committed."""
    names = [name for name in repo.uncommitted(root, "dvc.lock", "runs", "analysis") if not is_dvcs(name)]
    if names:
        sources = repo.uncommitted(root, *MADE_FROM)
        told = f"{with_noun(len(names), 'result')} not committed: {listed(names)}"
        told += f"; nor what they were made from: {listed(sources)}" if sources else ""
        yield warning("results", told, f"`git add -- {shlex.join(sources + names)} && git commit -m 'Results'`")


MADE_FROM = ("params.yaml", "dvc.yaml", "configs", *PACKAGES, "stages")
"""What results depend on: a commit with them and without these says something untrue."""


def is_dvcs(name: str) -> bool:
    """Tell whether DVC holds a file of results, by its path in the project; Git must not."""
    parts = name.split("/")
    if parts[0] == "runs":
        return len(parts) > 2 and parts[2] in LAYOUT and parts[2] not in (*SMALL, ".gitignore")
    return name.startswith("analysis/compare/") and parts[-1] not in ("summary.json", ".gitignore")
