"""Translating one file into rlx's names: a file of whole sections, or a group file, which is one section."""

from __future__ import annotations

from rlx.config.algorithm_config import AlgorithmConfig
from rlx.config.algorithm_names import is_library
from rlx.config.aliases import translate
from rlx.config.document import Document, KeyPath
from rlx.config.entries import spell, unfold
from rlx.errors import Problem


def translated(
    document: Document, settings: type[AlgorithmConfig], env_id: str | None = None
) -> tuple[list[Problem], list[KeyPath]]:
    """Translate other libraries' names in a file that says whole sections, and rl-zoo's entries for their algorithms.

    Args:
        document: The file.
        settings: Of the algorithm that it is for.
        env_id: The run's environment, as far as others than this file say.

    Returns:
        What cannot be translated, and the levels at which a whole entry stood.
    """
    problems, whole = unfold(document, settings, env_id) if is_library(settings) else ([], [])
    return problems + translate(document, settings), whole


def translate_group(document: Document, group: str, settings: type[AlgorithmConfig]) -> list[Problem]:
    """Translate SB3's names in a group file, whose content is one section; they may not leave that section."""
    whole = Document(
        document.name,
        {group: document.data},
        {(group,): next(iter(document.keys.values()))}
        | {(group, *path): place for path, place in document.keys.items()}
        if document.keys
        else {},
        {(group, *path): place for path, place in document.values.items()},
    )
    if is_library(settings):
        spell(whole)
    problems = translate(whole, settings)
    problems += [
        whole.problem((key,), f"belongs to `{key}`, and this file may only set `{group}`")
        for key in whole.data
        if key != group
    ]
    document.data = whole.data.get(group, {})
    document.origins = {path[1:]: origin and origin[1:] for path, origin in whole.origins.items()}
    document.keys = {path[1:]: place for path, place in whole.keys.items() if path[0] == group and len(path) > 1}
    document.values = {path[1:]: place for path, place in whole.values.items() if path[0] == group and len(path) > 1}
    return problems
