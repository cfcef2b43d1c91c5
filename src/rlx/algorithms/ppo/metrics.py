"""What PPO's numbers mean, how they are formed, and what is usual.

Formulas are those of Stable-Baselines3's PPO, which both engines follow. Symbols: r is the probability ratio
π_new(a|s) / π_old(a|s) of a sample, A its advantage, R its TD(λ) value target, V the value function, ε the clip range.
"""

from __future__ import annotations

from dataclasses import replace

from rlx.config import COMMON, NO_SOURCE, Metric, Usual, by_name

ANDRYCHOWICZ = "Andrychowicz et al. 2021 (What matters in on-policy RL)"
HUANG = "Huang et al. 2022 (The 37 implementation details of PPO)"
JONES = "Jones, Debugging RL (2021)"
SB3 = "Stable-Baselines3's documentation of its logger"
SCHULMAN = "Schulman, Nuts and Bolts of Deep RL (2017)"
SPINNING_UP = "OpenAI Spinning Up"
_ALL = (
    Metric(
        "train/advantage_std",
        "standard deviation of the advantages over the rollout, before they are normalised",
        "How far apart the advantages of this rollout are: how much better or worse actions turned out than the value function had expected.",
        "standard deviation of the GAE(λ) advantages A over the rollout, before they are normalised",
        "return, as the network sees it (after reward normalisation)",
        Usual("Advantages within ±10, ideally ±3. Larger ones need not do harm: with algo.normalize_advantage their scale drops out of the policy's loss.", JONES, high=10.0),
        "Returns are large, or the value function predicts them badly.",
        "The value function predicts what happens, or nothing that actions do matters to the reward; at 0 there is nothing to learn from.",
    ),
    Metric(
        "train/approx_kl",
        "mean KL divergence between the policy before and after, k3 estimator, last epoch only",
        "How far the update moved the policy: an estimate of the Kullback-Leibler divergence of the new policy from the one that collected the rollout, which PPO is meant to keep small.",
        "mean((r − 1) − ln r) with r = π_new(a|s) / π_old(a|s), the k3 estimator (Schulman, Approximating KL divergence), never negative but for rounding; mean over the minibatches of the last epoch only, each measured before its own step. With algo.target_kl epochs stop once a minibatch exceeds 1.5 × target_kl",
        "nats",
        Usual("Below 0.02; algo.target_kl, where it is set, is usually 0.01–0.05.", f"{HUANG}: usually stays below 0.02; {SPINNING_UP}: target_kl 0.01 or 0.05", high=0.02),
        "The policy changes too quickly: the objective holds only near the policy that collected the data, and a spike often comes with a drop of the return. A smaller algo.learning_rate or fewer algo.update_epochs calm it.",
        "Near 0, with train/clip_fraction near 0 too, the policy hardly moves: the learning rate can go up, or there is nothing left to learn.",
        title="KL divergence of an update",
    ),
    Metric(
        "train/clip_fraction",
        "share of samples whose probability ratio left the clip range, all epochs",
        "Share of samples whose probability ratio left the clip range while the update went on.",
        "share of samples with |r − 1| > ε, r = π_new(a|s) / π_old(a|s), ε = train/clip_range; mean over the minibatches of all epochs",
        "share, 0–1",
        Usual("Above 0.3 for long is much, as a rule of thumb.", f"{NO_SOURCE}: in the sample log of {SB3} a KL of 0.038 goes with 0.24", high=0.3),
        "Updates press against the clip range. Of those samples, the ones that had already moved the way their advantage points give no gradient to the policy any more.",
        "Updates are small. At 0 clipping plays no part.",
        title="share of clipped samples",
    ),
    Metric(
        "train/clip_range",
        "clip range of this update",
        "The clip range ε of this update: how far from 1 a sample's probability ratio may gain the policy anything.",
        "the setting algo.clip_range, or its schedule at this step",
        "none (a ratio)",
        Usual("0.1–0.3, sometimes annealed.", "Schulman et al. 2017 (PPO): 0.1, 0.2 and 0.3 tried, annealed for Atari", high=0.3),
        "Larger updates allowed: faster, less stable.",
        "Small updates only: slower, more stable.",
    ),
    Metric(
        "train/clip_range_vf",
        "clip range of the value function (where it is on)",
        "The clip range of the value function in this update (logged only where algo.clip_range_vf is set).",
        "the setting algo.clip_range_vf, or its schedule: predictions count as at most this far from those at collection",
        "return, as the network sees it",
        Usual("Off. Where it is on, it must fit the scale of the returns.", f"{ANDRYCHOWICZ}: clipping the value loss hurts; {HUANG}, detail 9: no evidence that it helps"),
        "Far beyond the size of value errors it does nothing.",
        "Far below the size of value errors it keeps the value function from learning.",
    ),
    Metric(
        "train/entropy_loss",
        "minus the mean entropy of the policy, in nats",
        "Minus the entropy of the policy: how random its actions are, with the sign of a loss.",
        "−mean H(π(·|s)) over the samples of a minibatch; mean over the minibatches of all epochs. Discrete: H = −Σ_a π ln π, at most ln n for n actions; Gaussian: H = Σ_i (½ ln 2πe + ln σ_i), which can be negative; several discrete actions add up",
        "nats",
        Usual("Discrete: starts near −ln n (all n actions alike), rises slowly towards 0 and flattens out before it. Gaussian: no range.", f"{JONES}: relative entropy starts near 1, falls, flattens out; {SCHULMAN}"),
        "Near 0 (discrete) the policy is certain: good late, a collapse of exploration early. Gaussian: above 0 just means little noise.",
        "Near −ln n to the end (discrete) the policy acts at random still: nothing learned, or an algo.entropy_coef that pays more than the task.",
        title="minus the policy's entropy",
    ),
    Metric(
        "train/explained_variance",
        "1 − Var(return − value) / Var(return) over the rollout (absent where the returns do not vary)",
        "How well the value function predicted this rollout's returns before it was trained on them: 1 is perfectly, 0 no better than a constant.",
        "1 − Var(R − V) / Var(R) over the rollout: V the predictions at collection, R the TD(λ) targets; since R − V = A, it is 1 − (train/advantage_std / train/value_target_std)². The targets R contain V themselves, so a small λ flatters it, and a constant error does not show. Absent where R does not vary",
        "share of variance, at most 1",
        Usual("Rises from about 0 towards 1 as training goes. Around or below 0 at the very start is common; below 0 later is not, unless the task is mastered and returns hardly vary any more.", f"{SB3}: 1 is perfect, below 0 is worse than predicting a constant; {JONES} on its complement, residual variance", low=0.0),
        "The value function knows what to expect, and advantages tell good actions from bad ones.",
        "Advantages are mostly noise. Common where the policy is changing fast, or returns hang on chance. Low after success may only mean that returns hardly vary any more.",
        may_be_undefined=True,
        title="explained variance of the value function",
    ),
    Metric(
        "train/gradient_norm",
        "mean over minibatches of the gradient's norm before clipping",
        "Length of the gradient before it is clipped to algo.max_grad_norm. Stable-Baselines3 computes it and drops it; rlx logs it.",
        "Euclidean norm over all parameters, actor and critic together, of the total loss's gradient; mean over the minibatches that were stepped on",
        "loss per unit of weight",
        Usual("No range fits all tasks; it is clipped to algo.max_grad_norm, usually 0.5.", f"{HUANG}, detail 11, for the 0.5; {NO_SOURCE} for the norm itself"),
        "Above algo.max_grad_norm typical gradients are clipped, which is common where value targets are large, as their loss then makes most of it. Growing without end is a sign of divergence.",
        "Little left to learn, or no signal.",
        title="gradient norm",
    ),
    Metric(
        "train/learning_rate",
        "Adam's step size of this update",
        "Step size of the optimiser (Adam) in this update.",
        "the setting algo.learning_rate, or its schedule at this step",
        "none",
        Usual("About 1e-4 to 1e-3, often annealed to 0; 3e-4 is a safe default.", f"{ANDRYCHOWICZ}: 3e-4; {HUANG}, detail 4: annealing; that more than 0.01 is rare is rlx's own reading of rl-baselines3-zoo", high=0.01),
        "Learns faster, until updates destroy the policy: watch train/approx_kl.",
        "Learns slower. At 0 nothing changes.",
    ),
    Metric(
        "train/loss",
        "total loss of the last minibatch",
        "Total loss of the last minibatch of the update: one sample, and so noisy.",
        "train/policy_gradient_loss + entropy_coef × train/entropy_loss + value_coef × train/value_loss, each of that minibatch alone",
        "none (a mix of units)",
        Usual("None. It need not fall: each update has data and targets of its own.", f"{NO_SOURCE}; that a policy-gradient loss does not measure performance: {SPINNING_UP}"),
        "Mostly large value errors.",
        "Mostly small value errors; below 0 is common where these are small.",
    ),
    Metric(
        "train/n_updates",
        "passes over rollouts so far (SB3's count of epochs)",
        "Passes over rollouts so far. Despite its name it counts epochs, neither updates nor gradient steps, as in Stable-Baselines3.",
        "grows by the epochs begun in each update: update_epochs, or fewer where algo.target_kl stops them",
        "epochs",
        Usual("update × update_epochs; less where algo.target_kl stops epochs early."),
        "Many passes.",
        "Few passes; a curve flatter than update × update_epochs shows how often target_kl stopped.",
    ),
    Metric(
        "train/policy_gradient_loss",
        "clipped surrogate loss, mean over minibatches",
        "PPO's clipped objective with the sign of a loss: by how much samples with good advantages were made more likely, on the data of this rollout.",
        "−mean(min(r A, clip(r, 1−ε, 1+ε) A)), r = π_new(a|s) / π_old(a|s), A the advantage, ε = train/clip_range; mean over the minibatches of all epochs; with algo.normalize_advantage, A has mean 0 and variance 1 in each minibatch",
        "none (with normalised advantages)",
        Usual("A small negative number, such as −0.01; its value has little meaning by itself.", f"{SB3}: its value does not have much meaning; {NO_SOURCE} for the size"),
        "Above 0 updates make the objective worse on average: steps too large for the clip range.",
        "More negative: updates find more to gain. It says nothing of the return.",
    ),
    Metric(
        "train/std",
        "mean standard deviation of continuous actions",
        "Mean standard deviation of the noise of continuous actions, the same in all states (with algo.use_sde: of its weights).",
        "mean of exp(log_std) over the elements, after the update",
        "the action's units",
        Usual("Starts at exp(policy.log_std_init), by default 1, and falls as the policy becomes sure.", f"{ANDRYCHOWICZ}: about 0.5 is a good start where actions go from −1 to 1"),
        "Growing, actions drown in noise: the entropy bonus pays more than the task, or the return does not depend on the actions.",
        "Near 0 nothing new is tried: good late, a collapse of exploration early.",
        title="standard deviation of actions",
    ),
    Metric(
        "train/value_loss",
        "mean squared error of the value function (not halved), mean over minibatches",
        "Mean squared error of the value function against its targets while the update went on.",
        "mean((R − V)²), R the TD(λ) targets, V the prediction; not halved, so that Stable-Baselines3's value_coef 0.5 equals CleanRL's 1.0; mean over the minibatches of all epochs; with algo.clip_range_vf, V is clipped first",
        "return squared, as the network sees it",
        Usual("No range: it grows with the square of the returns. Hold it against train/value_target_std²; as the policy improves it often rises first."),
        "Returns are large, or badly predicted: train/explained_variance tells which.",
        "Returns are small, or well predicted.",
        title="value loss",
    ),
    Metric(
        "train/value_target_mean",
        "mean over the rollout of the TD(λ) returns that the value function is trained on, as the network sees them (after reward normalisation)",
        "Mean of what the value function is trained to predict.",
        "mean over the rollout of R = A + V, the TD(λ) returns: advantage plus prediction, both at collection",
        "return, as the network sees it (discounted, after reward normalisation)",
        Usual("Within ±10, ideally ±3. Larger ones need not do harm, but the defaults of PPO fit smaller ones.", f"{JONES}; {SCHULMAN} on rescaling rewards, not shifting them", -10.0, 10.0),
        "States are thought good; beyond 10, networks take long to reach such numbers and the value loss outweighs the policy's: scale rewards (env.normalize_reward).",
        "States are thought bad; far below −10 the same holds as far above 10.",
    ),
    Metric(
        "train/value_target_std",
        "their standard deviation",
        "How far apart the value function's targets are: how much states differ in what they promise.",
        "standard deviation over the rollout of R = A + V, as of train/value_target_mean",
        "return, as the network sees it (discounted, after reward normalisation)",
        Usual("Targets within ±10, ideally ±3. Larger ones need not do harm.", JONES, high=10.0),
        "Rewards are large, or returns vary much from state to state.",
        "All states promise the same: rewards too rare to be met, or a task that is mastered. train/explained_variance says little then.",
    ),
)  # fmt: skip
_COMMON = (
    replace(COMMON["step"], formula="grows by the steps of an iteration, of PPO rollout_steps × num_envs"),
    replace(
        COMMON["iteration"],
        meaning="Iterations made so far, each the algorithm's natural unit of work: of PPO one rollout with the current policy, and several epochs of training on it (an update).",
        formula="PPO: step / (rollout_steps × num_envs)",
    ),
    replace(
        COMMON["rollout/episodes"],
        usual=Usual("About rollout_steps × num_envs / rollout/length_mean; 0 in some rollouts where episodes are longer than one."),
    ),
    replace(
        COMMON["rollout/truncated_share"],
        meaning=COMMON["rollout/truncated_share"].meaning + " PPO adds the value of the last state there (Pardo et al. 2018).",
    ),
)  # fmt: skip
"""What more there is to say of metrics of every training."""
METRICS: dict[str, Metric] = by_name((*_ALL, *_COMMON))
