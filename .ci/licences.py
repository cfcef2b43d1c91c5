"""The licences of what rlx needs, and of whatever else is installed here.

``python .ci/licences.py > docs/licences.md`` writes the page of what `pip install rlx` brings, as its packages say themselves;
``python .ci/licences.py --check`` fails where any package that is installed here has a licence that nobody has looked at.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PERMISSIVE = re.compile(
    r"MIT|BSD|Zope|Apache|ISC|PSF|Python Software|HPND|Unlicense|Zlib|zlib|CC0|Public Domain|0BSD|Boost|CNRI|BlueOak",
    re.IGNORECASE,
)
"""Asks for no more than to be named."""
WEAK = re.compile(r"MPL|EPL|Eclipse|Mozilla|LGPL|Lesser", re.IGNORECASE)
"""Asks for the source of changes to itself; what only uses it is free."""
STRONG = re.compile(
    r"(?<!L)GPL|(?<!Lesser )General Public|AGPL|Affero|SSPL|proprietary|Commons Clause|non-?commercial", re.IGNORECASE
)
"""Asks more of whoever passes it on, or forbids something: needs a word in :data:`LOOKED_AT`."""
LOOKED_AT = {
    "grandalf": "GPL 2 or EPL 1, as its author says; DVC draws graphs with it (`dvc dag`), rlx does not import it",
    "pygit2": "GPL 2 with the exception that linking it puts no such duty on what links it; DVC needs it",
}
"""What was read by a person, and what of it."""
OTHERS_THAN_SAID = {
    "av": "its wheels carry FFmpeg, x264 and x265, which are under the LGPL and GPL: whoever passes the wheel on passes these on, too",
    "torch": "PyPI's build for Linux brings NVIDIA's CUDA libraries, under NVIDIA's own licence; the CPU build does not",
}
"""What comes inside packages, beside what their own metadata say."""
HEAD = """# Licences

<!-- Made by `python .ci/licences.py > docs/licences.md`. -->

rlx is under the Apache License 2.0 ([LICENSE](../LICENSE)). It carries no code of others; what follows is what `pip install rlx` brings
beside it (Python 3.11, Linux, the versions of `constraints.txt`), under the licences that the packages state themselves.
`.ci/run` checks every package in its environment, those for development, TensorBoard and JAX too (`python .ci/licences.py --check`): one
whose licence is unknown, or asks more of whoever passes it on, stops it until a person has looked. What other extras bring (`ray`,
`wandb`, `mlflow`, `trackio`, `mujoco`) the same command checks where they are installed.

| package | version | licence |
| --- | --- | --- |
"""


def licence(package: Distribution) -> str:
    """Return what a package says of its licence, in a line; empty where it says nothing."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classes = [each.split(" :: ")[-1] for each in metadata.get_all("Classifier") or [] if each.startswith("License ::")]
    if named := [each for each in classes if each not in ("OSI Approved", "DFSG approved")]:
        return " or ".join(sorted(named))
    texts = [str(metadata.get("License") or "")]
    texts += [package.read_text(f"licenses/{name}") or "" for name in metadata.get_all("License-File") or []]
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    return lines[0][:80] if lines else ""


def kind(package: Distribution) -> str:
    """Return ``permissive``, ``weak``, ``looked at``, ``strong`` or ``unknown``; of several to choose from the mildest counts."""
    if canonicalize_name(package.name) in LOOKED_AT:
        return "looked at"
    said = licence(package)
    choices = [said] if re.search(r"\band\b", said, re.IGNORECASE) else re.split(r"\bor\b", said, flags=re.IGNORECASE)
    kinds = [
        "strong"
        if STRONG.search(each)
        else "weak"
        if WEAK.search(each)
        else "permissive"
        if PERMISSIVE.search(each)
        else "unknown"
        for each in choices
    ]
    return min(kinds, key=("permissive", "weak", "unknown", "strong").index)


def needed(name: str, extras: frozenset[str] = frozenset(), seen: set[str] | None = None) -> Iterator[Distribution]:
    """Yield what a package needs, and what that needs, each once; not the package itself.

    Raises:
        PackageNotFoundError: Something of it is not installed.
    """
    seen = {name} if seen is None else seen
    for requirement in map(Requirement, requires(name) or []):
        markers = [{"extra": extra} for extra in (extras or {""})]
        if requirement.marker and not any(requirement.marker.evaluate(marker) for marker in markers):
            continue
        found = canonicalize_name(requirement.name)
        key = f"{found}[{','.join(sorted(requirement.extras))}]"
        if key in seen:
            continue
        seen.add(key)
        if found not in seen:
            seen.add(found)
            yield distribution(found)
        yield from needed(found, frozenset(requirement.extras), seen)


def page() -> str:
    """Return the page of what rlx needs."""
    found = sorted(needed("rlx"), key=lambda package: canonicalize_name(package.name))
    rows = [
        f"| {package.name} | {package.version.partition('+')[0]} | {licence(package) or '—'} |\n" for package in found
    ]
    names = {canonicalize_name(package.name) for package in found}
    notes = {name: told for name, told in (LOOKED_AT | OTHERS_THAN_SAID).items() if name in names}
    return HEAD + "".join(rows) + "\n" + "".join(f"- `{name}`: {told}.\n" for name, told in sorted(notes.items()))


def complaints() -> list[str]:
    """Return what is wrong with the licences of what is installed here."""
    return [
        f"{package.name} {package.version}: {licence(package) or 'says nothing of its licence'}"
        for package in distributions()
        if canonicalize_name(package.name) != "rlx" and kind(package) in ("strong", "unknown")
    ]


def main(*arguments: str) -> int:
    """Print the page, or check what is installed."""
    if arguments == ("--check",):
        found = complaints()
        sys.stderr.write(
            "".join(f"{line}; look at it, and say in .ci/licences.py (LOOKED_AT) what it asks\n" for line in found)
        )
        return 1 if found else 0
    try:
        sys.stdout.write(page())
    except PackageNotFoundError as error:
        sys.stderr.write(f"{error}; pip install -c constraints.txt -e .\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
