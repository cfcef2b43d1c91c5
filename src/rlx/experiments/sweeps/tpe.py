"""The sampler ``tpe``: Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), asked trial by trial.

Nothing is kept in Optuna: for each trial a study in memory is filled with what ``trials.jsonl`` holds, and asked by a sampler
whose seed is made of the search's and the trial's number. So no state is lost by a kill, and what is proposed depends on what
is known and on nothing else.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rlx.experiments.sweeps.space import ALGORITHM, FROM_ONE, Range, Space, Tried

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

FIRST = 8
"""Trials drawn at random before the estimator is asked."""
STRIDE = 1_000_003
"""Keeps the seeds of two searches' trials apart; a prime."""


class TPESampler:
    """Proposes where good trials are dense and bad ones are not."""

    def __init__(self, space: Space):
        import optuna  # the extra is asked for when the sampler is made  # noqa: F401

        self._space = space

    def ask(self, number: int) -> Mapping[str, Any] | None:
        """Return a proposal from all that was tried."""
        import optuna

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(
                seed=(self._space.seed * STRIDE + number) % 2**32,
                n_startup_trials=FIRST,
                multivariate=True,
                group=True,
                constant_liar=True,
            )
        study = study_in_memory(self._space, sampler)
        trial, found = study.ask(), dict[str, Any]()
        for key in sorted(self._space, key=lambda key: key != ALGORITHM):  # others may depend on the algorithm
            if self._space.applies(key, found):
                found[key] = _suggested(trial, key, self._space[key])
        return {key: found[key] for key in self._space if key in found}

    def tell(self, number: int, value: float) -> None:
        """Ignore it: what came of trials is read from the space."""


def study_in_memory(space: Space, sampler: optuna.samplers.BaseSampler | None = None) -> optuna.Study:
    """Return a study of Optuna's with all that was tried."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials([frozen for tried in space.tried if (frozen := frozen_trial(space, tried)) is not None])
    return study


def importances(space: Space, tried: Sequence[Tried]) -> dict[str, float]:
    """Return how much each setting mattered for being among the better trials, the largest first; the shares sum to 1.

    Optuna's PED-ANOVA (Watanabe et al. 2023), of the settings that all trials have. Empty where it cannot tell: without
    Optuna, with fewer than two trials, or where one setting alone was tried.
    """
    if importlib.util.find_spec("optuna") is None:
        return {}
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = study_in_memory(replace(space, tried=[each for each in tried if each.value is not None]))
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        try:
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        except (ValueError, RuntimeError):
            return {}
    return {key: float(share) for key, share in found.items() if share == share}  # noqa: PLR0124 — NaN of a flat score


def frozen_trial(space: Space, tried: Tried) -> optuna.trial.FrozenTrial | None:
    """Return a trial as Optuna keeps it; None of one outside the space, such as a config whose own values lie there."""
    import optuna

    if not space.holds(tried.settings):
        return None
    state = optuna.trial.TrialState
    ended = state.FAIL if tried.failed else state.RUNNING if tried.value is None else state.COMPLETE
    return optuna.trial.create_trial(
        state=ended,
        value=tried.value if ended is state.COMPLETE else None,
        params={key: _inner(space[key], value) for key, value in tried.settings.items()},
        distributions={key: distribution(space[key]) for key in tried.settings},
        user_attrs={"seeds": tried.seeds},
    )


def distribution(domain: Any) -> BaseDistribution:
    """Return what Optuna draws a setting from; of discounts it draws 1 − x."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(domain, Range):
        return CategoricalDistribution(list(domain))
    if domain.log == FROM_ONE:
        return FloatDistribution(*_ends(domain), log=True)
    high = domain.values[-1] if domain.values else domain.high  # the last that steps reach
    if domain.is_whole:
        return IntDistribution(int(domain.low), int(high), log=bool(domain.log), step=int(domain.step or 1))
    return FloatDistribution(domain.low, high, log=bool(domain.log), step=domain.step)


def _ends(domain: Range) -> tuple[float, float]:
    return round(1.0 - domain.high, 12), round(1.0 - domain.low, 12)


def _inner(domain: Any, value: Any) -> Any:
    if isinstance(domain, Range) and domain.log == FROM_ONE:
        low, high = _ends(domain)
        return min(max(1.0 - value, low), high)
    return value


def _suggested(trial: optuna.Trial, key: str, domain: Any) -> Any:
    drawn = distribution(domain)
    if not isinstance(domain, Range):
        return trial.suggest_categorical(key, list(domain))
    if domain.log == FROM_ONE:
        return domain.inside(1.0 - trial.suggest_float(key, *_ends(domain), log=True))
    low, high, log, step = (getattr(drawn, name) for name in ("low", "high", "log", "step"))
    if domain.is_whole:
        return domain.inside(trial.suggest_int(key, low, high, log=log, step=step))
    return domain.inside(trial.suggest_float(key, low, high, log=log, step=step))
