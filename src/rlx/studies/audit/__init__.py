"""The audit of a study: everything in its ledger computed again from raw data, by code that decided nothing.

It imports neither the ledger's writer nor gate, launching, course, loop, protocol, proposing or :mod:`rlx.stats` (import contracts in
``pyproject.toml`` prove it); of the contract it has the models alone.
"""
