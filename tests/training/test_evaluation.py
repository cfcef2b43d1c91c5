"""Held-out episodes, checkpoints and films."""

from __future__ import annotations

import math
import os
import pickle
import shutil
import warnings
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlx.config.schema import FinalEvalConfig, RunConfig, VideoConfig
from rlx.config.snapshot import Snapshot
from rlx.envs import PLACES, GymnasiumPlaces
from rlx.envs.making import make_env
from rlx.errors import CheckpointDamaged, DataDamaged, Missing, NoRenderer
from rlx.launch import PROCESS, Cause, Failure, run_alone
from rlx.records import checkpoints, results
from rlx.training.actors import PolicyPlayer, RandomPlayer, StillPlayer, load_player
from rlx.training.evaluation import play
from rlx.training.film_writing import Scene, write_film
from rlx.training.filming import draw, frames_per_second
from rlx.training.films_ready import folder_aside, keep, take
from rlx.training.held_out import evaluate_run, task_of
from rlx.training.held_out_play import play_held_out
from rlx.training.one_seed import train_seed
from rlx.training.video import film_run, planned_film, representative

PROTOCOL = FinalEvalConfig(episodes=PLACES + 8)


class Long(gym.Env[Any, Any]):
    """Episodes whose length is drawn at reset; the n-th batch row must not leak into another."""

    observation_space, action_space = spaces.Box(-1, 1, (1,), np.float32), spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.left = int(self.np_random.integers(1, 100))
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.left -= 1
        return np.zeros(1, np.float32), 1.0, self.left <= 0, False, {}


class Endless(Long):
    def step(self, action: Any) -> Any:
        return np.zeros(1, np.float32), 1.0, False, False, {}


