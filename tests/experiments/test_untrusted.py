"""What others wrote: nothing is written outside of the project, nothing outside is read, nothing takes for ever."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.cli.test_mistakes import typed
from tests.conftest import Project

SECRET = "CANARY"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


def refused(project: Project, *arguments: str, says: str, status: int = 4) -> str:
    done = project.run("rlx", *arguments, check=False, timeout=60)
    text = " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout
    assert SECRET not in done.stdout
    assert says in text, text
    assert done.returncode == status, text
    return text


def keep(project: Project, name: str) -> str:
    """Keep the workspace's ``dvc.lock`` as an experiment of this name, and put the committed one back."""
    head = project.git("rev-parse", "HEAD").strip()
    if not project.git("diff", "--", "dvc.lock"):  # it has to make one run anew
        other = [output(project, f"runs/{run}/logs") for run in ("cartpole", "cartpole_epochs")]
        project.replace("dvc.lock", *other)
    project.git("add", "dvc.lock")
    tree = project.git("write-tree").strip()
    commit = project.git("commit-tree", tree, "-p", head, "-m", "from a colleague").strip()
    reference = f"refs/exps/{head[:2]}/{head[2:]}/{name}"
    project.git("update-ref", "--", reference, commit)
    project.git("checkout", "-q", "HEAD", "--", "dvc.lock")
    return reference


def output(project: Project, path: str) -> str:
    """Return the hash of an output in ``dvc.lock``."""
    lines = (project.root / "dvc.lock").read_text().splitlines()
    at = lines.index(f"    - path: {path}", lines.index("    outs:"))
    at = max(index for index, line in enumerate(lines) if line == f"    - path: {path}" and index >= at)
    return next(line.split(": ")[1] for line in lines[at:] if line.startswith("      md5: "))


def listing(project: Project, path: str, relpath: str, inner: str) -> str:
    """Put a folder's list into DVC's cache that says that it has one more file, and return its hash."""
    cache = project.root / ".dvc" / "cache" / "files" / "md5"
    old = output(project, path)
    members = json.loads((cache / old[:2] / old[2:]).read_text())
    content = json.dumps([{"md5": inner, "relpath": relpath}, *members]).encode()
    digest = f"{hashlib.md5(content).hexdigest()}.dir"
    target = cache / digest[:2] / digest[2:]
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(content)
    return digest


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if ".git" not in path.parts)


def test_nothing_of_a_colleagues_lock_is_written_outside(study: Project) -> None:
    outside = study.root.parent / "outside"
    outside.mkdir()
    film = output(study, "runs/cartpole/metadata.json")
    lock = (study.root / "dvc.lock").read_text()
    before = output(study, "runs/cartpole/eval")
    for number, path in enumerate(
        ("../../../../outside/x", f"{outside}/x", "a/../../../../outside/x", ".git/hooks/post-commit", "a\\..\\x")
    ):
        evil = listing(study, "runs/cartpole/eval", path, film)
        study.write("dvc.lock", lock.replace(before, evil))
        keep(study, f"evil_{number}")
    outs = ("runs/cartpole/../../../outside/x", f"{outside}/x", "../outside/x", "params.yaml", ".git/hooks/post-commit")
    for number, path in enumerate(outs):
        study.write("dvc.lock", lock.replace("path: runs/cartpole/videos\n", f"path: {path}\n"))
        keep(study, f"evil_out_{number}")
    for number in range(5):
        refused(study, "checkout", f"evil_{number}", says="nothing was written")
        assert not (study.root / "runs" / f"evil_{number}").exists()
    refused(study, "info", "evil_0", says="nothing was written")
    for number in range(len(outs)):
        refused(study, "checkout", f"evil_out_{number}", says="nothing was written")
    refused(study, "promote", "evil_out_3", says="nothing was written")
    assert not study.git("status", "--porcelain")
    study.write("dvc.lock", lock.replace(before, listing(study, "runs/cartpole/eval", "../../../../outside/x", film)))
    shutil.rmtree(study.root / "runs/cartpole/eval")
    refused(study, "checkout", "cartpole", says="nothing was written")
    refused(study, "train", "cartpole", "-S", "algo.gamma=0.5", says="nothing was written")
    assert not files(outside)
    assert "unreadable" in study.rlx("ls").stdout


