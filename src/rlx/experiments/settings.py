"""DVC's own configuration of a project, and the copies of it that experiments carry."""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.errors import ConfigError
from rlx.launch import git_blobs

if TYPE_CHECKING:
    from rlx.experiments.experiment import Experiment

FILES = (".dvc/config.local", ".dvc/config")


@dataclass(frozen=True)
class Remote:
    """Where `dvc push` puts files.

    Attributes:
        name: Its name.
        url: As DVC understands it.
        written: As it stands in the file, and which file that is; None where it is the person's or the system's.
    """

    name: str
    url: str
    written: tuple[str, str] | None


def dvc_settings(root: Path) -> dict[str, Any]:
    """Return DVC's settings of a project, those of the person and the system included.

    Raises:
        ConfigError: They cannot be read.
    """
    from dvc.config import Config, ConfigError as Refusal

    try:
        return dict(Config(dvc_dir=str(root / ".dvc"), validate=False))
    except (Refusal, UnicodeDecodeError) as error:
        raise ConfigError(
            f"DVC's settings (.dvc/config, .dvc/config.local, or your own) cannot be read: {error}"
        ) from None


def default_remote(root: Path) -> Remote | None:
    """Return the remote that `dvc push` uses; None where there is none."""
    settings = dvc_settings(root)
    name = str((settings.get("core") or {}).get("remote") or "")
    remote = (settings.get("remote") or {}).get(name)
    if not name or not remote:
        return None
    for file in FILES:
        path = root / file
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        if url := _remotes(text).get(name):
            return Remote(name, str(remote.get("url", "")), (url, file))
    return Remote(name, str(remote.get("url", "")), None)


def without_remote(root: Path, remote: Remote, kept: Sequence[Experiment]) -> list[Experiment]:
    """Return those of some experiments that do not know of a remote: `dvc exp push` would send no files of theirs.

    It goes by the ``.dvc/config`` that an experiment was made with, together with what this clone (``config.local``) and
    the person have set.
    """
    if remote.written is None or remote.written[1] == ".dvc/config.local":
        return []
    texts = git_blobs(root, [f"{experiment.commit}:./.dvc/config" for experiment in kept])
    known = [_remotes((text or b"").decode("utf-8", "replace")) for text in texts]
    return [
        experiment
        for experiment, remotes in zip(kept, known, strict=True)
        if remotes.get(remote.name) != remote.written[0]
    ]


def _remotes(text: str) -> dict[str, str]:
    """Return the addresses of the remotes in a file of DVC's configuration, by name."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    found = {}
    for section in parser.sections():
        kind, _, name = section.strip("'").partition(" ")
        if kind == "remote" and parser.has_option(section, "url"):
            found[name.strip().strip('"')] = parser.get(section, "url").strip("'\"")
    return found
