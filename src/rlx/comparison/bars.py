"""By what runs are judged: which differences matter, which return counts as solved, when is looked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rlx.comparison.case import DEFAULT_LOOKS, Criteria
from rlx.comparison.runs import RunScores
from rlx.config import SHARE, CompareConfig, Judging


@dataclass(frozen=True)
class Bars:
    """Which differences matter and which return counts as solved, run by run.

    Attributes:
        settings: ``params.yaml``'s, for runs that do not know.
        runs: By what each run is judged, where that is known.
        asked: The minimum effect that was asked for at the command, for all.
    """

    settings: CompareConfig
    runs: Mapping[str, Judging] = field(default_factory=dict)
    asked: float | None = None

    def threshold(self, baseline: RunScores, run: RunScores) -> float | None:
        """Return the return that counts as solved."""
        found = self._judging(baseline, run, "compare.threshold")
        return found.threshold if found else self.settings.threshold

    def criteria(self, baseline: RunScores, run: RunScores, looks: tuple[int, ...] | None) -> Criteria:
        """Return how a run is judged against its baseline.

        Where nobody says which differences matter, those below 2 % of the way from random actions to the threshold (or
        to the baseline's mean) do not; two digits of that are enough.
        """
        found = self._judging(baseline, run, "compare.minimum_effect")
        effect = self.settings.minimum_effect if found is None else found.minimum_effect
        effect = effect if self.asked is None else self.asked
        if effect is not None:
            return Criteria(self.settings.alpha, effect, looks, fragility=self.settings.fragility)
        threshold, random_return = self.threshold(baseline, run), baseline.random_return
        if random_return is None or not baseline.scores:
            return Criteria(self.settings.alpha, 0.0, looks, fragility=self.settings.fragility)
        goal = float(baseline.scores_S.mean()) if threshold is None else threshold
        effect, fragility = float(f"{SHARE * abs(goal - random_return):.2g}"), self.settings.fragility
        return Criteria(self.settings.alpha, effect, looks, derived=True, fragility=fragility)

    def _judging(self, baseline: RunScores, run: RunScores, key: str) -> Judging | None:
        """Return whose word counts: the run's own files', else its baseline's, else that of either on ``params.yaml``."""
        both = [found for one in (run, baseline) if (found := self.runs.get(one.run))]
        return next((found for found in both if key in found.own), both[0] if both else None)


def looks_of(settings: CompareConfig, *, sequential: bool = False) -> tuple[int, ...] | None:
    """Return when ``params.yaml`` wants runs to be looked at; ``sequential`` asks for looks where it plans none."""
    return tuple(settings.looks) if settings.looks else DEFAULT_LOOKS if sequential else None