@pytest.mark.slow
def test_nothing_is_written_or_read_through_links(study: Project) -> None:
    outside = study.root.parent / "outside"
    (outside / "eval").mkdir(parents=True)
    for name, text in (("secret", f"{SECRET}: 1\n"), ("eval/summary.json", f'{{"{SECRET}": 1}}')):
        (outside / name).write_text(text)
    untouched = files(outside)
    keep(study, "kept")
    runs = study.root / "runs"
    (runs / "kept").symlink_to(outside)
    refused(study, "checkout", "kept", says="is a link")
    assert "stays" in study.rlx("rm", "kept").stdout
    for link in ("config_snapshot.yaml", "metadata.json", "eval", "metrics.jsonl", "logs", "checkpoints/seed_1"):
        shutil.copytree(runs / "cartpole", runs / "stranger")
        path = runs / "stranger" / link
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.symlink_to(outside / ("eval" if link in ("eval", "logs", "checkpoints/seed_1") else "secret"))
        refused(study, "info", "stranger", says="outside of its run's folder")
        path.unlink()
        shutil.rmtree(runs / "stranger")
    (runs / "cartpole.yaml").symlink_to(outside / "secret")
    refused(study, "info", "cartpole", says="is a link")
    (runs / "cartpole.yaml").unlink()
    (study.root / "configs/leak.yaml").symlink_to(outside / "secret")
    refused(study, "train", "leak", says="outside of the project", status=3)
    assert files(outside) == untouched


def test_links_of_the_owner_work(study: Project) -> None:
    shutil.move(study.root / "runs", study.root.parent / "elsewhere")
    (study.root / "runs").symlink_to(study.root.parent / "elsewhere")
    shutil.move(study.root / ".dvc" / "cache", study.root.parent / "cache")
    (study.root / ".dvc" / "cache").symlink_to(study.root.parent / "cache")
    metrics = study.root / "runs/cartpole/metrics.jsonl"
    digest = output(study, "runs/cartpole/metrics.jsonl")
    metrics.unlink()
    metrics.symlink_to(study.root / ".dvc/cache/files/md5" / digest[:2] / digest[2:])  # DVC's cache.type symlink
    assert "mean return" in study.rlx("info", "cartpole").stdout
    study.rlx("checkout", "cartpole@HEAD")
    assert (study.root / "runs/cartpole@HEAD/metrics.jsonl").is_file()


def test_no_stage_writes_through_a_link(study: Project) -> None:
    outside = study.root.parent / "outside"
    outside.mkdir()
    shutil.rmtree(study.root / "runs/cartpole")
    (study.root / "runs/cartpole").symlink_to(outside)
    for stage in ("resolve", "train", "eval", "video", "analyze"):
        done = study.run("python", "-m", f"stages.{stage}", "cartpole", check=False)
        assert (done.returncode, "is a link to" in " ".join(done.stdout.split())) == (4, True), done.stdout
    assert not list(outside.iterdir())


