"""What to try: settings that differ from the run's, with the reason, the expected effect and the cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from rlx.diagnosis.finding import Suggestion
from rlx.diagnosis.signals import LARGE_TARGETS, Signals

USUAL_RATE = 0.0003
USUAL_CLIP = 0.2
USUAL_GAMMA = 0.99
USUAL_BONUS = 0.01
LARGE_BONUS = 0.05
FEWEST_SAMPLES, MOST_SAMPLES = 256, 2048


def attempt(signals: Signals, overrides: Mapping[str, Any], reason: str, effect: str) -> Suggestion:
    """Return a suggestion; its cost is the run's own, unless it changes the budget or the seeds."""
    config = signals.config
    steps = int(overrides.get("algo.total_timesteps", config.algo.total_timesteps))
    return Suggestion(dict(overrides), reason, effect, steps * int(overrides.get("num_seeds", config.num_seeds)))


def rounded(value: float) -> float:
    """Return a number to one digit."""
    return float(f"{value:.1g}")


def _takes(signals: Signals, setting: str, value: Any) -> bool:
    """Tell whether a setting of the algorithm can have a value."""
    algo = signals.config.algo
    if setting not in type(algo).model_fields:  # of an algorithm that is not here nothing is known
        return False
    try:
        type(algo).model_validate(algo.model_dump() | {setting: value})
    except ValueError:
        return False
    return True


def smaller_policy_steps(signals: Signals) -> tuple[Suggestion, ...]:
    """For a policy that changes too fast."""
    found = []
    effect = "approx_kl falls below 0.02, and the return rises without falling back."
    rate, clip, epochs = (signals.setting(name) for name in ("learning_rate", "clip_range", "update_epochs"))
    if rate is not None and rate > 3 * USUAL_RATE:
        found.append(attempt(signals, {"algo.learning_rate": USUAL_RATE}, f"The learning rate {rate:g} is {rate / USUAL_RATE:,.0f} times the usual {USUAL_RATE:g}.", effect))  # fmt: skip
    if clip is not None and clip > 0.4:
        found.append(attempt(signals, {"algo.clip_range": USUAL_CLIP}, f"The clip range {clip:g} hardly holds the policy.", effect))  # fmt: skip
    if signals.is_off("target_kl"):
        found.append(attempt(signals, {"algo.target_kl": 0.02}, "It ends an update's passes when the policy has moved far enough.", effect))  # fmt: skip
    if rate is not None and rate <= 3 * USUAL_RATE:
        found.append(attempt(signals, {"algo.learning_rate": rounded(rate / 3)}, "Smaller steps change the policy less.", effect))  # fmt: skip
    if epochs is not None and epochs > 10:
        found.append(attempt(signals, {"algo.update_epochs": 10}, f"{epochs:.0f} passes over each rollout move the policy far from the data.", effect))  # fmt: skip
    return tuple(found)


def larger_policy_steps(signals: Signals) -> tuple[Suggestion, ...]:
    """For a policy that does not move."""
    found = []
    effect = "approx_kl rises to about 0.005-0.02, and the return begins to move."
    names = ("learning_rate", "clip_range", "target_kl", "max_grad_norm")
    rate, clip, target, limit = (signals.setting(name) for name in names)
    if rate is not None and rate < USUAL_RATE / 2:
        found.append(attempt(signals, {"algo.learning_rate": USUAL_RATE}, f"The learning rate {rate:g} is 1/{USUAL_RATE / max(rate, 1e-12):,.0f} of the usual {USUAL_RATE:g}.", effect))  # fmt: skip
    if clip is not None and clip < 0.05:
        found.append(attempt(signals, {"algo.clip_range": USUAL_CLIP}, f"The clip range {clip:g} allows almost no change.", effect))  # fmt: skip
    if target is not None and target < 0.003:
        found.append(attempt(signals, {"algo.target_kl": 0.02}, f"target_kl {target:g} ends every update at once.", effect))  # fmt: skip
    if limit is not None and limit < 0.05:
        found.append(attempt(signals, {"algo.max_grad_norm": 0.5}, "Gradients are clipped to almost nothing.", effect))
    found = found or [*scale_rewards(signals)]
    if rate is not None and not found:
        larger = rounded(min(3 * rate, 0.003))
        found.append(attempt(signals, {"algo.learning_rate": larger}, "Larger steps move the policy more.", effect))
    return tuple(found)


