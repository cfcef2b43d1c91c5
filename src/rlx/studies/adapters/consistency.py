"""What does not fit together in an adapter, each with its place and cure."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

from rlx.config import Inconsistency, KeyPath, is_plain_path
from rlx.stats import listed, nearest
from rlx.studies.adapters.adapter import UNKNOWN, Adapter, Command, MetricFile
from rlx.studies.adapters.command_line import OVERRIDES, launchers, misfit, placeholders

OUT = "{out}/"
EPISODE_FIELDS = ("episode", "reset_seed", "return", "length", "success", "cut")
NEEDED = ("return", "length", "reset_seed")
"""What is asked of every held-out episode: without its reset seed nobody knows which episode it was."""
OF_RUNS = ("tensorboard", "wandb")
"""Formats that hold numbers of a run and no rows."""
_PARTS = re.compile(r"(?:reward|info)/[A-Za-z0-9_.\-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def inconsistencies(adapter: Adapter) -> list[Inconsistency]:
    """Return what does not fit together in an adapter, `unknown` aside."""
    return [
        *_of_repository(adapter),
        *_of_command(("train",), adapter.train),
        *(_of_command(("evaluate",), adapter.evaluate) if adapter.evaluate else ()),
        *_of_training(adapter),
        *_of_evaluation(adapter),
        *_of_file(("train", "steps"), adapter.train.steps),
        *_of_file(("episodes",), adapter.episodes),
        *(_of_file(("learning",), adapter.learning) if adapter.learning else ()),
        *_of_episodes(adapter),
        *_of_hardware(adapter),
    ]


def _of_repository(adapter: Adapter) -> Iterator[Inconsistency]:
    for index, patch in enumerate(adapter.repository.patches):
        if not is_plain_path(patch):
            yield (
                ("repository", "patches", index),
                "must be a file inside the repository, relative to its top: src/rewards.py",
            )
    if adapter.repository.patches and adapter.evaluate is None:
        yield (
            ("repository", "patches"),
            "need an evaluate command: a training that evaluates itself would measure a candidate by the candidate's own code",
        )


def _of_command(place: KeyPath, command: Command) -> Iterator[Inconsistency]:
    for index, item in enumerate(command.command):
        if found := misfit(item):
            yield (*place, "command", index), found
        if "\0" in item:
            yield (*place, "command", index), "holds a zero byte, which no argument can; remove it"


def _names_in(command: Command | None) -> set[str]:
    return {name for item in command.command for name in placeholders(item)} if command else set()


def _of_training(adapter: Adapter) -> Iterator[Inconsistency]:
    train, names = adapter.train, _names_in(adapter.train)
    place: KeyPath = ("train", "command")
    for name in train.environment:
        if not _VARIABLE.fullmatch(name):
            yield ("train", "environment", name), "is not what a variable can be called: letters, digits and _"
    if train.checkpoint is not None:
        yield from _of_path(("train", "checkpoint"), train.checkpoint)
    if UNKNOWN in train.command:
        return
    for name, why in (("seed", "all seeds would train the same"), ("steps", "it would not train what was planned")):
        if name not in names:
            yield place, f"has no {{{name}}}, so {why}; add it, such as `--{name}={{{name}}}`"
    by_file = "config" in names
    style = train.overrides.style
    if style == "file" and not by_file:
        yield place, "has no {config}, the file that the style `file` writes; add it, such as `--config={config}`"
    elif style not in ("file", UNKNOWN) and not by_file and OVERRIDES not in train.command:
        yield place, f"has no {OVERRIDES}, so no candidate would change anything; add it as an argument of its own"
    if style == "file" and OVERRIDES in train.command:
        yield place, f"has {OVERRIDES}, and the style `file` says settings in {{config}} alone; remove it"
    if by_file and style not in ("file", "gin", UNKNOWN):
        yield place, f"has {{config}}, which the style {style} does not write; remove it, or say `style: file`"
    if by_file and OVERRIDES in train.command and style == "gin":
        yield place, f"has both {{config}} and {OVERRIDES}; keep one of them"


def _of_evaluation(adapter: Adapter) -> Iterator[Inconsistency]:
    names = _names_in(adapter.train) | _names_in(adapter.evaluate)
    command = adapter.evaluate or adapter.train
    if adapter.evidence != "episodes" or UNKNOWN in command.command:
        return
    place: KeyPath = ("evaluate" if adapter.evaluate else "train", "command")
    for name, why in (
        ("episodes", "it would not play as many held-out episodes as the contract says"),
        ("list_seed", "every list of held-out episodes would be the same"),
    ):
        if name not in names:
            yield (
                place,
                f"has no {{{name}}}, so {why}; add it, or say `evidence: aggregate` where the repository cannot be told",
            )


def _of_file(place: KeyPath, source: MetricFile) -> Iterator[Inconsistency]:
    if source.format == UNKNOWN:
        return
    if source.format == "stdout":
        yield from _of_pattern(place, source)
        return
    if source.pattern is not None:
        yield (*place, "pattern"), "is for `format: stdout`; remove it"
    if source.file is None:
        yield place, f'has no file; add one, such as `file: "{OUT}progress.csv"`'
    else:
        yield from _of_path((*place, "file"), source.file)


def _of_path(place: KeyPath, pattern: str) -> Iterator[Inconsistency]:
    below = pattern.removeprefix(OUT)
    if pattern != UNKNOWN and (below == pattern or not is_plain_path(below) or placeholders(below)):
        yield (
            place,
            f"must be {OUT} and a path below it, such as {OUT}progress.csv: nothing else is read. "
            "A program that writes below its own folder runs with `folder: out`",
        )


def _of_pattern(place: KeyPath, source: MetricFile) -> Iterator[Inconsistency]:
    if source.file is not None:
        yield (*place, "file"), "is not for `format: stdout`, which is what the command printed; remove it"
    if source.pattern is None:
        yield place, 'has no pattern; add one with named groups, such as `pattern: "steps: (?P<steps>[0-9]+)"`'
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            groups = re.compile(source.pattern).groupindex
    except (re.error, OverflowError, RecursionError) as error:
        yield (*place, "pattern"), f"is no regular expression: {error}"
        return
    if not groups:
        yield (*place, "pattern"), "has no named group, such as (?P<steps>[0-9]+)"


def _of_episodes(adapter: Adapter) -> Iterator[Inconsistency]:
    episodes, sums = adapter.episodes, adapter.evidence == "aggregate"
    for name in episodes.fields:
        if name not in EPISODE_FIELDS and not _PARTS.fullmatch(name):
            known = listed([*EPISODE_FIELDS, "reward/NAME", "info/NAME"])
            yield (
                ("episodes", "fields", name),
                f"is no column of episodes; {nearest(name, EPISODE_FIELDS)}; known: {known}",
            )
    for name in ("return",) if sums else NEEDED:
        if name not in episodes.fields and adapter.evidence != UNKNOWN:
            yield ("episodes", "fields"), f"has no {name}; say what the file calls it: `{name}: …`"
    if episodes.format in OF_RUNS and adapter.evidence == "episodes":
        yield (
            ("episodes", "format"),
            f"{episodes.format} has no rows of episodes; where the repository gives nothing better, say `evidence: aggregate`",
        )


def _of_hardware(adapter: Adapter) -> Iterator[Inconsistency]:
    hardware = adapter.hardware
    if hardware.launcher == UNKNOWN:
        return
    if hardware.launcher not in launchers():
        known = sorted(launchers())
        yield (
            ("hardware", "launcher"),
            f"{hardware.launcher!r} is no launcher; {nearest(hardware.launcher, known)}; there are {listed(known)}",
        )
        return
    wanted = launchers()[hardware.launcher].options
    for name in sorted(wanted - set(hardware.options)):
        yield ("hardware", "options"), f"lacks {name}, which {hardware.launcher} wants; add `{name}: …`"
    for name in sorted(set(hardware.options) - wanted):
        yield ("hardware", "options", name), f"is not an option of {hardware.launcher}; remove it"
