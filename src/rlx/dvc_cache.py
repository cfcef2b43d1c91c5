"""Files that DVC keeps, read from its cache by their hash: no DVC is imported, nothing is checked out."""

from __future__ import annotations

import json
import re
import shutil
from functools import lru_cache
from pathlib import Path

import platformdirs
from configobj import ConfigObj, ConfigObjError

from rlx.atomic import replacing
from rlx.project import main_root

HASH = re.compile(r"[0-9a-f]{32}(\.dir)?")


@lru_cache(maxsize=8)
def cache_root(root: Path) -> Path:
    """Return DVC's cache folder: as configured for this clone, for the project, for the person, or by default."""
    folder = main_root(root) / ".dvc"
    personal = Path(platformdirs.user_config_dir("dvc", "iterative")) / "config"
    for path in (folder / "config.local", folder / "config", personal):
        try:
            named = ConfigObj(str(path), encoding="utf-8")["cache"]["dir"]
            return path.parent.joinpath(str(named)).resolve()
        except (ConfigObjError, KeyError, TypeError, OSError, UnicodeDecodeError):
            continue
    return (folder / "cache").resolve()


def cached(root: Path, digest: str) -> Path | None:
    """Return the object with this hash, or None where this clone has not fetched it."""
    path = cache_root(root) / "files" / "md5" / digest[:2] / digest[2:]
    return path if path.is_file() else None


def members(listing: Path) -> dict[str, str]:
    """Return the files of a folder that DVC keeps: hashes by path; nothing where its list is damaged."""
    try:
        found = json.loads(listing.read_bytes())
        pairs = {str(item["relpath"]): str(item["md5"]) for item in found}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {path: md5 for path, md5 in pairs.items() if HASH.fullmatch(md5) and ".." not in Path(path).parts}


def member(root: Path, digest: str, path: str) -> Path | None:
    """Return one file of a folder that DVC keeps, or None where it has none of that name or it is not here."""
    listing = cached(root, digest)
    inner = members(listing).get(path) if listing else None
    return cached(root, inner) if inner else None


def lay_out(root: Path, digest: str, target: Path) -> bool:
    """Copy an object, or a folder of them, to ``target``.

    Returns:
        Whether all of it was here.
    """
    source = cached(root, digest)
    if source is None:
        return False
    if digest.endswith(".dir"):
        target.mkdir(parents=True, exist_ok=True)
        here = [lay_out(root, inner, target / path) for path, inner in members(source).items()]
        return all(here)
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
    return True
