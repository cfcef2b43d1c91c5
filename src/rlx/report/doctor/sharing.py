"""Checks of what leaves the machine: nothing by itself, and results that somebody wants to share really do."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from rlx.experiments import Remote, default_remote, dvc_settings, experiments, without_remote
from rlx.report.doctor.finding import Finding, counted, listed, ok, warning

OFF = ("false", "0", "no", "off")


def privacy(root: Path) -> Iterator[Finding]:
    """Check that DVC neither reports what it is used for nor looks for updates."""
    core = dvc_settings(root).get("core") or {}
    on = [key for key in ("analytics", "check_update") if str(core.get(key, "true")).lower() not in OFF]
    if on:
        cure = " and ".join(f"`dvc config core.{key} false`" for key in on)
        yield warning("analytics", f"DVC's {' and '.join(on)} are on: it uses the network", cure)
    else:
        yield ok("analytics", "DVC's analytics and update check are off")


def remote(root: Path) -> Iterator[Finding]:
    """Check that results are kept anywhere else than here."""
    found = default_remote(root)
    if found is None:
        cure = "`dvc remote add -d NAME URL`, best before the first experiment; then `git commit -am remote`"
        yield warning("remote", "there is none: results are on this machine only", cure)
        return
    told = f"{found.name}, {found.url}"
    folder = _folder(found.url)
    if folder is None:
        yield ok("remote", told)
        return
    written = found.written[0] if found.written else found.url
    relative = not Path(written).is_absolute()
    if folder.is_relative_to(root.resolve()):
        meant = f"; {written} is relative to .dvc/" if relative else ""
        cure = f"`dvc remote modify {found.name} url /ABSOLUTE/PATH`"
        yield warning("remote", f"{told} lies in the project itself, which is no second place{meant}", cure)
    elif relative and not folder.exists() and (root / written).exists():
        told = f"{written} is relative to .dvc/, so it is {folder}, not {(root / written).resolve()}"
        cure = f"`dvc remote modify {found.name} url {shlex.quote(str((root / written).resolve()))}`"
        yield warning("remote", told, cure)
    else:
        yield ok("remote", f"{told}{'' if folder.exists() else ' (made by the first push)'}")


def _folder(url: str) -> Path | None:
    """Return the folder that a remote is; None where it is no folder of this machine."""
    if "://" in url and not url.startswith("file://"):
        return None
    return Path(url.removeprefix("file://")).resolve()


def experiments_before_the_remote(root: Path) -> Iterator[Finding]:
    """Check for experiments made before the remote was set: `dvc exp push` would send them without their files."""
    found: Remote | None = default_remote(root)
    older = without_remote(root, found, experiments(root)) if found else []
    if found and older:
        told = (
            f"{counted(len(older), 'experiment')} made before remote {found.name} was set as it is, "
            f"{listed([experiment.name for experiment in older])}: `dvc exp push` would send no files of them"
        )
        yield warning(
            "exp push", told, f"`dvc remote add --local -f -d {found.name} {shlex.quote(found.url)}`, for this clone"
        )
