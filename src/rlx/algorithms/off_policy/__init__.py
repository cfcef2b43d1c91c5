"""DQN, SAC and TD3 on compiled kernels (:mod:`rlx.algorithms.off_policy.coverage` says which runs)."""
