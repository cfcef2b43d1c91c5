"""The checks `replay` and `retrain`: held-out episodes played again, and a seed trained again, bit for bit."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from rlx.config import FinalEvalConfig, recorded_snapshot
from rlx.errors import ConfigError, RlxError
from rlx.studies.audit.book import Book
from rlx.studies.audit.drawing import Drawn, drawn_checkpoints
from rlx.studies.audit.experiments_check import NO_FILES
from rlx.studies.audit.files_kept import KeptFiles
from rlx.studies.audit.raw_scores import RawScores, Row
from rlx.studies.audit.replay_foreign import Again, foreign_refusal, foreign_replay
from rlx.studies.audit.report import Findings


def _why_not(book: Book, again: Again | None) -> str | None:
    """Return why nothing can be played or trained again; None where it can."""
    if book.is_simulated:
        return NO_FILES
    return foreign_refusal(book, again) if book.is_foreign else None


def check_replay(
    book: Book, scores: RawScores, wanted: int | Literal["all"], again: Again | None, found: Findings
) -> None:
    """Play the held-out episodes of drawn checkpoints again and compare every episode with `episodes.csv`."""
    if why := _why_not(book, again):
        found.skip(why)
        return
    kept = drawn_checkpoints(book, ("floor", "reference", "trial", "promotion", "confirmation"))
    count = len(kept) if wanted == "all" else min(wanted, len(kept))
    if not count:
        found.skip("no checkpoint to replay" if not kept else "--replay 0")
        return
    for drawn in kept[:count]:
        try:
            if again is not None and book.is_foreign:
                foreign_replay(again, scores, drawn, found)
            else:
                _replayed(book, scores, drawn, found)
        except ConfigError as error:
            found.notes.append(f"{drawn.item['name']}, seed {drawn.seed}: cannot be played in this checkout: {error}")
        except (RlxError, KeyError, ValueError, TypeError) as error:
            found.add(f"seed {drawn.seed}: could not be played again: {error}", drawn.start.seq, **drawn.where)


def _replayed(book: Book, scores: RawScores, drawn: Drawn, found: Findings) -> None:
    from rlx.training import NamedPolicy, play_policies

    files = scores.files
    summary = json.loads(files.read(drawn.item, "eval/summary.json"))
    protocol = FinalEvalConfig.model_validate(summary["task"]["protocol"])
    path = files.path(drawn.item, f"checkpoints/seed_{drawn.seed}/latest.zip")
    with tempfile.TemporaryDirectory(prefix="rlx-audit-") as folder:
        copy = Path(folder) / "latest.zip"
        copy.write_bytes(path.read_bytes())
        policy = NamedPolicy(f"{drawn.item['name']}:latest", files.run, "latest", drawn.seed, copy)
        (played,) = play_policies(book.root, [policy], protocol, lambda _: None)
    found.checked += 1
    _, rows = scores.episodes(drawn.start).by_seed[drawn.seed]
    if len(rows) != len(played.episodes) or played.seed != drawn.seed:
        told = f"seed {drawn.seed}: {len(played.episodes)} episodes of seed {played.seed} were played, episodes.csv has {len(rows)}"
        found.add(told, drawn.start.seq, file="eval/episodes.csv", **drawn.where)
        return
    for row, episode in zip(rows, played.episodes, strict=True):
        if not _is_same(row, episode):
            told = (
                f"seed {drawn.seed}: episode {episode.index} returns {episode.episode_return!r} in {episode.length} steps, "
                f"and episodes.csv has {row['return']} in {row['length']}"
            )
            found.add(told, drawn.start.seq, file="eval/episodes.csv", **drawn.where)
            return


def _is_same(row: Row, episode: Any) -> bool:
    numbers = (float(row["return"]), int(row["length"]), int(row["reset_seed"]))
    played = (float(episode.episode_return), int(episode.length), int(episode.reset_seed))
    return numbers == played and not math.isnan(numbers[0])


def check_retrain(
    book: Book, files: KeptFiles, again: Again | None, say: Callable[[str], None], found: Findings
) -> None:
    """Train one seed of a confirmation from scratch, on a bench of its own, and compare the policy's hash."""
    if why := _why_not(book, again):
        found.skip(why)
        return
    kept = drawn_checkpoints(book, ("confirmation",))
    if not kept:
        found.skip("no confirmation keeps a checkpoint")
        return
    drawn = kept[0]
    say(f"training seed {drawn.seed} of {drawn.item['name']} from scratch")
    try:
        if again is not None and book.is_foreign:
            steps = int(book.end.created["steps"])
            real = again.train(drawn.start.data, drawn.item, drawn.seed, steps).removeprefix("sha256:")
        else:
            real = _trained(book, files, drawn, say)
    except ConfigError as error:
        found.notes.append(f"{drawn.item['name']}, seed {drawn.seed}: cannot be trained in this checkout: {error}")
        return
    except RlxError as error:
        found.add(f"seed {drawn.seed}: could not be trained again: {error}", drawn.start.seq, **drawn.where)
        return
    found.checked = 1
    if real != drawn.policy:
        told = f"seed {drawn.seed}: trained again it gives policy {real[:12]}, and the ledger has {drawn.policy[:12]}"
        found.add(told, drawn.start.seq, **drawn.where)


def _trained(book: Book, files: KeptFiles, drawn: Drawn, say: Callable[[str], None]) -> str:
    from rlx.records import checkpoints
    from rlx.training import retrain_seed

    text = files.read(drawn.item, "config_snapshot.yaml").decode()
    snapshot = recorded_snapshot(text, f"config_snapshot.yaml of {drawn.item['name']}", "take it from Git")

    def event(content: Any) -> None:
        if isinstance(content, str):
            say(content)

    with tempfile.TemporaryDirectory(prefix="rlx-audit-") as folder:
        seed = Path(folder) / "seed"
        retrain_seed(book.root, snapshot, drawn.seed, seed, event, "audit")
        return checkpoints.weights_hash(checkpoints.load(seed / "checkpoints" / "latest.zip"))
