"""What can go wrong, one class per cause; the message says what, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


class RlxError(Exception):
    """Any failure with a known cause; shown as its message, never as a traceback."""

    exit_code = 1

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback: the class, for whoever wants to catch it, and the message."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(RlxError):
    """The command was called in a way that cannot work."""

    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a configuration: where it stands, which key, what is wrong, and the cure."""

    file: str
    line: int | None
    column: int | None
    key: str
    message: str

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class ConfigError(RlxError):
    """One or more configuration values are refused."""

    exit_code = 3
    most_told = 20

    def __init__(self, problems: list[Problem] | str):
        self.problems = tuple(problems) if not isinstance(problems, str) else ()
        lines = [problems] if isinstance(problems, str) else [str(problem) for problem in problems[: self.most_told]]
        if (more := len(self.problems) - self.most_told) > 0:
            lines.append(f"… and {more:,} more problem{'s' * (more > 1)}")
        super().__init__("\n".join(lines))


class EnvironmentUnusable(ConfigError):
    """The environment does not exist, cannot be built, or does not fit the algorithm.

    Attributes:
        key: The setting it comes from, such as ``("env", "wrappers", 0)``.
    """

    def __init__(self, problems: list[Problem] | str, key: tuple[str | int, ...] = ("env", "id")):
        self.key = key
        super().__init__(problems)

    def __reduce__(self) -> tuple[type[EnvironmentUnusable], tuple[list[Problem] | str, tuple[str | int, ...]]]:
        """Let it travel between processes with its setting."""
        return type(self), (list(self.problems) or str(self), self.key)


class PolicyUnusable(ConfigError):
    """The network named in the configuration does not exist or cannot be built."""


class PluginBroken(RlxError):
    """What an installed package adds to rlx cannot be imported, or is not what it should be.

    Attributes:
        problem: Where a configuration asks for it; None where none does, or that is not known.
    """

    exit_code = 3

    def __init__(self, told: Problem | str):
        self.problem = told if isinstance(told, Problem) else None
        super().__init__(str(told))


class NotInProject(RlxError):
    """The command needs an rlx project and the current folder is not inside one."""

    exit_code = 4


class Missing(RlxError):
    """A run, checkpoint or file that was asked for does not exist."""

    exit_code = 4


class UnknownRun(Missing, KeyError):
    """A mapping of runs was asked for one that it does not have."""

    def __str__(self) -> str:
        """Return the message as it is; a ``KeyError`` alone would put it in quotes."""
        return str(self.args[0])


class CheckpointDamaged(RlxError):
    """A checkpoint cannot be read, or its content does not match its manifest."""

    exit_code = 4


class DataDamaged(RlxError):
    """A file of a run exists but does not hold what its format promises."""

    exit_code = 4


class DataRefused(DataDamaged):
    """Data from elsewhere asks for what it may not have: a path out of its folder, a link, memory without end."""


class TrainingFailed(RlxError):
    """At least one seed of a run did not finish."""


class NonFiniteValue(RlxError):
    """A reward, observation or training quantity became NaN or infinite.

    Attributes:
        what: ``reward``, ``observation``, ``weights``, or the key of a metric.
        value: What it became, as text.
        step: Environment steps that the seed had taken; training knows it.
    """

    def __init__(self, message: str, what: str = "", value: str = "", step: int | None = None):
        self.what, self.value, self.step = what, value, step
        super().__init__(message)


class Misfit(RlxError):
    """An environment does not keep to its interface, or to what it declared; the message says how."""


class EnvironmentFailed(RlxError):
    """An environment in a process of its own raised, ended that process, or did not return.

    Attributes:
        details: The traceback it had there, where it had one.
    """

    def __init__(self, message: str, details: str = ""):
        self.details = details
        super().__init__(message)


class SuccessUnclear(RlxError):
    """An environment reports success in ``info`` as something that is neither true nor false."""


class NoRenderer(RlxError):
    """The environment cannot be filmed on this machine."""


class FilmFailed(RlxError):
    """A film could not be made, for a reason that is not the environment's."""


class CompilingFailed(RlxError):
    """The fast engine cannot be compiled on this machine."""


class EngineVersionMismatch(RlxError):
    """The project pins another version of rlx's training or evaluation semantics than is installed."""

    exit_code = 3


class CommandFailed(RlxError):
    """Git or DVC refused to do what rlx asked."""


class Interrupted(RlxError):
    """The person (or the system) asked rlx to stop."""

    exit_code = 130
