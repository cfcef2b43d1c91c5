"""What kept experiments hold: their files, read at the commit through Git and DVC's cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rlx.config import is_plain_path, read_bytes
from rlx.errors import DataDamaged, Missing
from rlx.experiments import RecordedRun, recorded
from rlx.launch import git_blobs
from rlx.records import cached, hash_of, member

MOST_BYTES = 2**30
IN_STUDY = {"eval/episodes.csv": "episodes.csv", "metadata.json": "outcome.json"}
"""What the folder of a foreign start's data calls its files, by what a run folder calls them."""
IN_GIT = ("config_snapshot.yaml", "judging.yaml", "task.json")


@dataclass
class KeptFiles:
    """Files of kept experiments.

    Attributes:
        root: The project.
        run: The run that they are of.
    """

    root: Path
    run: str
    _runs: dict[str, RecordedRun] = field(default_factory=dict)

    @cached_property
    def verified(self) -> set[Path]:
        """Objects of DVC's cache whose hash was computed."""
        return set()

    def read(self, item: Mapping[str, Any], path: str) -> bytes:
        """Return the bytes of a file of an experiment, after DVC's hash of it was computed again.

        Args:
            item: The experiment, as its `ended` line names it.
            path: In the run's folder.

        Raises:
            Missing: It is not here.
            DataDamaged: It has another hash than the commit says.
        """
        if path in IN_GIT:
            (blob,) = git_blobs(self.root, [f"{item['commit']}:./runs/{self.run}/{path}"])
            if blob is None:
                raise Missing(f"commit {str(item['commit'])[:10]} holds no runs/{self.run}/{path}")
            return blob
        return read_bytes(self.path(item, path), MOST_BYTES)

    def path(self, item: Mapping[str, Any], path: str) -> Path:
        """Return where a file of an experiment lies in DVC's cache; see :meth:`read`."""
        outputs = self._outputs(str(item["commit"]))
        output = next((name for name in outputs if path == name or path.startswith(f"{name}/")), None)
        told = f"{path} of {item['name']} ({str(item['commit'])[:10]})"
        if output is None:
            raise Missing(f"{told}: the commit's dvc.lock has no such output")
        inner = path.removeprefix(f"{output}/") if path != output else ""
        listing = cached(self.root, outputs[output])
        if listing is not None:
            self._verify(listing, told)
        found = member(self.root, outputs[output], inner) if inner else listing
        if found is None:
            raise Missing(f"{told}: is not in this clone's DVC cache; `dvc exp pull` fetches it")
        self._verify(found, told)
        return found

    def _verify(self, path: Path, told: str) -> None:
        """Compute the hash of an object again."""
        if path in self.verified:
            return
        expected = (path.parent.name + path.name).removesuffix(".dir")
        if hash_of(path) != expected:
            raise DataDamaged(f"{told}: was edited in DVC's cache: its MD5 is not {expected[:12]}…")
        self.verified.add(path)

    def _outputs(self, commit: str) -> Mapping[str, str]:
        if commit not in self._runs:
            (runs,) = recorded(self.root, [commit])
            if self.run not in runs:
                raise Missing(f"commit {commit[:10]} records no run {self.run!r}")
            self._runs[commit] = runs[self.run]
        return self._runs[commit].outputs


@dataclass
class FilesOfStudy(KeptFiles):
    """Files of a foreign repository's starts, which lie in the study's folder.

    Attributes:
        data: Where, by the start's name.
    """

    data: Path = Path()

    def path(self, item: Mapping[str, Any], path: str) -> Path:
        """Return a file; the ledger's hash of it is all that there is to hold it against."""
        name = str(item["name"])
        found = self.data / name / IN_STUDY.get(path, path)
        if not is_plain_path(f"{name}/{path}") or not found.is_file() or found.is_symlink():
            raise Missing(f"data/{name}/{IN_STUDY.get(path, path)}: is not there; take it from Git")
        return found

    def read(self, item: Mapping[str, Any], path: str) -> bytes:
        """Return a file's bytes."""
        return read_bytes(self.path(item, path), MOST_BYTES)
