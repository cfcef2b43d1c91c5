"""``docs/configuration.md``, generated from the schema: ``python -m rlx.config.reference > docs/configuration.md``."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from rlx.config.algorithm_config import BUILT_IN, own_settings
from rlx.config.names_reference import names_section
from rlx.config.schema import Parameters, RunConfig
from rlx.config.validation import section_type
from rlx.config.values import Schedule

INTRODUCTION = """# Configuration

Generated from the schema (`src/rlx/config/schema.py`) by `python -m rlx.config.reference`; a test keeps it true.

`params.yaml` holds the roster, the base configuration, and how runs are judged. `configs/<run>.yaml` says what one run
changes; the sections under "A run" may stand in both. A config may start from others, as in Hydra:

```yaml
defaults:
  - env: lunarlander      # configs/env/lunarlander.yaml
  - algo: lunarlander     # configs/algo/lunarlander.yaml
  - cartpole              # configs/cartpole.yaml
algo: {gamma: 0.99}       # the file's own keys come last, unless `_self_` stands elsewhere in the list
```

The effective configuration of a run, every default written out, is `runs/<run>/config_snapshot.yaml`.
Unknown keys, repeated keys, wrong types, values out of range, NaN and infinities are refused with file, line and
column. Whole numbers may be written `1e5`. Times are counted in environment steps, all copies together.

By what runs are judged belongs to their environment: `final_eval`, `compare.minimum_effect` and `compare.threshold` may
also be said in a run's config, or in `configs/env/<name>.yaml`, at the top of the file beside the settings of `env`:

```yaml
# configs/env/pendulum.yaml
id: Pendulum-v1
final_eval: {episodes: 50}
compare: {minimum_effect: 20, threshold: -200}
```

Such a file counts for every run whose environment has its `id`, whether or not it is among the run's `defaults`. The
run's own config has the last word, then the environment's file, then `params.yaml`; what nobody says is derived.
`resolve` writes what counts, and where it was said, into `runs/<run>/judging.yaml`; a change of it trains nothing.

A **schedule** is a number, rl-zoo's `lin_0.001` (a straight line to 0 over the budget), or a mapping:

```yaml
learning_rate: {start: 0.001, end: 0.0}                                  # a straight line over the whole training
learning_rate: {start: 0.001, end: 0.00001, shape: cosine, warmup: 0.05} # shape: linear, cosine or exponential
learning_rate: {piecewise: [[0.0, 0.0003], [0.5, 0.0001], [1.0, 0.0]]}   # share of training, value
```

`warmup` is the share of training in which the value first rises in a straight line from 0 to `start`; the shape has the rest.
`cosine` changes slowly at both ends (Loshchilov & Hutter 2017), `exponential` by the same factor in equal times (so both ends are
above 0). Shares of `piecewise` increase from 0 to 1, with straight lines between the points, or with `shape: step` each value
until the next point. A schedule in a config replaces one of `params.yaml` or of `defaults` as a whole. An update takes the value
at its own environment steps. Stock Stable-Baselines3 loads checkpoints of straight lines, through points and after a warm-up
included, by itself; for `cosine`, `exponential` and `step` rlx has to be installed beside it.
"""


def settings_page() -> str:
    """Return the whole page."""
    lines = [INTRODUCTION, "## A run (params.yaml and configs/)", ""]
    lines += _table(RunConfig, "", skip_sections=True)
    for name, info in RunConfig.model_fields.items():
        if name == "algo":
            for known in BUILT_IN:
                settings = own_settings(known)
                assert settings is not None
                title = "`algo`" if known == "ppo" else f"`algo`, with `name: {known}`"
                lines += ["", f"### {title}", "", _first(settings), "", *_table(settings, "algo.")]
        elif found := section_type(info.annotation):
            lines += ["", f"### `{name}`", "", _first(found), "", *_table(found, f"{name}.")]
    lines += [
        "",
        "## The study and its judgement (params.yaml)",
        "",
        "`final_eval`, `compare.minimum_effect` and `compare.threshold` also in configs and in `configs/env/`; the rest only here.",
    ]
    for name, info in Parameters.model_fields.items():
        if name not in RunConfig.model_fields and (found := section_type(info.annotation)):
            lines += ["", f"### `{name}`", "", _first(found), "", *_table(found, f"{name}.")]
    lines += ["", *names_section()]
    return "\n".join(lines) + "\n"


def _table(section: type[BaseModel], prefix: str, *, skip_sections: bool = False) -> list[str]:
    lines = ["| key | type and range | default | meaning |", "| --- | --- | --- | --- |"]
    schema = section.model_json_schema()
    for name, info in section.model_fields.items():
        found = section_type(info.annotation)
        if skip_sections and found and found is not Schedule:
            continue
        meaning = " ".join(schema["properties"][name].get("description", "").split()).replace("|", "\\|")
        lines.append(f"| `{prefix}{name}` | {_kind(info, schema, name)} | {_default(info.default)} | {meaning} |")
        if prefix in ("algo.", "launch.", "env.") and found and found is not Schedule:
            lines += _table(found, f"{prefix}{name}.")[2:]
    return lines


def _default(value: Any) -> str:
    if value is PydanticUndefined or value == "":
        return "required"
    if isinstance(value, BaseModel):
        value = "{" + ", ".join(f"{key}: {said}" for key, said in value.model_dump().items()) + "}"
    return f"`{json.dumps(value) if value is None or isinstance(value, bool) else value}`"


def _kind(info: FieldInfo, schema: dict[str, Any], name: str) -> str:
    """Describe a field's type and range from its section's JSON schema."""
    described = _described(schema["properties"][name], schema.get("$defs", {}))
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    limits = [
        f"{sign} {getattr(item, key)}" for item in info.metadata for key, sign in signs.items() if hasattr(item, key)
    ]
    return (
        f"{described} {', '.join(limits)}"
        if limits and not any(sign in described for sign in signs.values())
        else described
    )


def _described(part: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return (
            "schedule"
            if name == "Schedule"
            else "mapping with " + " and ".join(f"`{key}`" for key in definitions[name]["properties"])
        )
    if "anyOf" in part:
        return " or ".join(_described(option, definitions) for option in part["anyOf"])
    if "enum" in part:
        return " or ".join(f"`{word}`" for word in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    kind = {
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "string": "text",
        "object": "mapping",
        "null": "null",
    }
    if part.get("type") == "array":
        inner = part.get("items", {})
        return f"list of {_described(inner, definitions)}" if inner else "list"
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = ", ".join(f"{sign} {part[key]}" for key, sign in bounds.items() if key in part)
    return f"{kind.get(str(part.get('type')), 'anything')}{' ' + limits if limits else ''}"


def _first(section: type[BaseModel]) -> str:
    return " ".join((section.__doc__ or "").split())


if __name__ == "__main__":
    sys.stdout.write(settings_page())