def settle_down(signals: Signals) -> tuple[Suggestion, ...]:
    """For a return that swings or falls late in training."""
    found = []
    effect = "Late updates become small, so that the final policy keeps what was found."
    rate = signals.setting("learning_rate")
    if rate is None:
        return ()
    start = min(rate, 0.001)
    falling, constant = f"lin_{start:g}", isinstance(signals.config.algo.setting("learning_rate"), int | float)
    if (constant or rate > start) and _takes(signals, "learning_rate", falling):
        found.append(attempt(signals, {"algo.learning_rate": falling}, "A learning rate that falls to 0 lets training settle.", effect))  # fmt: skip
    if signals.is_off("target_kl"):
        found.append(
            attempt(signals, {"algo.target_kl": 0.02}, "It ends an update's passes before the policy jumps.", effect)
        )
    found.append(attempt(signals, {"algo.learning_rate": rounded(start / 3)}, "Smaller steps swing less.", effect))
    return tuple(found)


def keep_exploring(signals: Signals) -> tuple[Suggestion, ...]:
    """For a policy that became certain too soon."""
    found = []
    effect = "Entropy falls slowly instead of at once, and the policy goes on trying."
    rate, bonus = signals.setting("learning_rate"), signals.setting("entropy_coef")
    if rate is not None and rate > 3 * USUAL_RATE:
        found.append(attempt(signals, {"algo.learning_rate": USUAL_RATE}, f"The learning rate {rate:g} is high.", effect))  # fmt: skip
    if bonus is not None and bonus < USUAL_BONUS:
        found.append(
            attempt(signals, {"algo.entropy_coef": USUAL_BONUS}, "An entropy bonus pays for staying open.", effect)
        )
    if signals.is_off("target_kl"):
        found.append(
            attempt(signals, {"algo.target_kl": 0.02}, "It keeps single updates from deciding everything.", effect)
        )
    return tuple(found)


def explore_further(signals: Signals) -> tuple[Suggestion, ...]:
    """For a policy that found nothing better than doing nothing."""
    found = []
    effect = "Some episodes meet the goal, and the return leaves that of doing nothing."
    if signals.has("sde_sample_freq") and signals.setting("use_sde") == 0:
        found.append(
            attempt(
                signals,
                {"algo.use_sde": True, "algo.sde_sample_freq": 16},
                "Noise that pushes the same way for several steps goes further than noise that changes at every step.",
                effect,
            )
        )
    elif signals.has("action_noise"):
        noise = {"type": "ornstein-uhlenbeck", "std": 0.5}
        found.append(attempt(signals, {"algo.action_noise": noise}, "Noise that wanders goes further than noise that changes at every step.", effect))  # fmt: skip
    found += scale_observations(signals)
    found += longer(signals, 3)
    return tuple(found)


def less_bonus(signals: Signals) -> tuple[Suggestion, ...]:
    """For a policy that stays random, or becomes noisier."""
    bonus = signals.setting("entropy_coef")
    if bonus is None or bonus <= 0:
        return ()
    smaller = 0.0 if bonus <= USUAL_BONUS or bonus >= LARGE_BONUS else USUAL_BONUS
    effect = "Entropy falls as the policy learns to prefer some actions."
    return (
        attempt(
            signals,
            {"algo.entropy_coef": smaller},
            f"The entropy bonus ({bonus:g}) outweighs the task's reward.",
            effect,
        ),
    )


def train_the_value(signals: Signals) -> tuple[Suggestion, ...]:
    """For a value function that nothing trains."""
    effect = "Explained variance rises towards 1, and advantages become less noisy."
    return (attempt(signals, {"algo.value_coef": 0.5}, "0.5 is what everybody uses.", effect),)


