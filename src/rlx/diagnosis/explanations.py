"""What every logged number means, how it is formed, and what is usual.

Formulas are those of Stable-Baselines3's PPO, which both engines follow. Symbols: r is the probability ratio
π_new(a|s) / π_old(a|s) of a sample, A its advantage, R its TD(λ) value target, V the value function, ε the clip range.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

ANDRYCHOWICZ = "Andrychowicz et al. 2021 (What matters in on-policy RL)"
HUANG = "Huang et al. 2022 (The 37 implementation details of PPO)"
JONES = "Jones, Debugging RL (2021)"
SB3 = "Stable-Baselines3's documentation of its logger"
SCHULMAN = "Schulman, Nuts and Bolts of Deep RL (2017)"
LECTURE = "Schulman, Nuts and Bolts of Deep RL (the lecture of 2017, not its slides): look at episode lengths"
SPINNING_UP = "OpenAI Spinning Up"
NO_SOURCE = "no firm source"
COMPONENT = "reward/"
"""What the names of reward components begin with."""


@dataclass(frozen=True)
class Usual:
    """What is usual for a metric.

    Attributes:
        text: In words.
        source: Who says so; :data:`NO_SOURCE` where nobody does.
        low: Below it is unusual; None where no number fits all tasks.
        high: Above it is unusual; likewise.
    """

    text: str
    source: str = NO_SOURCE
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Explanation:
    """What a metric is.

    Attributes:
        metric: Its name in the vocabulary.
        group: What stands before the slash of its name; empty for counters.
        meaning: What it tells, in a sentence or two.
        formula: How it is computed.
        unit: What it is measured in.
        usual: Which values are usual.
        higher: What a high value means.
        lower: What a low value means.
    """

    metric: str
    group: str = field(default="", kw_only=True)
    meaning: str
    formula: str
    unit: str
    usual: Usual
    higher: str
    lower: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "group", self.metric.rpartition("/")[0])


TASK = Usual("It depends on the task alone; what random actions score is the natural zero.")
_ALL = (
    Explanation(
        "seed",
        "The training seed of the row. Each seed is a training of its own, of the same configuration: seeds differ in initial weights, episodes, sampled actions and the order of minibatches, and so by chance alone.",
        "the setting `seed`, then +1 for each further seed of the run",
        "none (a label)",
        Usual("At least 5 seeds for a verdict, better 10.", "Henderson et al. 2018 on how much seeds differ; the 5 and 10 are rlx's own"),
        "A label: its size means nothing.",
        "A label: its size means nothing.",
    ),
    Explanation(
        "step",
        "Environment steps taken so far, all copies of the environment together; the x-axis of every curve.",
        "grows by rollout_steps × num_envs with every update",
        "environment steps",
        Usual("It ends at algo.total_timesteps, rounded up to whole rollouts."),
        "Far into training.",
        "Early in training.",
    ),
    Explanation(
        "update",
        "Updates made so far: each collects one rollout with the current policy, then trains on it for several epochs.",
        "step / (rollout_steps × num_envs)",
        "updates",
        Usual("Tens to thousands; with fewer than 20 the policy hardly has the occasion to learn.", f"{NO_SOURCE}: 20 is rlx's own threshold"),
        "Many small updates: fresher data, fewer samples behind each.",
        "Few large ones.",
    ),
    Explanation(
        "rollout/return_mean",
        "Mean return of the training episodes that ended in this rollout. Actions are sampled, as training needs them, so the most likely actions (validation and held-out episodes) may score better or worse.",
        "mean over those episodes of Σ_t reward_t: undiscounted, in the environment's own units also under normalize_reward; absent where no episode ended",
        "return (the environment's reward, summed over an episode)",
        TASK,
        "The task goes well, if the reward says what you mean.",
        "At the level of random actions nothing has been learned. Early on, where episodes are longer than a rollout, the first to end are the short ones, which bends the beginning of the curve.",
    ),
    Explanation(
        "rollout/length_mean",
        "Mean length of the training episodes that ended in this rollout.",
        "mean over those episodes of their number of steps; absent where no episode ended",
        "environment steps",
        Usual("It depends on the task. It often moves before the return does.", LECTURE),
        "Good where surviving is the task; where reaching a goal is, the agent wanders until the time limit.",
        "Good where a goal is to be reached soon; else the agent fails early, or has learned to end episodes.",
    ),
    Explanation(
        "rollout/episodes",
        "How many training episodes ended in this rollout, which is how many rollout/return_mean rests on.",
        "count, over all copies of the environment",
        "episodes",
        Usual("About rollout_steps × num_envs / rollout/length_mean; 0 in some rollouts where episodes are longer than one."),
        "Short episodes: means over them are precise.",
        "Long episodes: means over them are noisy, and missing where there are none.",
    ),
    Explanation(
        "rollout/truncated_share",
        "Share of the training episodes that ended in this rollout which a time limit ended, rather than the task itself (truncation, not termination). PPO adds the value of the last state there (Pardo et al. 2018).",
        "truncated episodes / rollout/episodes; absent where no episode ended",
        "share, 0–1",
        Usual("It depends on the task: 1 throughout where only the limit ends an episode (Pendulum), rising with skill where surviving is the task (CartPole)."),
        "Most episodes run into the limit: success where surviving counts, idling where a goal is to be reached.",
        "Most episodes end by themselves.",
    ),
    Explanation(
        "rollout/success_rate",
        "Share of the training episodes that ended in this rollout which succeeded, by what the environment itself reports (`is_success` or `success` in its info).",
        "successes / episodes that report one; absent where none does",
        "share, 0–1",
        Usual("It should rise with the return."),
        "The task is done as its author means it.",
        "The task is not done. Where the return rises all the same, the reward pays for something else.",
    ),
    Explanation(
        "train/advantage_std",
        "How far apart the advantages of this rollout are: how much better or worse actions turned out than the value function had expected.",
        "standard deviation of the GAE(λ) advantages A over the rollout, before they are normalised",
        "return, as the network sees it (after reward normalisation)",
        Usual("Advantages within ±10, ideally ±3. Larger ones need not do harm: with algo.normalize_advantage their scale drops out of the policy's loss.", JONES, high=10.0),
        "Returns are large, or the value function predicts them badly.",
        "The value function predicts what happens, or nothing that actions do matters to the reward; at 0 there is nothing to learn from.",
    ),
    Explanation(
        "train/approx_kl",
        "How far the update moved the policy: an estimate of the Kullback-Leibler divergence of the new policy from the one that collected the rollout, which PPO is meant to keep small.",
        "mean((r − 1) − ln r) with r = π_new(a|s) / π_old(a|s), the k3 estimator (Schulman, Approximating KL divergence), never negative but for rounding; mean over the minibatches of the last epoch only, each measured before its own step. With algo.target_kl epochs stop once a minibatch exceeds 1.5 × target_kl",
        "nats",
        Usual("Below 0.02; algo.target_kl, where it is set, is usually 0.01–0.05.", f"{HUANG}: usually stays below 0.02; {SPINNING_UP}: target_kl 0.01 or 0.05", high=0.02),
        "The policy changes too quickly: the objective holds only near the policy that collected the data, and a spike often comes with a drop of the return. A smaller algo.learning_rate or fewer algo.update_epochs calm it.",
        "Near 0, with train/clip_fraction near 0 too, the policy hardly moves: the learning rate can go up, or there is nothing left to learn.",
    ),
    Explanation(
        "train/clip_fraction",
        "Share of samples whose probability ratio left the clip range while the update went on.",
        "share of samples with |r − 1| > ε, r = π_new(a|s) / π_old(a|s), ε = train/clip_range; mean over the minibatches of all epochs",
        "share, 0–1",
        Usual("Above 0.3 for long is much, as a rule of thumb.", f"{NO_SOURCE}: in the sample log of {SB3} a KL of 0.038 goes with 0.24", high=0.3),
        "Updates press against the clip range. Of those samples, the ones that had already moved the way their advantage points give no gradient to the policy any more.",
        "Updates are small. At 0 clipping plays no part.",
    ),
    Explanation(
        "train/clip_range",
        "The clip range ε of this update: how far from 1 a sample's probability ratio may gain the policy anything.",
        "the setting algo.clip_range, or its schedule at this step",
        "none (a ratio)",
        Usual("0.1–0.3, sometimes annealed.", "Schulman et al. 2017 (PPO): 0.1, 0.2 and 0.3 tried, annealed for Atari", high=0.3),
        "Larger updates allowed: faster, less stable.",
        "Small updates only: slower, more stable.",
    ),
    Explanation(
        "train/clip_range_vf",
        "The clip range of the value function in this update (logged only where algo.clip_range_vf is set).",
        "the setting algo.clip_range_vf, or its schedule: predictions count as at most this far from those at collection",
        "return, as the network sees it",
        Usual("Off. Where it is on, it must fit the scale of the returns.", f"{ANDRYCHOWICZ}: clipping the value loss hurts; {HUANG}, detail 9: no evidence that it helps"),
        "Far beyond the size of value errors it does nothing.",
        "Far below the size of value errors it keeps the value function from learning.",
    ),
    Explanation(
        "train/entropy_loss",
        "Minus the entropy of the policy: how random its actions are, with the sign of a loss.",
        "−mean H(π(·|s)) over the samples of a minibatch; mean over the minibatches of all epochs. Discrete: H = −Σ_a π ln π, at most ln n for n actions; Gaussian: H = Σ_i (½ ln 2πe + ln σ_i), which can be negative; several discrete actions add up",
        "nats",
        Usual("Discrete: starts near −ln n (all n actions alike), rises slowly towards 0 and flattens out before it. Gaussian: no range.", f"{JONES}: relative entropy starts near 1, falls, flattens out; {SCHULMAN}"),
        "Near 0 (discrete) the policy is certain: good late, a collapse of exploration early. Gaussian: above 0 just means little noise.",
        "Near −ln n to the end (discrete) the policy acts at random still: nothing learned, or an algo.entropy_coef that pays more than the task.",
    ),
    Explanation(
        "train/explained_variance",
        "How well the value function predicted this rollout's returns before it was trained on them: 1 is perfectly, 0 no better than a constant.",
        "1 − Var(R − V) / Var(R) over the rollout: V the predictions at collection, R the TD(λ) targets; since R − V = A, it is 1 − (train/advantage_std / train/value_target_std)². The targets R contain V themselves, so a small λ flatters it, and a constant error does not show. Absent where R does not vary",
        "share of variance, at most 1",
        Usual("Rises from about 0 towards 1 as training goes. Around or below 0 at the very start is common; below 0 later is not, unless the task is mastered and returns hardly vary any more.", f"{SB3}: 1 is perfect, below 0 is worse than predicting a constant; {JONES} on its complement, residual variance", low=0.0),
        "The value function knows what to expect, and advantages tell good actions from bad ones.",
        "Advantages are mostly noise. Common where the policy is changing fast, or returns hang on chance. Low after success may only mean that returns hardly vary any more.",
    ),
    Explanation(
        "train/gradient_norm",
        "Length of the gradient before it is clipped to algo.max_grad_norm. Stable-Baselines3 computes it and drops it; rlx logs it.",
        "Euclidean norm over all parameters, actor and critic together, of the total loss's gradient; mean over the minibatches that were stepped on",
        "loss per unit of weight",
        Usual("No range fits all tasks; it is clipped to algo.max_grad_norm, usually 0.5.", f"{HUANG}, detail 11, for the 0.5; {NO_SOURCE} for the norm itself"),
        "Above algo.max_grad_norm typical gradients are clipped, which is common where value targets are large, as their loss then makes most of it. Growing without end is a sign of divergence.",
        "Little left to learn, or no signal.",
    ),
    Explanation(
        "train/learning_rate",
        "Step size of the optimiser (Adam) in this update.",
        "the setting algo.learning_rate, or its schedule at this step",
        "none",
        Usual("About 1e-4 to 1e-3, often annealed to 0; 3e-4 is a safe default.", f"{ANDRYCHOWICZ}: 3e-4; {HUANG}, detail 4: annealing; that more than 0.01 is rare is rlx's own reading of rl-baselines3-zoo", high=0.01),
        "Learns faster, until updates destroy the policy: watch train/approx_kl.",
        "Learns slower. At 0 nothing changes.",
    ),
    Explanation(
        "train/loss",
        "Total loss of the last minibatch of the update: one sample, and so noisy.",
        "train/policy_gradient_loss + entropy_coef × train/entropy_loss + value_coef × train/value_loss, each of that minibatch alone",
        "none (a mix of units)",
        Usual("None. It need not fall: each update has data and targets of its own.", f"{NO_SOURCE}; that a policy-gradient loss does not measure performance: {SPINNING_UP}"),
        "Mostly large value errors.",
        "Mostly small value errors; below 0 is common where these are small.",
    ),
    Explanation(
        "train/n_updates",
        "Passes over rollouts so far. Despite its name it counts epochs, neither updates nor gradient steps, as in Stable-Baselines3.",
        "grows by the epochs begun in each update: update_epochs, or fewer where algo.target_kl stops them",
        "epochs",
        Usual("update × update_epochs; less where algo.target_kl stops epochs early."),
        "Many passes.",
        "Few passes; a curve flatter than update × update_epochs shows how often target_kl stopped.",
    ),
    Explanation(
        "train/policy_gradient_loss",
        "PPO's clipped objective with the sign of a loss: by how much samples with good advantages were made more likely, on the data of this rollout.",
        "−mean(min(r A, clip(r, 1−ε, 1+ε) A)), r = π_new(a|s) / π_old(a|s), A the advantage, ε = train/clip_range; mean over the minibatches of all epochs; with algo.normalize_advantage, A has mean 0 and variance 1 in each minibatch",
        "none (with normalised advantages)",
        Usual("A small negative number, such as −0.01; its value has little meaning by itself.", f"{SB3}: its value does not have much meaning; {NO_SOURCE} for the size"),
        "Above 0 updates make the objective worse on average: steps too large for the clip range.",
        "More negative: updates find more to gain. It says nothing of the return.",
    ),
    Explanation(
        "train/std",
        "Mean standard deviation of the noise of continuous actions, the same in all states (with algo.use_sde: of its weights).",
        "mean of exp(log_std) over the elements, after the update",
        "the action's units",
        Usual("Starts at exp(policy.log_std_init), by default 1, and falls as the policy becomes sure.", f"{ANDRYCHOWICZ}: about 0.5 is a good start where actions go from −1 to 1"),
        "Growing, actions drown in noise: the entropy bonus pays more than the task, or the return does not depend on the actions.",
        "Near 0 nothing new is tried: good late, a collapse of exploration early.",
    ),
    Explanation(
        "train/value_loss",
        "Mean squared error of the value function against its targets while the update went on.",
        "mean((R − V)²), R the TD(λ) targets, V the prediction; not halved, so that Stable-Baselines3's value_coef 0.5 equals CleanRL's 1.0; mean over the minibatches of all epochs; with algo.clip_range_vf, V is clipped first",
        "return squared, as the network sees it",
        Usual("No range: it grows with the square of the returns. Hold it against train/value_target_std²; as the policy improves it often rises first."),
        "Returns are large, or badly predicted: train/explained_variance tells which.",
        "Returns are small, or well predicted.",
    ),
    Explanation(
        "train/value_target_mean",
        "Mean of what the value function is trained to predict.",
        "mean over the rollout of R = A + V, the TD(λ) returns: advantage plus prediction, both at collection",
        "return, as the network sees it (discounted, after reward normalisation)",
        Usual("Within ±10, ideally ±3. Larger ones need not do harm, but the defaults of PPO fit smaller ones.", f"{JONES}; {SCHULMAN} on rescaling rewards, not shifting them", -10.0, 10.0),
        "States are thought good; beyond 10, networks take long to reach such numbers and the value loss outweighs the policy's: scale rewards (env.normalize_reward).",
        "States are thought bad; far below −10 the same holds as far above 10.",
    ),
    Explanation(
        "train/value_target_std",
        "How far apart the value function's targets are: how much states differ in what they promise.",
        "standard deviation over the rollout of R = A + V, as of train/value_target_mean",
        "return, as the network sees it (discounted, after reward normalisation)",
        Usual("Targets within ±10, ideally ±3. Larger ones need not do harm.", JONES, high=10.0),
        "Rewards are large, or returns vary much from state to state.",
        "All states promise the same: rewards too rare to be met, or a task that is mastered. train/explained_variance says little then.",
    ),
    Explanation(
        "validation/return_mean",
        "Mean return of the validation episodes: the same starts every time, played between updates, by which the `best` checkpoint is chosen. Scores are reported on other, held-out episodes.",
        "mean over eval.episodes of Σ_t reward_t, undiscounted, in the environment's own units; most likely actions unless eval.deterministic is false; the normaliser's statistics stay as they are",
        "return (the environment's reward, summed over an episode)",
        TASK,
        "The policy plays well. The highest of many is partly luck: `rlx compare` tells what it holds on held-out episodes.",
        "Far below rollout/return_mean, the policy relies on the randomness of its actions, or is evaluated otherwise than trained.",
    ),
    Explanation(
        "validation/length_mean",
        "Mean length of the validation episodes.",
        "mean over eval.episodes of their number of steps",
        "environment steps",
        Usual("It depends on the task."),
        "As rollout/length_mean.",
        "As rollout/length_mean.",
    ),
    Explanation(
        "validation/success_rate",
        "Share of the validation episodes that succeeded, by what the environment itself reports (`is_success` or `success` in its info).",
        "successes / validation episodes that report one; absent where none does",
        "share, 0–1",
        Usual("It should rise with the return."),
        "The task is done as its author means it.",
        "The task is not done. Where the return rises all the same, the reward pays for something else.",
    ),
)  # fmt: skip
EXPLANATIONS: dict[str, Explanation] = {each.metric: each for each in _ALL}
"""By metric; those of reward components come from :func:`explanation_of`."""
REWARD = Explanation(
    f"{COMPONENT}<name>",
    "One part of the reward, as the environment reports it in its info (`reward_<name>`): what this part added to an episode's return.",
    "mean over the training episodes that ended in this rollout of Σ_t info[\"reward_<name>\"]; undiscounted, in the environment's own units; absent where none reports it",
    "return (the environment's reward, summed over an episode)",
    Usual("It depends on the task. All parts together should make up the return, if the environment reports them all."),
    "This part pays. Where it makes up nearly all of the return, the others have no say in what is learned.",
    "This part pays little, or costs (below 0). One that falls while another rises was traded for it: the start of reward hacking.",
)  # fmt: skip


def explanation_of(metric: str) -> Explanation | None:
    """Return what a metric is; None for a name that is neither in the vocabulary nor a reward component's."""
    if metric.startswith(COMPONENT) and len(metric) > len(COMPONENT):
        name = metric.removeprefix(COMPONENT)
        return replace(
            REWARD,
            metric=metric,
            meaning=REWARD.meaning.replace("<name>", name),
            formula=REWARD.formula.replace("<name>", name),
        )
    return EXPLANATIONS.get(metric)
