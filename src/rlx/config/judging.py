"""``judging.yaml``: by what ``eval`` and ``compare`` judge a run; nothing that training depends on.

What is said comes from the run's own files (its config, and what that builds on: ``configs/env/<name>.yaml`` foremost),
else from ``params.yaml``. What nobody says is derived: the threshold is Gymnasium's ``reward_threshold`` of the
environment, and the minimum effect :data:`SHARE` of the way from random actions to that threshold (or else to the
baseline's mean), which is known when runs are compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlx.config.document import Document, read_document
from rlx.config.files.reading import require
from rlx.config.files.restoring import from_git
from rlx.config.schema import CompareConfig, FinalEvalConfig, JudgedCompare, JudgedSections
from rlx.errors import ConfigError, DataDamaged, Problem
from rlx.stats import shown

FORMAT = 1
FILE = "judging.yaml"
SECTIONS: dict[str, tuple[str, ...]] = {
    "final_eval": tuple(FinalEvalConfig.model_fields),
    "compare": ("minimum_effect", "threshold"),
}
"""What of each section belongs to the environment."""
SHARE = 0.02
"""The derived minimum effect, as a share of the way from random actions to the threshold or the baseline's mean."""
HEADER = """# By what `eval` and `compare` judge this run. Written by the resolve stage. Say it for an environment in
# configs/env/<name>.yaml, for a run in its config, for all in params.yaml: `final_eval: {…}`, `compare: {…}`.
# A change evaluates and compares again and trains nothing.
"""
DERIVED_EFFECT = "derived when compared: 2 % of the way from random actions to the threshold, or else to the baseline"


@dataclass(frozen=True)
class Judging:
    """By what one run is judged.

    Attributes:
        environment: Its id.
        final_eval: The held-out episodes.
        minimum_effect: The smallest difference in return that matters; None: derived when compared.
        threshold: The return that counts as solved; None: there is none.
        own: Dotted keys that the run's own files say. Where its baseline's say another, these count.
        sources: Where each value comes from, in words; only for people.
    """

    environment: str
    final_eval: FinalEvalConfig
    minimum_effect: float | None = None
    threshold: float | None = None
    own: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    def values(self) -> dict[str, Any]:
        """Return what decides, as plain values by dotted key; two runs with equal ones are judged alike."""
        found = {f"final_eval.{key}": value for key, value in self.final_eval.model_dump().items()}
        return {**found, "compare.minimum_effect": self.minimum_effect, "compare.threshold": self.threshold}

    def to_yaml(self) -> str:
        """Return the text of the file: every value with where it comes from."""
        return HEADER + "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"format: {FORMAT}"
        yield f"environment: {json.dumps(self.environment, ensure_ascii=False)}"
        values = self.values()
        for section, keys in SECTIONS.items():
            yield f"{section}:"
            for key in keys:
                name = f"{section}.{key}"
                source = self.sources.get(name)
                yield f"  {key}: {json.dumps(values[name])}" + (f"  # {source}" if source else "")
        yield f"own: {json.dumps(list(self.own))}  # said by this run's own files"


def judging_of(
    environment: str, own: Sequence[Document], parameters: Document, registered: float | None = None
) -> Judging:
    """Compose by what a run is judged.

    Args:
        environment: The id of its environment.
        own: What its files say of it, the strongest first, each checked.
        parameters: ``params.yaml``, checked.
        registered: Gymnasium's ``reward_threshold`` of the environment, where it has one.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    said: list[str] = []
    models = [(document, JudgedSections.model_validate(document.data)) for document in own]
    final, compare = (parameters.data.get(name) or {} for name in SECTIONS)
    base = {"final_eval": FinalEvalConfig.model_validate(final), "compare": CompareConfig.model_validate(compare)}
    for section, keys in SECTIONS.items():
        for key in keys:
            name = f"{section}.{key}"
            found = next((pair for pair in models if (section, key) in pair[0].keys), None)
            values[name] = getattr(getattr(found[1] if found else None, section, base[section]), key)
            sources[name] = found[0].name if found else parameters.name
            if found:
                said.append(name)
            elif (section, key) not in parameters.keys:
                sources[name] = "default"
    if sources["compare.threshold"] == "default":
        values["compare.threshold"] = registered
        known = registered is not None
        sources["compare.threshold"] = (
            f"Gymnasium's reward_threshold of {environment}" if known else f"Gymnasium knows none for {environment}"
        )
    if values["compare.minimum_effect"] is None:
        sources["compare.minimum_effect"] = DERIVED_EFFECT
    episodes = {key: values[f"final_eval.{key}"] for key in SECTIONS["final_eval"]}
    return Judging(
        environment,
        FinalEvalConfig.model_validate(episodes),
        values["compare.minimum_effect"],
        values["compare.threshold"],
        tuple(said),
        sources,
    )


def read_judging(path: Path) -> Judging:
    """Read a ``judging.yaml``.

    Raises:
        DataDamaged: It cannot be read; the message says how to have it made anew.
    """
    try:
        return judging_from(read_document(path))
    except ConfigError as error:
        raise DataDamaged(f"{error}; {from_git(path)}") from None


def judging_from(document: Document) -> Judging:
    """Return what a YAML document says of judging; ConfigError where it says nothing of the kind."""
    if document.problems:
        raise ConfigError(document.problems)
    data = document.data
    if data.get("format") != FORMAT:
        message = f"format {shown(str(data.get('format')))} is not the format {FORMAT} that this rlx reads"
        raise ConfigError([Problem(document.name, None, None, "format", message)])
    try:
        final, compare = (
            FinalEvalConfig.model_validate(data["final_eval"]),
            JudgedCompare.model_validate(data["compare"]),
        )
        own, environment = data.get("own") or [], data["environment"]
        words = isinstance(own, list) and all(isinstance(word, str) for word in (environment, *own))
        require(words, "environment is a word, own a list of words")
        return Judging(environment, final, compare.minimum_effect, compare.threshold, tuple(own))
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"does not say how the run is judged ({' '.join(str(error).split())[:120]})"
        raise ConfigError([Problem(document.name, None, None, "", message)]) from None


def take_out(document: Document) -> Document:
    """Take what a config file says of judging out of it, and return it as a document of its own."""
    found = Document(document.name, {})
    for section in SECTIONS:
        if section in document.data:
            found.data[section] = document.data.pop(section)
    for mine, theirs in ((found.keys, document.keys), (found.values, document.values)):
        for path in [path for path in theirs if path[0] in found.data]:
            mine[path] = theirs.pop(path)
    return found