class Filmed(Long):
    """Odd sizes, tiny frames, continuous actions."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 12}
    action_space = spaces.Box(-1, 1, (2,), np.float32)

    def __init__(self, render_mode: str | None = None):
        self.render_mode = render_mode

    def render(self) -> np.ndarray:
        return np.full((33, 47, 3), (self.left * 2) % 256, np.uint8)


class Heated(Long):
    """Doing nothing is no action of it."""

    action_space = spaces.Box(1, 100, (1,), np.float32)


class Dying(Filmed):
    """Takes its process along when it is drawn."""

    def render(self) -> np.ndarray:
        os._exit(0)


for _name, _kind in (
    ("Long-v0", Long),
    ("Dying-v0", Dying),
    ("Heated-v0", Heated),
    ("Endless-v0", Endless),
    ("Filmed-v0", Filmed),
):
    gym.register(_name, entry_point=_kind)


def test_every_episode_runs_to_its_end_and_none_is_replaced() -> None:
    seeds = list(range(1000, 1100))
    episodes = play(RandomPlayer(), GymnasiumPlaces(lambda: gym.make("Long-v0")), seeds, 10**6)
    lengths = []
    for seed in seeds:
        env = gym.make("Long-v0")
        env.reset(seed=seed)
        lengths.append(env.unwrapped.left)  # type: ignore[attr-defined]
    assert [episode.reset_seed for episode in episodes] == seeds
    assert [episode.length for episode in episodes] == lengths == [int(episode.episode_return) for episode in episodes]


def test_an_endless_episode_is_cut_and_says_so() -> None:
    episodes = play(RandomPlayer(), GymnasiumPlaces(lambda: gym.make("Endless-v0")), [1, 2], 50)
    assert [(episode.length, episode.cut) for episode in episodes] == [(50, True)] * 2


def test_the_size_of_continuous_actions_is_noted() -> None:
    places = GymnasiumPlaces(lambda: gym.make("Filmed-v0"))
    random = np.mean([episode.effort for episode in play(RandomPlayer(), places, [1, 2, 3], 50)])
    assert 0.4 < random < 0.6  # of uniform actions from -1 to 1
    assert {episode.effort for episode in play(StillPlayer(), places, [1, 2, 3], 50)} == {0.0}
    for name in ("Long-v0", "Heated-v0"):  # choices, and a range without 0
        assert play(RandomPlayer(), GymnasiumPlaces(lambda name=name: gym.make(name)), [1], 50)[0].effort is None


def test_where_policies_hardly_act_doing_nothing_is_played(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").touch()
    settings = {
        "env": {"id": "Pendulum-v1", "num_envs": 2},
        "algo": {"total_timesteps": 128, "rollout_steps": 64, "batch_size": 64, "learning_rate": 1e-9},
    }
    snapshot = Snapshot(RunConfig.model_validate({"seed": 0, "num_seeds": 1, **settings}))
    train_seed(tmp_path, snapshot, 0, tmp_path / "runs" / "a", lambda _: None)
    (tmp_path / "runs/a/checkpoints").rename(tmp_path / "runs/a/seed_0")
    (tmp_path / "runs/a/checkpoints").mkdir()
    (tmp_path / "runs/a/seed_0").rename(tmp_path / "runs/a/checkpoints/seed_0")
    (tmp_path / "runs/a/config_snapshot.yaml").write_text(snapshot.to_yaml())
    played = evaluate_run(tmp_path, "a", snapshot, FinalEvalConfig(episodes=3), lambda _: None)
    assert played.still is not None
    assert played.still.efforts[0] < 0.05
    assert played.still == results.read_summary(tmp_path / "runs/a/eval").still
    returns = [e.episode_return for e in play_held_out(tmp_path, snapshot, FinalEvalConfig(episodes=3), StillPlayer())]
    assert played.still.return_mean == np.mean(returns)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Snapshot]:
    """A project folder with one trained CartPole run, as the pipeline lays it out."""
    root = tmp_path_factory.mktemp("project")
    config = RunConfig.model_validate(
        {
            "seed": 0,
            "num_seeds": 1,
            "env": {"id": "CartPole-v1", "num_envs": 2, "normalize_observation": True},
            "algo": {"total_timesteps": 1024, "rollout_steps": 64, "batch_size": 64},
            "policy": {"hidden_sizes": [32]},
            "eval": {"every": 512, "episodes": 2},
        }
    )
    snapshot = Snapshot(config)
    train_seed(root, snapshot, 0, root / "runs" / "a", lambda _: None)
    shutil.copytree(root / "runs" / "a" / "checkpoints", root / "runs" / "a" / "checkpoints" / "seed_0")
    return root, snapshot


def loaded(run: tuple[Path, Snapshot]) -> tuple[checkpoints.Checkpoint, PolicyPlayer]:
    root, snapshot = run
    checkpoint = checkpoints.load(root / "runs" / "a" / "checkpoints" / "latest.zip")
    return checkpoint, load_player(root, snapshot.config, checkpoint, make_env(snapshot.config.env), deterministic=True)


def test_an_episode_comes_out_the_same_whatever_is_played_beside_it(run: tuple[Path, Snapshot]) -> None:
    root, snapshot = run
    _, actor = loaded(run)
    everything = play_held_out(root, snapshot, PROTOCOL, actor)
    assert play_held_out(root, snapshot, PROTOCOL, actor, only=[3, 35]) == [everything[3], everything[35]]
    fewer = PROTOCOL.model_copy(update={"episodes": 5})
    assert play_held_out(root, snapshot, fewer, actor) == everything[:5]


def test_what_a_gpu_has_trained_is_played_without_one(run: tuple[Path, Snapshot]) -> None:
    root, snapshot = run
    checkpoint, actor = loaded(run)
    elsewhere = snapshot.config.model_copy(update={"device": "cuda:99"})
    told: list[str] = []
    there = load_player(root, elsewhere, checkpoint, make_env(elsewhere.env), deterministic=True, say=told.append)
    assert told == ["trained on cuda:99, which is not here; plays on the CPU, where the last digits may be others"]
    assert play_held_out(root, snapshot, PROTOCOL, there) == play_held_out(root, snapshot, PROTOCOL, actor)


def test_the_normaliser_travels_in_the_checkpoint(run: tuple[Path, Snapshot]) -> None:
    root, snapshot = run
    checkpoint, actor = loaded(run)
    assert checkpoint.normalizer is not None
    assert checkpoint.normalizer.observation[""].count > 1000
    raw = PolicyPlayer(actor.actor, None, deterministic=True)
    assert play_held_out(root, snapshot, PROTOCOL, actor) != play_held_out(root, snapshot, PROTOCOL, raw)


class Bomb:
    def __reduce__(self) -> Any:
        return (open, (str(self.target), "w"))

    def __init__(self, target: Path):
        self.target = target


@pytest.mark.parametrize("member", ["data", "policy.pth", "policy.optimizer.pth", "rlx/state.json"])
@pytest.mark.parametrize("rehash", [True, False])
def test_a_malicious_checkpoint_runs_nothing(
    run: tuple[Path, Snapshot], tmp_path: Path, member: str, rehash: bool
) -> None:
    import hashlib
    import json

    source, target, owned = (
        run[0] / "runs" / "a" / "checkpoints" / "latest.zip",
        tmp_path / "evil.zip",
        tmp_path / "owned",
    )
    bomb = pickle.dumps(Bomb(owned))
    with zipfile.ZipFile(source) as old:
        members = {name: old.read(name) for name in old.namelist()}
    members[member] = bomb
    if rehash:
        manifest = json.loads(members["rlx/manifest.json"])
        manifest["sha256"][member] = hashlib.sha256(bomb).hexdigest()
        members["rlx/manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(target, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
    if member == "data" and rehash:
        checkpoints.load(target)  # rlx does not even look at SB3's pickles
    else:
        with pytest.raises(CheckpointDamaged, match=r"evil\.zip"):
            checkpoints.load(target)
    assert not owned.exists()


def test_a_flipped_bit_is_reported(run: tuple[Path, Snapshot], tmp_path: Path) -> None:
    source = (run[0] / "runs" / "a" / "checkpoints" / "latest.zip").read_bytes()
    rng = np.random.default_rng(0)
    target = tmp_path / "flipped.zip"
    for position in rng.integers(0, len(source), 40):
        data = bytearray(source)
        data[position] ^= 1 << int(rng.integers(8))
        target.write_bytes(bytes(data))
        try:
            checkpoints.load(target)
        except CheckpointDamaged as error:
            assert "flipped.zip" in str(error)
        else:  # only what is not content may change unnoticed: times and flags in the zip's own headers
            with (
                zipfile.ZipFile(target) as new,
                zipfile.ZipFile(run[0] / "runs" / "a" / "checkpoints" / "latest.zip") as old,
            ):
                assert {n: new.read(n) for n in new.namelist()} == {n: old.read(n) for n in old.namelist()}


def test_a_compressed_bomb_is_refused_unread(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("policy.pth", b"0" * 10_000_000)
    with pytest.raises(CheckpointDamaged, match="its members are compressed"):
        checkpoints.load(tmp_path / "bomb.zip")


def test_other_files_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(Missing):
        checkpoints.load(tmp_path / "none.zip")
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(CheckpointDamaged, match="not a zip file"):
        checkpoints.load(tmp_path / "text.zip")
    with zipfile.ZipFile(tmp_path / "stock.zip", "w") as archive:
        archive.writestr("data", "{}")
    with pytest.raises(CheckpointDamaged, match="was not written by rlx"):
        checkpoints.load(tmp_path / "stock.zip")


def evaluated(root: Path, snapshot: Snapshot, returns: list[float]) -> None:
    """Write held-out results for one seed by playing its first episodes."""
    _, actor = checkpoints.load(root / "runs" / "a" / "checkpoints" / "latest.zip"), loaded((root, snapshot))[1]
    episodes = play_held_out(root, snapshot, PROTOCOL, actor)
    rows = [
        {"seed": 0, "checkpoint": "latest", "episode": e.index, "reset_seed": e.reset_seed, "return": e.episode_return, "length": e.length,
         "success": None, "cut": False}
        for e in episodes
    ]  # fmt: skip
    returns += [e.episode_return for e in episodes]
    table = results.episodes_table(rows)
    results.write_episodes(root / "runs" / "a" / "eval", table)
    score = results.score_of(table, {0: "hash"}, {0: 1024}, {0: 1.5})
    results.write_summary(
        root / "runs" / "a" / "eval", results.Summary(task_of(snapshot, PROTOCOL), {"latest": score}, 22.0)
    )


def test_results_read_back_to_the_last_bit(run: tuple[Path, Snapshot]) -> None:
    returns: list[float] = []
    evaluated(*run, returns)
    folder = run[0] / "runs" / "a" / "eval"
    assert list(results.read_episodes(folder)["return"]) == returns
    summary = results.read_summary(folder)
    assert summary.scores["latest"].seeds == {0: np.mean(returns)}
    assert (summary.random_return, summary.scores["latest"].estimate.interval) == (22.0, None)
    (folder / "summary.json").write_text("{}")
    with pytest.raises(DataDamaged, match=r"summary\.json: is not an evaluation summary"):
        results.read_summary(folder)


def test_the_film_shows_the_evaluated_episode(run: tuple[Path, Snapshot]) -> None:
    import av

    root, snapshot = run
    evaluated(root, snapshot, [])
    film = film_run(root, "a", snapshot, PROTOCOL, VideoConfig())
    assert film.file == "median.mp4"
    assert film.complete
    assert film.filmed_return == film.evaluated_return
    with av.open(str(root / "runs" / "a" / "videos" / "median.mp4")) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(video=0))
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    assert len(frames) == max(
        (film.steps or 0) + 1, 3 * 50
    )  # a short one holds its last frame for three seconds in all
    caption = frames[-1].to_ndarray(format="rgb24")[:28]
    assert caption.max() > 200
    assert caption.min() < 60


@pytest.mark.parametrize("shape", [(1, 1), (4000, 1), (4000, 10), (10, 4000), (33, 47)])
@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_frames_of_any_size_become_a_film(tmp_path: Path, shape: tuple[int, int], suffix: str) -> None:
    scene = Scene(np.zeros((*shape, 3), np.uint8), "title", 0, 0.0, ended=True)
    assert write_film(tmp_path / f"film.{suffix}", iter([scene]), 1, 640) == scene
    assert (tmp_path / f"film.{suffix}").stat().st_size > 300


def test_the_same_film_has_the_same_bytes_wherever_its_frames_lie_in_memory(tmp_path: Path) -> None:
    """x264's macroblock tree, which is on by default, decides by memory that nobody has written."""
    picture, kept, films = np.random.default_rng(0).integers(0, 255, (400, 600, 3), np.uint8), [], set()
    for number in range(4):
        kept.append(np.ones(200_000 + 16 * number, np.uint8))
        scenes = [Scene(np.roll(picture, step, 1), "a title", step, 1.5 * step, step == 9) for step in range(10)]
        write_film(tmp_path / "film.mp4", iter(scenes), 10, 720)
        films.add((tmp_path / "film.mp4").read_bytes())
    assert len(films) == 1