def scale_rewards(signals: Signals) -> tuple[Suggestion, ...]:
    """For rewards that are out of scale."""
    if signals.config.env.normalize_reward:
        return ()
    effect = "Value targets come to about 1 to 10, explained variance rises; scores stay in original units."
    reason = "It divides rewards by the running deviation of the discounted return."
    return (attempt(signals, {"env.normalize_reward": True}, reason, effect),)


def help_the_value(signals: Signals) -> tuple[Suggestion, ...]:
    """For a value function that does not learn."""
    found = [*scale_rewards(signals), *scale_observations(signals)]
    weight = signals.setting("value_coef")
    if weight is not None and weight < 0.25:
        found.insert(0, train_the_value(signals)[0])
    return tuple(found)


def scale_observations(signals: Signals) -> tuple[Suggestion, ...]:
    """For observations whose elements are of different sizes."""
    task = signals.task
    if signals.config.env.normalize_observation or task is None or not task.observation_size_D:
        return ()
    effect = "The network sees every element alike; the first updates learn more."
    reason = "It scales every element of the observation to mean 0 and variance 1."
    return (attempt(signals, {"env.normalize_observation": True}, reason, effect),)


def leave_the_floor(signals: Signals) -> tuple[Suggestion, ...]:
    """For a run that learned nothing, where no cause was found in it."""
    bonus = signals.setting("entropy_coef") if signals.record.family == "on-policy" else None
    found = [*less_bonus(signals)] if bonus is not None and bonus >= LARGE_BONUS else []
    if np.nanmedian(signals.target_size_S[1]) > LARGE_TARGETS:
        found += scale_rewards(signals)
    found += scale_observations(signals)
    random_SW = signals.relative_entropy_SW  # where it is high, the policy tries at random already
    certain = random_SW is not None and bool(np.nanmedian(signals.late(random_SW)) < 0.8)
    if bonus is not None and bonus < USUAL_BONUS and certain:
        found.append(attempt(signals, {"algo.entropy_coef": USUAL_BONUS}, "Rare rewards are found by trying longer at random.", "Entropy falls later, and the first rewards are met."))  # fmt: skip
    found += longer(signals, 3)
    return tuple(found)


def longer(signals: Signals, factor: int = 2) -> tuple[Suggestion, ...]:
    """For a run that was still learning; ``factor`` times its budget."""
    steps = factor * signals.config.algo.total_timesteps
    effect = "If the return rises on, the old budget was what held it back."
    return (
        attempt(
            signals,
            {"algo.total_timesteps": steps},
            "Twice the budget." if factor == 2 else f"{factor} times the budget.",
            effect,
        ),
    )


def shorter(signals: Signals, step: int) -> tuple[Suggestion, ...]:
    """For a run that was flat from ``step`` on."""
    total = signals.config.algo.total_timesteps
    digits = max(0, int(math.log10(max(step, 1))) - 1)
    wanted = min(total, math.ceil(1.3 * step / 10**digits) * 10**digits)
    iteration = signals.config.algo.iteration(signals.config.env.num_envs)
    unlearned = 2 * (signals.setting("learning_starts") or 0.0)
    if wanted > 0.8 * total or wanted < max(iteration, signals.config.eval.every, unlearned):
        return ()
    effect = "The same return for less; check it with `rlx compare`."
    return (attempt(signals, {"algo.total_timesteps": wanted}, "The return does not change after that.", effect),)


def more_seeds(signals: Signals) -> tuple[Suggestion, ...]:
    """For a run whose seeds are few, or differ."""
    seeds = min(1000, max(10, 2 * signals.config.num_seeds))
    if seeds <= signals.config.num_seeds:
        return ()
    effect = "The share of seeds that fail, and the interval, become known well enough to judge."
    return (attempt(signals, {"num_seeds": seeds}, f"{signals.config.num_seeds} seeds tell little of what the next one does.", effect),)  # fmt: skip


