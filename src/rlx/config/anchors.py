"""YAML's merges, as rl-zoo's files have them: ``<<: *defaults`` stands for what the mapping of that anchor says."""

from __future__ import annotations

import yaml


def merge(node: yaml.MappingNode) -> tuple[list[str], list[yaml.Node]]:
    """Put what ``<<`` stands for in its place, in a mapping, behind the mapping's own keys, which count.

    Returns:
        The keys that came so, and the nodes of ``<<`` that name no mapping, which are left out.
    """
    merges = [pair for pair in node.value if _is_merge(pair[0])]
    if not merges:
        return [], []
    node.value = [pair for pair in node.value if not _is_merge(pair[0])]
    known = {str(key.value) for key, _ in node.value}
    came: list[str] = []
    wrong: list[yaml.Node] = []
    for key, value in merges:
        for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            if not isinstance(source, yaml.MappingNode):
                wrong.append(key)
                continue
            wrong += merge(source)[1]  # of one that merges others itself
            new = [pair for pair in source.value if str(pair[0].value) not in known]
            node.value += new
            came += [str(pair[0].value) for pair in new]
            known |= {*came}
    return came, wrong


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == "<<" and key.style is None