def test_frames_per_second_are_some_that_a_film_can_have() -> None:
    said = [50, "thirty", None, [30], math.nan, math.inf, 0, -5, 1e9, 1e-9, np.float32(12.5)]
    assert [frames_per_second({"render_fps": each}) for each in said] == [50, *[30] * 7, 1000, 0.1, 12.5]
    assert frames_per_second({}) == 30


BYTES = np.arange(192).reshape(8, 8, 3)


@pytest.mark.parametrize("frame", [BYTES.astype(np.uint8), BYTES, BYTES.astype(float), BYTES.tolist(), BYTES * 0.0])
def test_pictures_in_any_type_of_number_are_drawn(frame: Any) -> None:
    drawn = draw(SimpleNamespace(render=lambda: frame, spec=None))  # type: ignore[arg-type]
    assert drawn.dtype == np.uint8
    assert np.array_equal(drawn, frame)


@pytest.mark.parametrize(
    "frame",
    [None, "frame", [BYTES], BYTES[:, :, 0], BYTES[:0], BYTES / 255, BYTES / 191, BYTES - 1, BYTES + 100, BYTES * np.nan, BYTES + 1j, BYTES.astype(object)],
    ids=lambda frame: type(frame).__name__,
)  # fmt: skip
def test_what_is_no_picture_is_no_film(frame: Any) -> None:
    with pytest.raises(NoRenderer, match="gives no picture"):
        draw(SimpleNamespace(render=lambda: frame, spec=None))  # type: ignore[arg-type]


