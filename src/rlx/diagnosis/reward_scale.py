"""How large rewards and returns are, so that action values and weights of the entropy can be held against them."""

from __future__ import annotations

import numpy as np

from rlx.diagnosis.signals import Signals


def return_size(signals: Signals) -> float:
    """Return the largest size of a window's mean return, of training or random actions; 0 where none is known."""
    known = signals.returns_SW[np.isfinite(signals.returns_SW)] if signals.seeds else np.array([])
    random = [] if signals.record.random is None else [float(signals.record.random.returns_E.mean())]
    return float(np.abs([*known.tolist(), *random]).max(initial=0.0))


def reward_size(signals: Signals) -> float | None:
    """Return the size of a step's reward: the largest of the mean rewards of episodes, over windows; of normalised ones, 1.

    None where no episode ended and random actions were not measured.
    """
    if signals.config.env.normalize_reward:
        return 1.0
    sizes: list[float] = []
    if signals.seeds:
        per_step_SW = np.abs(signals.returns_SW) / np.maximum(signals.windowed("rollout/length_mean"), 1.0)
        sizes += per_step_SW[np.isfinite(per_step_SW)].tolist()
    if signals.record.random is not None:
        random = signals.record.random
        sizes.append(abs(float(random.returns_E.mean())) / max(1.0, float(random.lengths_E.mean())))
    return max(sizes, default=None)


def earnable(signals: Signals) -> float | None:
    """Return the action value that no policy of these rewards can exceed by far; None where rewards are not known.

    The reward of a step is as large as the mean over an episode (:func:`reward_size`), so rewards are added up over
    1 / (1 − gamma) steps; a rare reward counts by the whole return.
    """
    gamma, reward = signals.setting("gamma"), reward_size(signals)
    if gamma is None or reward is None or reward <= 0:
        return None
    forever = reward / (1 - gamma) if gamma < 1 else 0.0
    return max(forever, 0.0 if signals.config.env.normalize_reward else return_size(signals))
