"""What the numbers mean that SBX logs."""

from __future__ import annotations

from dataclasses import replace

from rlx.algorithms.ppo.metrics import METRICS as PPO
from rlx.algorithms.sb3.metrics import metrics_of as of_sb3
from rlx.config import Metric, Usual

_RATE = PPO["train/learning_rate"]
_OWN = {
    "train/learning_rate_actor": replace(_RATE, name="train/learning_rate_actor", summary="step size of the actor"),
    "train/learning_rate_critic": replace(_RATE, name="train/learning_rate_critic", summary="step size of the critics"),
    "train/qf_mean_value": Metric(
        "train/qf_mean_value",
        "mean action value over the minibatch",
        "What the network expects of the actions in its minibatches.",
        "mean Q(s, a) over the last minibatch",
        "return, as the network sees it (discounted, after reward normalisation)",
        Usual("Follows the discounted return."),
        "States are thought good.",
        "States are thought bad, or nothing was learned yet.",
    ),
    "train/pg_loss": Metric(
        "train/pg_loss",
        "policy loss with the entropy term",
        "PPO's clipped objective with the sign of a loss, less the entropy bonus.",
        "train/policy_gradient_loss − entropy_coef × entropy, mean over the last minibatch",
        "none",
        Usual("Its value has little meaning by itself."),
        "Updates make the objective worse.",
        "Updates find more to gain.",
    ),
}
_PROBED = ("train/q_mean", "train/q_max_abs", "train/q_bias", "train/dead_units")
"""What rlx looks at in PyTorch's networks alone."""


def metrics_of(name: str) -> dict[str, Metric]:
    """Return what an algorithm logs, by name."""
    if name == "sbx_ppo":
        return of_sb3("recurrent_ppo") | {"train/pg_loss": _OWN["train/pg_loss"]}
    rows = of_sb3(name.removeprefix("sbx_"))
    if name == "sbx_dqn":
        critic = of_sb3("sac")["train/critic_loss"]
        rows = {**rows, "train/critic_loss": critic, "train/qf_mean_value": _OWN["train/qf_mean_value"]}
    return {key: row for key, row in rows.items() if key not in _PROBED} | {
        key: _OWN[key] for key in ("train/learning_rate_actor", "train/learning_rate_critic")
    }