def test_a_film_stops_at_its_limit(run: tuple[Path, Snapshot]) -> None:
    root, snapshot = run
    evaluated(root, snapshot, [])
    film = film_run(root, "a", snapshot, PROTOCOL, VideoConfig(max_steps=3))
    assert (film.steps, film.complete) == (3, False)


@pytest.mark.parametrize(("deaths", "file"), [(1, "median.mp4"), (2, None)])
def test_a_film_whose_process_was_killed_is_begun_once_more(
    run: tuple[Path, Snapshot], monkeypatch: pytest.MonkeyPatch, deaths: int, file: str | None
) -> None:
    root, snapshot = run
    evaluated(root, snapshot, [])
    died, left = Failure("its process ended by signal SIGKILL", "", Cause(PROCESS)), [None] * deaths

    def alone(*arguments: Any, **limits: Any) -> Any:
        return died if left and not left.pop() else run_alone(*arguments, **limits)

    monkeypatch.setattr("rlx.training.video.run_alone", alone)
    film = film_run(root, "a", snapshot, PROTOCOL, VideoConfig(max_steps=3))
    assert (film.file, film.reason) == (file, None if file else f"no film: {died.message}")


def test_a_film_made_ahead_is_taken_by_the_stage_that_would_make_it(run: tuple[Path, Snapshot], tmp_path: Path) -> None:
    root, snapshot = run
    target, aside = tmp_path / "videos" / "median.mp4", folder_aside(tmp_path, "a")
    planned = planned_film(root, "a", snapshot, PROTOCOL, VideoConfig())
    assert planned.key == planned_film(root, "a", snapshot, PROTOCOL, VideoConfig()).key
    for other in (PROTOCOL.model_copy(update={"seed": 1}), VideoConfig(max_steps=3)):
        changed = (other, VideoConfig()) if isinstance(other, FinalEvalConfig) else (PROTOCOL, other)
        assert planned_film(root, "a", snapshot, *changed).key != planned.key
    assert take(tmp_path, "a", planned.key, target) is None
    aside.mkdir(parents=True)
    assert take(tmp_path, "a", planned.key, target) is None
    (aside / "made.json").mkdir()  # whatever lies there
    assert take(tmp_path, "a", planned.key, target) is None
    (aside / "made.json").rmdir()
    (aside / target.name).write_bytes(b"film")
    keep(aside, planned.key, replace(planned.film, file=target.name))
    assert take(tmp_path, "a", "another", target) is None
    assert not target.exists()
    assert take(tmp_path, "a", planned.key, target) == asdict(replace(planned.film, file=target.name))
    assert (target.read_bytes(), aside.exists()) == (b"film", False)


