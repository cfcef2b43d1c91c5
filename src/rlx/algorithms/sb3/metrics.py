"""What the numbers mean that Stable-Baselines3 and sb3-contrib log, and those that rlx adds."""

from __future__ import annotations

from rlx.algorithms.ppo.metrics import METRICS as PPO
from rlx.config import NO_SOURCE, Metric, Usual, by_name

HASSELT = "van Hasselt et al. 2018 (Deep Reinforcement Learning and the Deadly Triad)"
_OFF_POLICY = (
    Metric(
        "train/q_mean",
        "mean action value of the newest transitions, as the critics have it",
        "What the critics expect of the actions that were just taken: discounted return from there on.",
        "mean over the newest 256 rows (of images 64) of the replay buffer of Q(s, a), the smallest of several critics, a mean over quantiles",
        "return, as the network sees it (discounted, after reward normalisation)",
        Usual("Follows the discounted return. It cannot truly exceed the largest reward / (1 − gamma).", HASSELT),
        "States are thought good; far above what episodes return, they are thought better than they are.",
        "States are thought bad, or nothing was learned yet.",
        title="mean action value",
    ),
    Metric(
        "train/q_max_abs",
        "largest absolute action value of the newest transitions",
        "How far the critics' values reach.",
        "max over the newest 256 rows of the replay buffer of |Q(s, a)|",
        "return, as the network sees it",
        Usual("At most the largest |reward| / (1 − gamma); beyond it values diverge (soft divergence).", HASSELT),
        "Beyond the largest |reward| / (1 − gamma) no policy can earn it: values diverge.",
        "Small rewards, or nothing was learned yet.",
    ),
    Metric(
        "train/q_bias",
        "by how much the critics' values exceed the discounted returns that followed (absent where none is known yet)",
        "Whether the critics promise more than the policy then gets: above 0 they overestimate.",
        "mean over the newest 256 rows of the replay buffer, where all but 5 % of the discounted return that followed is known, of "
        "Q(s, a) − Σ γ^k r; actions with the noise of exploration",
        "return, as the network sees it",
        Usual(
            "Near 0, somewhat above it in learning: what was explored earned less than the policy would.",
            "van Hasselt et al. 2016 (Double DQN); Fujimoto et al. 2018 (TD3)",
        ),
        "Action values are overestimated: maximising over noisy estimates prefers their errors.",
        "Action values are underestimated, as pessimistic critics (the smaller of two) do a little.",
        title="bias of action values",
    ),
    Metric(
        "train/dead_units",
        "share of the critics' rectified units that are 0 for all of the newest transitions",
        "How much of the critics' networks takes no part any more.",
        "share of units behind a ReLU whose output is 0 in all of the newest 256 rows of the replay buffer",
        "share, 0–1",
        Usual("Below one half.", "Sokar et al. 2023 (The Dormant Neuron Phenomenon), at τ = 0", high=0.5),
        "The networks lose what they could learn with: smaller learning rates, or fewer updates per step, keep units alive.",
        "All units take part.",
        title="dead units of the critics",
    ),
    Metric(
        "train/action_saturation",
        "share of action elements within 1 % of their bounds",
        "How often actions lie at the ends of what the environment takes.",
        "share of the elements of the newest 256 rows' actions, scaled to −1 … 1, with |a| > 0.99",
        "share, 0–1",
        Usual("Below 0.9, unless the task wants full force.", "Hausknecht and Stone 2016, on bounded actions", high=0.9),
        "The policy's last layer is saturated: its gradient is almost 0 there, and it can hardly change its mind.",
        "Actions lie within their bounds.",
    ),
    Metric(
        "train/critic_loss",
        "error of the action values against their targets, added up over critics",
        "How far the critics are from what one step more of experience says.",
        "as the library has it: mean squared error of Q against r + γ Q'(s', a'), half of it, added up over critics (TQC: quantile Huber loss)",
        "return squared, as the network sees it",
        Usual("No range: it grows with the square of the returns."),
        "Returns are large, or badly predicted; growing without end is a sign of divergence.",
        "Returns are small, or well predicted.",
    ),
    Metric(
        "train/actor_loss",
        "loss of the actor: minus the critics' value of its actions (with entropy: plus what that weighs)",
        "How good the critics think the actor's own actions are, with the sign of a loss.",
        "−mean Q(s, π(s)) over the minibatches; of SAC, TQC and CrossQ: mean(α ln π(a|s) − Q(s, a))",
        "return, as the network sees it",
        Usual("Minus the mean action value, about."),
        "The critics think little of the actor's actions.",
        "The critics think much of the actor's actions.",
    ),
    Metric(
        "train/ent_coef",
        "weight of the entropy (temperature α)",
        "How much randomness is worth to the policy.",
        "algo.entropy_coef, or exp(log α) where it is learned",
        "return per nat",
        Usual("Falls as the policy becomes sure, and stays well above 0.", "Haarnoja et al. 2018 (SAC Algorithms and Applications)", 1e-4, 10.0),
        "Randomness is worth more than the task: the policy stays noisy.",
        "Near 0 the policy explores no more.",
        title="entropy coefficient",
    ),
    Metric("train/ent_coef_loss", "loss by which the weight of the entropy is learned", "Pushes the weight of the entropy up where the policy is less random than asked, and down where more.", "−mean(log α (ln π(a|s) + target entropy))", "none", Usual("About 0 once the entropy is where it is asked to be."), "The policy is more random than asked.", "The policy is less random than asked."),
    Metric("rollout/exploration_rate", "probability of a random action (ε)", "How often a random action is taken instead of the best one.", "falls from algo.exploration_initial_eps to algo.exploration_final_eps over algo.exploration_fraction of the training; at this step", "probability", Usual("Falls from 1 to 0.01–0.1 within the first tenth to half of training.", "Mnih et al. 2015: 1 to 0.1 over the first million of 50 million frames"), "Mostly random actions.", "Mostly what the network thinks best."),
)  # fmt: skip
_LOSS = Metric("train/loss", "error of the action values against their targets", "How far action values are from what one step more of experience says.", "Huber loss of Q(s, a) against r + γ max Q'(s', ·) (QR-DQN: quantile Huber loss), mean over the minibatches", "return, as the network sees it", Usual("No range: it grows with the returns."), "Returns are large, or badly predicted.", "Returns are small, or well predicted.")  # fmt: skip
_UPDATES = Metric("train/n_updates", "gradient steps so far", "Gradient steps so far.", "grows by algo.gradient_steps with each update", "gradient steps", Usual("step / train_freq × gradient_steps, after learning_starts."), "Much training.", "Little training.")  # fmt: skip
_RATE = PPO["train/learning_rate"]
_A2C = (
    Metric("train/policy_loss", "policy-gradient loss", "How much more likely good actions were made.", "−mean(A ln π(a|s)) over the rollout", "none", Usual(f"Its value has little meaning by itself; {NO_SOURCE}."), "Unlikely actions turned out well.", "Likely actions turned out well."),
)  # fmt: skip
_TRPO = (
    Metric("train/policy_objective", "surrogate objective after the step", "How much the step gained on the data of this rollout.", "mean(r A), r = π_new(a|s) / π_old(a|s)", "none (with normalised advantages)", Usual("A small positive number."), "The step gained much.", "The step gained little."),
    Metric("train/kl_divergence_loss", "KL divergence between the policy before and after", "How far the step moved the policy.", "mean KL(π_old ‖ π_new) over the rollout", "nats", Usual("At most algo.target_kl, by construction.", "Schulman et al. 2015 (TRPO)"), "A long step.", "A short step."),
    Metric("train/is_line_search_success", "share of updates whose line search found a step", "Whether the policy could be improved within the trust region.", "1 where it did, else 0; mean over the iteration", "share, 0–1", Usual("Near 1.", low=0.5), "Steps are found.", "No step improves: the policy stands still."),
)  # fmt: skip
_ARS = (
    Metric("rollout/return_std", "standard deviation of the candidates' returns", "How much candidates differ.", "over both directions of the best n_top", "return", Usual("No range fits all tasks."), "Directions matter.", "All directions are alike: nothing to learn from, or too little noise."),
    Metric("train/delta_std", "size of the noise on the weights", "How far candidates are from the policy.", "the setting algo.delta_std, or its schedule at this step", "none", Usual("0.01–0.1 in rl-zoo's entries.", "rl-zoo's hyperparameters (ars.yml)"), "Candidates differ much from the policy.", "Candidates are hardly another policy."),
    Metric("train/iterations", "generations so far", "Steps of the policy so far.", "grows by one", "generations", Usual("step / (the steps of 2 × n_delta × n_eval_episodes episodes)."), "Many steps.", "Few steps: each takes 2 × n_delta episodes and more."),
    Metric("train/step_size", "learning rate over the spread of the returns", "How far the policy moves.", "algo.learning_rate / (n_top × rollout/return_std)", "none", Usual("No range fits all tasks."), "Candidates' returns are alike: long steps on little evidence.", "Candidates' returns are far apart: short steps."),
)  # fmt: skip
_CLIPPED = ("approx_kl", "clip_fraction", "clip_range", "clip_range_vf", "loss", "policy_gradient_loss")
_ON_POLICY = ("entropy_loss", "explained_variance", "learning_rate", "n_updates", "std", "value_loss")
_CONTINUOUS = (
    "train/q_mean", "train/q_max_abs", "train/q_bias", "train/dead_units", "train/action_saturation", "train/critic_loss",
    "train/actor_loss",
)  # fmt: skip
_DISCRETE = ("train/q_mean", "train/q_max_abs", "train/q_bias", "train/dead_units", "rollout/exploration_rate")
_ENTROPY = ("train/ent_coef", "train/ent_coef_loss")


def metrics_of(name: str) -> dict[str, Metric]:
    """Return what an algorithm logs, by name."""
    off = by_name(_OFF_POLICY)
    on = {f"train/{key}": PPO[f"train/{key}"] for key in _ON_POLICY}
    clipped = on | {f"train/{key}": PPO[f"train/{key}"] for key in _CLIPPED}
    if name in ("recurrent_ppo", "maskable_ppo"):
        return clipped
    if name == "a2c":
        return on | by_name(_A2C)
    if name == "trpo":
        return on | by_name(_TRPO)
    if name == "ars":
        return by_name((*_ARS, _RATE))
    chosen = _DISCRETE if name in ("dqn", "qrdqn") else _CONTINUOUS
    rows = [*(off[key] for key in chosen), _UPDATES, _RATE]
    rows += [_LOSS] if chosen is _DISCRETE else []
    rows += [off[key] for key in _ENTROPY] if name in ("sac", "tqc", "crossq") else []
    rows += [PPO["train/std"]] if name in ("sac", "tqc", "crossq") else []
    return by_name(tuple(rows))
