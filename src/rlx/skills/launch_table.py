"""Who may start what: the calls that start trainings or programs, and the files of studies that may name them."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

SCOPE = ("studies/**", "cli/study*.py", "cli/advisor*.py", "cli/research*.py")
"""Files below ``rlx/`` in which nothing may start anything but by a permit; ``**`` is any depth."""
LAUNCHING = "studies/launching.py"
ENTRIES = ("launch", "resume")
"""Functions of :data:`LAUNCHING`: the one that starts what a study starts, after all checks of the gate, and the one that goes
on with such a start whose process is gone."""
ANY = "?"
"""Stands for an object of which nothing is known."""
METHODS = ("carry_out",)
"""Methods that start something, whatever object has them: what a trainer of a study is called by."""

STARTERS: dict[str, tuple[str, ...]] = {
    "rlx.experiments": ("make", "make_points", "start", "run_stage", "Elsewhere"),
    "rlx.training": (
        "train_run",
        "training_task",
        "retrain_seed",
        "chosen_executor",
        "executor_elsewhere",
        "ready_executor",
        "evaluate_run",
        "play_policies",
        "play_varied",
        "film_run",
        "check_algorithm",
    ),
    "rlx.launch": (
        "carry_out",
        "executor",
        "run_parallel",
        "run_alone",
        "run_supervised",
        "hand_over",
        "dvc",
        "dvc_in_terminal",
        "in_terminal",
        "in_background",
    ),
    "subprocess": ("Popen", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput"),
    "multiprocessing": ("Process", "Pool", "get_context", "context", "pool", "process"),
    "concurrent.futures": ("ProcessPoolExecutor",),
    "asyncio": ("create_subprocess_exec", "create_subprocess_shell", "subprocess"),
    "os": (
        "system",
        "popen",
        "fork",
        "forkpty",
        "startfile",
        "posix_spawn",
        "posix_spawnp",
        *(f"exec{end}" for end in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
        *(f"spawn{end}" for end in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    ),
    "pty": ("spawn", "fork"),
    "runpy": ("run_module", "run_path"),
    "importlib": ("import_module", "__import__", "util"),
    "sys": ("modules",),
    "builtins": ("exec", "eval", "compile", "__import__"),
}
"""What starts something, or hides what is called, by the room or module that has it.

Of rlx's rooms a name counts wherever in the room it is taken from. Git alone is not among them: rlx's own calls of it start
no training.
"""


@dataclass(frozen=True)
class Permit:
    """Files that may start something.

    Attributes:
        files: A pattern of paths below ``rlx/``; ``**`` is any depth.
        names: What they may name, without the module.
        why: Why that is no way around the gate.
        is_harmless: Whether what they start can train nothing, so that whoever names them starts nothing either.
    """

    files: str
    names: tuple[str, ...]
    why: str
    is_harmless: bool = False


ANYTHING = ("*",)
PERMITS = (
    Permit(LAUNCHING, ANYTHING, "launch() is the gate's own; what else starts something there is private to it"),
    Permit("studies/*trainer*.py", ANYTHING, "a trainer starts when launching.py calls its carry_out(), and not else"),
    Permit(
        "studies/adapters/**",
        ("run_supervised",),
        "commands of foreign repositories: a trainer, as above; what else of it starts one is launching.py's to name",
    ),
    Permit(
        "studies/evidence/prob*.py",
        ("play_varied",),
        "the player of probes: launching.py's to name",
    ),
    Permit(
        "studies/audit/re*.py",
        ("play_policies", "retrain_seed"),
        "replays and retrains what the ledger has, compares bits and keeps nothing",
    ),
    Permit(
        "studies/foreign_again.py",
        ("play_again", "train_seed"),
        "the same for other repositories: what an audit is handed, and has play and train once more",
    ),
    Permit(
        "cli/study_audit.py",
        ("again_of",),
        "an audit plays and trains again what the ledger has; it costs no budget and starts nothing of a study",
        is_harmless=True,
    ),
    Permit(
        "studies/audit/auditing.py",
        ("check_replay", "check_retrain"),
        "an audit replays and retrains what the ledger has; it costs no budget and starts nothing of a study",
        is_harmless=True,
    ),
    Permit(
        "studies/beginning_foreign.py",
        ("inspect_repository",),
        "reads a repository, and at most asks its training command for `--help`",
        is_harmless=True,
    ),
    Permit(
        "studies/monitor_foreign.py",
        ("known_steps", "read_learning"),
        "reads what a command has written; a text is searched in a process that can be ended, and trains nothing",
        is_harmless=True,
    ),
    Permit("studies/probing.py", ("run_probe",), "a trainer that plays: started by launch(), as every other"),
    Permit("cli/study.py", ("LazyGroup",), "finds its commands by name, and those are judged", is_harmless=True),
    Permit(
        "studies/seeds.py", ("carry_out", "training_task", "chosen_executor"), "seeds of `rlx sweep`, which is no study"
    ),
    Permit("studies/searching.py", ("SeedTrainer",), "`rlx sweep`: a search's own trials"),
    Permit("studies/confirming.py", ("make_points",), "`rlx sweep`: a search's own confirmation"),
)


def in_scope(file: str) -> bool:
    """Tell whether a file below ``rlx/`` is one in which starts are forbidden but by a permit."""
    return any(matches(file, pattern) for pattern in SCOPE)


def matches(file: str, pattern: str) -> bool:
    """Tell whether a path matches a pattern; ``folder/**`` is all below a folder, ``*`` stays within a part."""
    if pattern.endswith("/**"):
        return file.startswith(pattern.removesuffix("**"))
    return file.count("/") == pattern.count("/") and fnmatchcase(file, pattern)


def is_permitted(file: str, name: str, origin: str = "") -> bool:
    """Tell whether a file may name a starter.

    Args:
        file: The file, below ``rlx/``.
        name: The starter's last name.
        origin: The file that defines it, where it is one of ours: files of one permit may name each other's.
    """
    rows = [row for row in PERMITS if matches(file, row.files)]
    return any(row.names == ANYTHING or name in row.names or matches(origin, row.files) for row in rows)


def is_harmless(file: str, name: str) -> bool:
    """Tell whether what a file starts by a name can train nothing."""
    return any(row.is_harmless and matches(file, row.files) and name in row.names for row in PERMITS)


def starter(qualified: str) -> str | None:
    """Return the starter that a qualified name is or leads through, None where it is none."""
    *_, owner, method = ("", *qualified.split("."))
    if method in METHODS and (owner == ANY or not qualified.startswith("rlx.launch.")):
        return f"{ANY}.{method}"
    for module, names in STARTERS.items():
        if not qualified.startswith(f"{module}."):
            continue
        parts = qualified[len(module) + 1 :].split(".")
        found = [part for part in parts if part in names] if module.startswith("rlx.") else parts[:1]
        if found and found[0] in names:
            return f"{module}.{found[0]}"
    return None