@pytest.mark.parametrize("name", [".dvc/tmp", ".dvc/tmp/rlx-locks", "runs", "analysis", ".dvc/cache"])
def test_a_link_that_a_commit_brought_leads_nowhere(
    study: Project, name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    outside = study.root.parent / "outside"
    outside.mkdir()
    path = study.root / name
    shutil.rmtree(path, ignore_errors=True)
    path.symlink_to(outside)
    study.git("add", "-f", "--", name)
    monkeypatch.chdir(study.root)
    for words in ("ls", "tag cartpole x", "checkout cartpole", "train cartpole -S algo.gamma=0.5", "doctor"):
        assert typed(words.split(), monkeypatch) == 4, words
        assert "that a commit brought along" in " ".join(capfd.readouterr().err.split())
    assert not list(outside.iterdir())
    study.git("rm", "-q", "--cached", "--", name)
    assert typed(["ls"], monkeypatch) == 0, "a link that nobody but the owner of the clone has made is the owner's"


def test_rm_deletes_neither_runs_of_the_study_nor_anybodys_files(study: Project) -> None:
    runs = study.root / "runs"
    before = files(runs / "cartpole")
    keep(study, "cartpole")
    assert "stays" in study.rlx("rm", "cartpole").stdout
    assert files(runs / "cartpole") == before
    assert not study.git("for-each-ref", "refs/exps")
    refused(study, "rm", "cartpole", says="is a run of the study", status=2)
    study.write("runs/mine/notes.txt", "mine")
    refused(study, "rm", "mine", says="has not made", status=2)
    keep(study, "mine")
    refused(study, "checkout", "mine", says="is not the folder of an experiment")
    study.rlx("rm", "mine")
    assert files(runs / "mine") == ["notes.txt"]
    reference = keep(study, "-A")
    study.rlx("checkout", "--", "-A")
    study.write("runs/-A/plots/drawn.txt", "mine")
    told = " ".join(study.rlx("rm", "--", "-A").stdout.split())
    assert "drawn.txt" in told
    assert files(runs / "-A") == [".gitignore", "plots", "plots/drawn.txt"]
    study.run("sh", "-c", told.split("`")[1])
    assert reference in study.git("for-each-ref", "refs/exps")
    for name in ("-A", "--all", "../cartpole", "cartpole/eval", ".."):
        refused(study, "rm", "--", f"{name} x", says="there is no experiment")
    assert files(runs / "cartpole") == before


def test_a_folder_that_cannot_be_deleted_keeps_its_experiment(study: Project) -> None:
    reference = keep(study, "stuck")
    study.rlx("checkout", "stuck")
    from rlx.errors import CommandFailed
    from rlx.experiments import kept

    with pytest.MonkeyPatch.context() as patch:  # root may delete from read-only folders
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
        with pytest.raises(CommandFailed, match="is not dropped"):
            kept.remove_folder(study.root, "stuck", kept.experiment_named(study.root, "stuck"))
    assert reference in study.git("for-each-ref", "refs/exps")
    assert kept.is_ours(study.root, "stuck")


def test_reading_is_bounded(study: Project) -> None:
    run = study.root / "runs/cartpole"
    deep, digits = "[" * 100_000, "9" * 5_000
    for name, text, command in (
        ("runs/cartpole/config_snapshot.yaml", BOMB, "info"),
        ("runs/cartpole/config_snapshot.yaml", f"a: {deep}", "info"),
        ("runs/cartpole.yaml", BOMB, "info"),
        ("runs/cartpole/metadata.json", deep, "info"),
        ("runs/cartpole/metadata.json", f'{{"status": {digits}}}', "info"),
        ("runs/cartpole/metrics.jsonl", f'{{"seed": 1, "step": {digits}}}\n', "diagnose"),
        ("runs/cartpole/metrics.jsonl", f'{{"seed": 1, "step": 1, "x": "{"x" * 2**21}"}}\n', "diagnose"),
    ):
        path = study.root / name
        before = path.read_bytes() if path.exists() else None
        path.unlink(missing_ok=True)
        path.write_text(text)
        refused(study, command, "cartpole", says=path.name)
        path.unlink()
        if before is not None:
            path.write_bytes(before)
    (study.root / "configs/bomb.yaml").write_text(BOMB)
    refused(study, "train", "bomb", says="with its aliases written out", status=3)
    (study.root / "configs/bomb.yaml").write_text("".join(f"key_{number}: 1\n" for number in range(5_000)))
    told = refused(study, "train", "bomb", says="and 4,980 more problems", status=3)
    assert len(told) < 10_000
    study.write("runs/cartpole/metadata.json", (run / "metadata.json").read_text())
    assert "finished" in study.rlx("ls").stdout


def test_zips_are_looked_at_before_they_are_read(study: Project, tmp_path: Path) -> None:
    good = study.root / "runs/cartpole/checkpoints/seed_1/latest.zip"
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def written(name: str, changed: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> str:
        contents = {**members, **changed}
        hashes = {each: hashlib.sha256(content).hexdigest() for each, content in contents.items()}
        manifest = {"format": 3, "sha256": {each: digest for each, digest in hashes.items() if "manifest" not in each}}
        contents["rlx/manifest.json"] = changed.get("rlx/manifest.json", json.dumps(manifest).encode())
        with zipfile.ZipFile(tmp_path / name, "w", how) as archive:
            for each, content in contents.items():
                archive.writestr(each, content)
        return str(tmp_path / name)

    state = json.loads(members["rlx/state.json"])
    climbing = json.dumps({**state, "step": "../../../x"}).encode()
    half = members["rlx/manifest.json"][:60]
    config = b"".join(members["rlx/config.yaml"].splitlines(keepends=True)[:12])
    huge = tmp_path / "huge.zip"
    with huge.open("wb") as file:
        file.truncate(2**40)
    from rlx.config.snapshot import carried_snapshot
    from rlx.errors import CheckpointDamaged, DataDamaged
    from rlx.records import checkpoints

    for path, says in (
        (written("a.zip", {}, zipfile.ZIP_DEFLATED), "compressed"),
        (written("b.zip", {f"{number}": b"" for number in range(3_000)}), "members"),
        (written("c.zip", {"rlx/state.json": climbing}), "no whole number"),
        (written("d.zip", {"rlx/manifest.json": half}), "manifest is damaged"),
        (written("e.zip", {"rlx/state.json": b"[" * 100_000}), "nested too deeply"),
        (str(huge), "more than any checkpoint"),
    ):
        with pytest.raises(CheckpointDamaged, match=says):
            checkpoints.load(Path(path))
    incomplete = checkpoints.load(Path(written("f.zip", {"rlx/config.yaml": config})))
    with pytest.raises(DataDamaged, match="lacks"):
        carried_snapshot(incomplete.config, incomplete.path)
    damaged = good.read_bytes()
    good.write_bytes(damaged[: len(damaged) // 2])
    with pytest.raises(CheckpointDamaged, match=r"the newest good checkpoint beside it is step_2048\.zip"):
        checkpoints.load(good)
    refused(study, "eval", str(tmp_path / "a.zip"), says="compressed", status=4)


@pytest.mark.slow
def test_half_a_file_is_damaged(study: Project) -> None:
    from rlx.config.snapshot import read_snapshot
    from rlx.errors import DataDamaged

    run = study.root / "runs/cartpole"
    snapshot = (run / "config_snapshot.yaml").read_bytes()
    for end in range(0, len(snapshot), 7):
        (run / "config_snapshot.yaml").write_bytes(snapshot[:end])
        with pytest.raises(DataDamaged):
            read_snapshot(run / "config_snapshot.yaml")
    refused(study, "info", "cartpole", says="`git checkout HEAD --")
    refused(study, "compare", says="config_snapshot.yaml")
    (run / "config_snapshot.yaml").write_bytes(snapshot)
    read_snapshot(run / "config_snapshot.yaml")
    for name, command in (
        ("metadata.json", ("info", "cartpole")),
        ("eval/summary.json", ("compare",)),
        ("eval/episodes.csv", ("diagnose", "cartpole")),
        ("metrics.jsonl", ("diagnose", "cartpole")),
    ):
        whole = (run / name).read_text()
        lines = whole.splitlines(keepends=True)
        for content in ("".join(lines[: len(lines) // 2 + 1]), whole[:-3], "\x00\xff"):
            (run / name).unlink()
            (run / name).write_text(content)
            refused(study, *command, says=name)
        (run / name).write_text(whole)
