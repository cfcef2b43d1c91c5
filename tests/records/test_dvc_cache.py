"""DVC's cache read without DVC: the same files by the same hashes, and nothing is written where a list leads out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from rlx.errors import DataDamaged, DataRefused
from rlx.records.dvc_cache import (
    cache_root,
    cached,
    has_remote,
    hash_of,
    is_object,
    is_whole,
    lay_out,
    member,
    members,
)
from tests.conftest import Project
from tests.stored_project import keep, object_of

FILES = {"a.txt": "one\n", "inner/b.bin": "\0\1", "inner/deep/été.csv": "x\n1\n", "empty": ""}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "project")
    made.write(".dvc/config", "[core]\n    analytics = false\n")
    for name, text in FILES.items():
        made.write(f"data/{name}", text)
    return made


def test_what_the_installed_dvc_keeps_is_found_and_laid_out_as_it_was(project: Project, tmp_path: Path) -> None:
    """The contract with DVC, of whose cache nothing else here is a witness."""
    project.git("init", "-q")
    project.write("single.txt", "alone\n")
    project.dvc("add", "-q", "data")
    project.dvc("add", "-q", "single.txt")
    outputs = {
        name: yaml.safe_load((project.root / f"{name}.dvc").read_text())["outs"][0]["md5"]
        for name in ("data", "single.txt")
    }
    assert outputs["single.txt"] == hash_of(project.root / "single.txt")
    assert outputs["data"] == keep(Project(tmp_path / "other"), project.root / "data")  # what these tests stand on
    listing = cached(project.root, outputs["data"])
    assert listing is not None
    assert set(members(listing)) == set(FILES)
    assert all(is_whole(project.root, digest) for digest in outputs.values())
    assert lay_out(project.root, outputs, tmp_path / "laid out", "a test")
    assert {name: (tmp_path / "laid out/data" / name).read_text() for name in FILES} == FILES
    assert (tmp_path / "laid out/single.txt").read_text() == "alone\n"
    found = member(project.root, outputs["data"], "inner/b.bin")
    assert found is not None
    assert (found.read_text(), is_object(project.root, found.resolve())) == (FILES["inner/b.bin"], True)
    assert not is_object(project.root, project.root / "single.txt")
    assert cache_root(project.root) == Path(project.dvc("cache", "dir").strip())


def test_what_is_not_here_is_none_and_laying_out_says_so(project: Project, tmp_path: Path) -> None:
    digest = keep(project, project.root / "data")
    inner = members(object_of(project, digest))["a.txt"]
    object_of(project, inner).unlink()
    assert (cached(project.root, inner), member(project.root, digest, "a.txt")) == (None, None)
    assert cached(project.root, "../../../config") is None
    assert not is_whole(project.root, digest)
    assert not lay_out(project.root, {"data": digest}, tmp_path / "there", "a test")
    assert not (tmp_path / "there/data/a.txt").exists()
    assert (tmp_path / "there/data/inner/b.bin").is_file()


@pytest.mark.parametrize("named", [".dvc/config.local", ".dvc/config"])
def test_the_cache_is_where_the_configuration_says(project: Project, tmp_path: Path, named: str) -> None:
    assert cache_root(project.root) == (project.root / ".dvc/cache").resolve()
    cache_root.cache_clear()
    project.write(named, "[cache]\n    dir = ../../elsewhere\n[core]\n    remote = store\n")
    assert cache_root(project.root) == (tmp_path / "elsewhere").resolve()
    assert has_remote(project.root)


@pytest.mark.parametrize(
    "listing",
    [
        "{",
        '{"md5": "0"}',
        '[{"relpath": "a"}]',
        '[{"relpath": "a", "md5": "xyz"}]',
        '[{"relpath": 1, "md5": "00000000000000000000000000000000"}]',
        json.dumps([{"relpath": "a", "md5": "0" * 32}] * 2),
    ],
)
def test_a_damaged_list_is_said_with_its_cure(tmp_path: Path, listing: str) -> None:
    path = tmp_path / "list.dir"
    path.write_text(listing)
    with pytest.raises(DataDamaged, match=r"is damaged .*rlx doctor --verify --fix"):
        members(path)


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "a/../../out", ".git/config"])
def test_a_list_that_leads_out_of_its_folder_is_refused_before_anything_is_written(
    project: Project, tmp_path: Path, path: str
) -> None:
    digest = keep(project, project.root / "data")
    text = object_of(project, digest).read_text().replace('"a.txt"', json.dumps(path))
    (project.root / "list").write_text(text)
    moved = f"{hash_of(project.root / 'list')}.dir"
    object_of(project, moved).parent.mkdir(parents=True, exist_ok=True)
    (project.root / "list").rename(object_of(project, moved))
    with pytest.raises(DataRefused):
        lay_out(project.root, {"data": moved}, tmp_path / "there", "a test")
    assert not (tmp_path / "there").exists()
    assert not (tmp_path / "out").exists()


def test_a_path_that_is_a_file_and_a_folder_is_refused(project: Project, tmp_path: Path) -> None:
    file, folder = keep(project, project.root / "data/a.txt"), keep(project, project.root / "data")
    with pytest.raises(DataRefused, match="is a file and a folder; nothing was written"):
        lay_out(project.root, {"eval": file, "eval/inner": folder}, tmp_path / "there", "a test")
    assert not (tmp_path / "there").exists()


def test_nothing_is_read_through_a_link_in_the_place_of_an_object(project: Project, tmp_path: Path) -> None:
    digest = keep(project, project.root / "data/a.txt")
    (tmp_path / "secret").write_text("CANARY")
    object_of(project, digest).unlink()
    object_of(project, digest).symlink_to(tmp_path / "secret")
    with pytest.raises(DataRefused, match="is a link"):
        cached(project.root, digest)
    object_of(project, digest).unlink()
    os.mkfifo(object_of(project, digest))
    assert cached(project.root, digest) is None