def larger_rollouts(signals: Signals) -> tuple[Suggestion, ...]:
    """For updates that see very few samples."""
    config = signals.config
    copies = config.env.num_envs
    samples = min(MOST_SAMPLES, max(FEWEST_SAMPLES, 2 ** int(math.log2(config.algo.total_timesteps / 100))))
    steps = -(-samples // (copies * 64)) * 64  # whole minibatches of 64, whatever the number of copies
    if steps * copies > config.algo.total_timesteps or steps <= (signals.setting("rollout_steps") or steps):
        return ()
    overrides: dict[str, Any] = {"algo.rollout_steps": steps}
    if signals.has("batch_size") and signals.setting("batch_size") != 64:
        overrides["algo.batch_size"] = 64
    updates = config.algo.total_timesteps // (steps * copies)
    effect = "Updates become fewer and steadier; explained variance rises."
    return (
        attempt(
            signals,
            overrides,
            f"{steps * copies:,} samples per update leave {updates:,} updates in the budget.",
            effect,
        ),
    )


def more_updates(signals: Signals) -> tuple[Suggestion, ...]:
    """For a budget of very few updates."""
    config = signals.config
    steps = max(32, 2 ** int(math.log2(max(32, config.algo.total_timesteps / (50 * config.env.num_envs)))))
    if steps >= (signals.setting("rollout_steps") or 0) or steps * config.env.num_envs % (
        signals.setting("batch_size") or 1
    ):
        return longer(signals, 5)
    return (attempt(signals, {"algo.rollout_steps": steps}, "Shorter rollouts give more updates for the same steps.", "The policy is updated often enough to learn."),)  # fmt: skip


def look_further(signals: Signals) -> tuple[Suggestion, ...]:
    """For a discount that sees only a few steps."""
    effect = "Rewards up to about 100 steps ahead count; the return rises further."
    return (attempt(signals, {"algo.gamma": USUAL_GAMMA}, "0.99 is what most tasks are solved with.", effect),)


def evaluate_as_trained(signals: Signals) -> tuple[Suggestion, ...]:
    """For a policy that plays worse in evaluation: keep the normaliser's statistics in the checkpoint."""
    env = signals.config.env
    names = [next(iter(item)) if isinstance(item, dict) else str(item) for item in env.wrappers]
    normalizers = [name for name in names if "norm" in name.lower()]
    if not normalizers:
        return ()
    kept = [item for item, name in zip(env.wrappers, names, strict=True) if name not in normalizers]
    reason = f"What {', '.join(normalizers)} learns of the observations' scale is lost in evaluation; rlx's own normaliser travels in the checkpoint."
    effect = "Held-out returns come up to those of training."
    return (attempt(signals, {"env.wrappers": kept, "env.normalize_observation": True}, reason, effect),)


def tame(signals: Signals) -> tuple[Suggestion, ...]:
    """For training that diverged to NaN or infinity."""
    found = []
    effect = "Training stays finite to its end."
    rate, limit = signals.setting("learning_rate"), signals.setting("max_grad_norm")
    if rate is not None and rate > USUAL_RATE:
        found.append(attempt(signals, {"algo.learning_rate": USUAL_RATE}, f"The learning rate {rate:g} is high.", effect))  # fmt: skip
    found += scale_rewards(signals)
    if limit is not None and limit > 1 and signals.record.family == "on-policy":
        found.append(attempt(signals, {"algo.max_grad_norm": 0.5}, "Gradients are hardly clipped.", effect))
    if rate is not None and not found:
        found.append(attempt(signals, {"algo.learning_rate": rounded(rate / 3)}, "Smaller steps diverge less.", effect))
    return tuple(found)


def in_order(offered: Iterable[Suggestion]) -> tuple[Suggestion, ...]:
    """Return suggestions each once; one that sets a key otherwise than an earlier one does is left out."""
    kept: list[Suggestion] = []
    chosen: dict[str, Any] = {}
    for suggestion in offered:
        clash = any(key in chosen and chosen[key] != value for key, value in suggestion.overrides.items())
        if clash or any(dict(suggestion.overrides) == dict(earlier.overrides) for earlier in kept):
            continue
        kept.append(suggestion)
        chosen |= suggestion.overrides
    return tuple(kept)
