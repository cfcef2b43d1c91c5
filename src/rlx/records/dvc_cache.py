"""Files that DVC keeps, read from its cache by their hash: no DVC is imported, nothing is checked out."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import platformdirs
from configobj import ConfigObj, ConfigObjError

from rlx.config import check_plain, place, read_json, replacing, require
from rlx.errors import DataDamaged, DataRefused
from rlx.launch import main_root
from rlx.stats import shown

HASH = re.compile(r"[0-9a-f]{32}(\.dir)?")
FILE_HASH = re.compile(r"[0-9a-f]{32}")
MOST_MEMBERS = 200_000
"""Files of one folder that DVC keeps."""


@lru_cache(maxsize=8)
def cache_root(root: Path) -> Path:
    """Return DVC's cache folder: as configured for this clone, for the project, for the person, or by default."""
    folder = main_root(root) / ".dvc"
    named = (path.parent.joinpath(said).resolve() for path, said in _configured(folder, "cache", "dir"))
    return next(named, (folder / "cache").resolve())


def has_remote(root: Path) -> bool:
    """Tell whether DVC has a remote that `dvc push` and `dvc pull` use, as :func:`cache_root` looks."""
    return any(said for _, said in _configured(main_root(root) / ".dvc", "core", "remote"))


def _configured(folder: Path, section: str, key: str) -> Iterator[tuple[Path, str]]:
    """Yield the files of DVC's configuration that say something, and what; the first has the last word."""
    folders = (platformdirs.user_config_dir("dvc", "iterative"), platformdirs.site_config_dir("dvc", "iterative"))
    for path in (folder / "config.local", folder / "config", *(Path(found) / "config" for found in folders)):
        with suppress(ConfigObjError, KeyError, TypeError, OSError, UnicodeDecodeError):
            yield path, str(ConfigObj(str(path), encoding="utf-8")[section][key])


def cached(root: Path, digest: str) -> Path | None:
    """Return the object with this hash, or None where this clone has not fetched it.

    Raises:
        DataRefused: A link stands in its place: an object is a file of the cache itself.
    """
    path = _objects(root) / digest[:2] / digest[2:]
    if not HASH.fullmatch(digest) or not path.is_file():
        return None
    if path.is_symlink() or path.parent.is_symlink():
        raise DataRefused(f"{path}: is a link, and DVC's cache holds files; nothing is read through it. Delete it")
    return path


def _objects(root: Path) -> Path:
    return cache_root(root) / "files" / "md5"


def is_object(root: Path, path: Path) -> bool:
    """Tell whether a resolved path is an object of the cache, as DVC links to them where it is told to."""
    objects = _objects(root).resolve()
    if not path.is_relative_to(objects):
        return False
    parts = path.relative_to(objects).parts
    return len(parts) == 2 and len(parts[0]) == 2 and HASH.fullmatch("".join(parts)) is not None


def members(listing: Path) -> dict[str, str]:
    """Return the files of a folder that DVC keeps: hashes by path.

    Raises:
        DataDamaged: Its list is damaged.
        DataRefused: It names a path that is not below the folder.
    """
    source = f"{listing} (a folder's list in DVC's cache)"
    try:
        found = read_json(listing)
        require(isinstance(found, list) and len(found) <= MOST_MEMBERS, "not a list of files, or one too long")
        pairs = {item["relpath"]: item["md5"] for item in found}
        require(len(pairs) == len(found), "a file named twice")
        require(all(isinstance(text, str) for text in [*pairs, *pairs.values()]), "a name or hash that is no text")
        require(all(FILE_HASH.fullmatch(md5) for md5 in pairs.values()), "a file without the hash of a file")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataDamaged(
            f"{source}: is damaged ({str(error)[:80]}); `rlx doctor --verify --fix` moves it away, `dvc fetch` brings it back"
        ) from None
    for path in pairs:
        check_plain(path, source)
    return pairs


def hash_of(path: Path) -> str:
    """Return the hash by which DVC knows a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def is_whole(root: Path, digest: str) -> bool:
    """Tell whether this clone has the object with this hash, and of a folder all files.

    Raises:
        DataDamaged: The list of a folder is damaged.
        DataRefused: A link stands in its place, or the list leads out of the folder.
    """
    found = cached(root, digest)
    inside = members(found).values() if found and digest.endswith(".dir") else ()
    return found is not None and all(cached(root, inner) for inner in inside)


def member(root: Path, digest: str, path: str) -> Path | None:
    """Return one file of a folder that DVC keeps, or None where it has none of that name or it is not here."""
    listing = cached(root, digest)
    inner = members(listing).get(path) if listing else None
    return cached(root, inner) if inner else None


def lay_out(root: Path, outputs: Mapping[str, str], folder: Path, source: str) -> bool:
    """Copy objects, and folders of them, to their places in a folder; everything is checked before anything is written.

    Args:
        root: The project.
        outputs: Hashes by path in the folder.
        folder: The folder.
        source: What says so, for messages.

    Returns:
        Whether all of it was here.

    Raises:
        DataRefused: A path leads out of the folder, or stands in the place of another, or the disk has not the room.
        DataDamaged: The list of a folder is damaged.
    """
    objects, folders = _planned(root, outputs)
    targets = {path: place(folder, path, source) for path in [*objects, *folders]}
    for path in objects:
        parents = [path[: at.start()] for at in re.finditer("/", path)]
        if taken := [parent for parent in (*parents, path) if parent in (folders if parent == path else objects)]:
            raise DataRefused(f"{source}: {shown(taken[0])} is a file and a folder; nothing was written")
    here = {path: found for path, found in objects.items() if found is not None}
    needed = sum(found.stat().st_size for found in here.values())
    standing = next(place for place in (folder, *folder.parents) if place.is_dir())
    if needed > (free := shutil.disk_usage(standing).free):
        raise DataRefused(f"{source}: takes {needed:,} bytes, and the disk has {free:,}; nothing was written")
    for path in folders:
        targets[path].mkdir(parents=True, exist_ok=True)
    for path, found in here.items():
        with replacing(targets[path]) as temporary:
            shutil.copyfile(found, temporary)
    return len(here) == len(objects)


def _planned(root: Path, outputs: Mapping[str, str]) -> tuple[dict[str, Path | None], list[str]]:
    """Return what lies in DVC's cache of some outputs by path, None for what is not here, and the folders among them."""
    objects: dict[str, Path | None] = {}
    folders = []
    for output, digest in outputs.items():
        found = cached(root, digest)
        if found is None or not digest.endswith(".dir"):
            objects[output] = found
            continue
        folders.append(output)
        for path, inner in members(found).items():
            objects[f"{output}/{path}"] = cached(root, inner)
    return objects, folders
