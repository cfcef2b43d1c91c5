"""The vocabulary of metrics: every number that a training may log, and what it means."""

from __future__ import annotations

import re

VOCABULARY: dict[str, str] = {
    "seed": "training seed of the row",
    "step": "environment steps taken so far, all copies together",
    "update": "updates made so far",
    "rollout/return_mean": "mean return of the training episodes that ended in this rollout (original reward units; absent if none ended)",
    "rollout/length_mean": "mean length of those episodes, in steps",
    "rollout/episodes": "how many they are",
    "rollout/truncated_share": "share of them that a time limit ended (absent if none ended)",
    "rollout/success_rate": "share of them that succeeded (where the environment reports success)",
    "train/advantage_std": "standard deviation of the advantages over the rollout, before they are normalised",
    "train/approx_kl": "mean KL divergence between the policy before and after, k3 estimator, last epoch only",
    "train/clip_fraction": "share of samples whose probability ratio left the clip range, all epochs",
    "train/clip_range": "clip range of this update",
    "train/clip_range_vf": "clip range of the value function (where it is on)",
    "train/entropy_loss": "minus the mean entropy of the policy, in nats",
    "train/explained_variance": "1 − Var(return − value) / Var(return) over the rollout (absent where the returns do not vary)",
    "train/gradient_norm": "mean over minibatches of the gradient's norm before clipping",
    "train/learning_rate": "Adam's step size of this update",
    "train/loss": "total loss of the last minibatch",
    "train/n_updates": "passes over rollouts so far (SB3's count of epochs)",
    "train/policy_gradient_loss": "clipped surrogate loss, mean over minibatches",
    "train/std": "mean standard deviation of continuous actions",
    "train/value_loss": "mean squared error of the value function (not halved), mean over minibatches",
    "train/value_target_mean": "mean over the rollout of the TD(λ) returns that the value function is trained on, as the network sees them (after reward normalisation)",
    "train/value_target_std": "their standard deviation",
    "validation/return_mean": "mean return over the validation episodes (absent where none were played)",
    "validation/length_mean": "mean length of the validation episodes, in steps",
    "validation/success_rate": "share of the validation episodes that succeeded (where reported)",
}
"""Every fixed key a row can have, and what it means; see also :data:`COMPONENT`."""

COMPONENT = re.compile(r"reward/[A-Za-z0-9_]+")
"""The one pattern beside the fixed keys: a part of the reward, as the environment reports it in ``info``.

``reward/forward`` is the mean, over the training episodes that ended in this rollout, of ``info["reward_forward"]``
added up over the episode.
"""

UNDEFINED = {"train/explained_variance"}
"""Numbers that may be undefined (the rollout's returns do not vary); left out then."""


def is_component(key: str) -> bool:
    """Tell whether a key names a part of the reward; see :data:`COMPONENT`."""
    return COMPONENT.fullmatch(key) is not None
