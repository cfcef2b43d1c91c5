"""Repositories that are not rlx's, driven by studies: what `adapter.yaml` says of one, and what comes of a training there.

Nothing of such a repository is imported; its commands run in worktrees of its pinned commit, and what they claim is checked.
"""