@pytest.mark.parametrize(
    ("env_id", "reason"),
    [
        ("Filmed-v0", None),
        ("Long-v0", "cannot be made"),
        ("Dying-v0", "ended its process with exit code 0, in `render`"),
    ],
)
def test_odd_sizes_are_filmed_and_missing_renderers_explained(tmp_path: Path, env_id: str, reason: str | None) -> None:
    config = RunConfig.model_validate(
        {
            "num_seeds": 1,
            "env": {"id": f"tests.training.test_evaluation:{env_id}", "num_envs": 1},
            "algo": {"total_timesteps": 64, "rollout_steps": 64, "batch_size": 64},
            "eval": {"every": 64, "episodes": 1},
        }
    )
    snapshot = Snapshot(config)
    train_seed(tmp_path, snapshot, 0, tmp_path / "runs" / "a", lambda _: None)
    shutil.copytree(tmp_path / "runs" / "a" / "checkpoints", tmp_path / "runs" / "a" / "checkpoints" / "seed_0")
    evaluated(tmp_path, snapshot, [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        film = film_run(tmp_path, "a", snapshot, PROTOCOL, VideoConfig())
    if reason is None:
        assert film.reason is None
        assert (tmp_path / "runs" / "a" / "videos" / "median.mp4").stat().st_size > 500
    else:
        assert reason in str(film.reason)
        assert not (tmp_path / "runs" / "a" / "videos" / "median.mp4").exists()
    left = {path.name for path in (tmp_path / "runs" / "a" / "videos").iterdir()}
    assert left == {"median.json", *(["median.mp4"] if reason is None else [])}


def test_the_representative_is_the_lower_median_never_the_best() -> None:
    rows = [
        {
            "seed": seed,
            "checkpoint": "latest",
            "episode": episode,
            "reset_seed": 0,
            "return": 10.0 * seed + episode,
            "length": 1,
            "success": None,
            "cut": False,
        }
        for seed in (1, 2, 3, 4)
        for episode in range(4)
    ]
    assert representative(results.episodes_table(rows)) == (2, 1)
