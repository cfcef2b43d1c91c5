"""What may be said of rlx's own trackers in ``params.yaml: log``, and what is refused there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from rlx.config import Document, Section, problems_in
from rlx.records.sinks.sink import Artifact

_SECRET = re.compile(r"(api_?)?key|(api_|auth_|access_)?token|password|secret|username", re.IGNORECASE)

PASSWORD = (
    "a password does not belong in params.yaml, which Git keeps: take it out of the address, and set the environment variables "
    "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
)
Name = Annotated[str, Field(min_length=1, max_length=128)]


def _address(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https", "sqlite") or not (parts.netloc or parts.path.strip("/")):
        message = "must be the address of a server, such as http://127.0.0.1:5000, or sqlite:///FILE"
        raise PydanticCustomError("uri", message)
    return uri


class TrackerOptions(Section):
    """What every tracker of rlx takes."""

    project: Name = "rlx"
    """What the tracker files the runs under (MLflow: an experiment)."""
    tags: list[Name] = Field(default_factory=list)
    """Tags of every run, beside its environment and algorithm."""
    artifacts: Literal["none", "media", "models"] = "media"
    """Which files it gets: none; film and plots; these and each seed's final and best policy."""


class WandbOptions(TrackerOptions):
    """Of Weights & Biases."""

    mode: Literal["offline", "online"] = "offline"
    """`offline` writes files in the project, which `wandb sync` sends later; `online` sends while training goes on."""
    entity: Name | None = None
    """Whose project it is; null: your own."""


class MlflowOptions(TrackerOptions):
    """Of MLflow."""

    uri: Annotated[str, AfterValidator(_address)] | None = None
    """The address of a server; null: a database in the project."""


class TrackioOptions(TrackerOptions):
    """Of Trackio."""


def option_mistakes(
    options: type[TrackerOptions], given: Mapping[str, Any], variable: str
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what is wrong with a tracker's options: the path of each in them, and what is wrong with it.

    Args:
        options: What may be said.
        given: What is.
        variable: The environment variable that holds the tracker's key; empty where it has none.
    """
    secrets = [name for name in given if _SECRET.fullmatch(str(name)) and name not in options.model_fields]
    for name in secrets:
        instead = f"set the environment variable {variable} instead" if variable else "it takes none"
        yield (name,), f"a secret does not belong in params.yaml, which Git keeps: delete it here, and {instead}"
    addresses = [name for name, value in given.items() if isinstance(value, str) and "@" in urlsplit(value).netloc]
    for name in addresses:
        yield (name,), PASSWORD
    rest = {name: value for name, value in given.items() if name not in [*secrets, *addresses]}
    for problem in problems_in(Document("params.yaml", rest), options):
        path = tuple(int(part) if part.isdigit() else part for part in problem.key.split("."))
        yield path, problem.message


def wanted(artifacts: Sequence[Artifact], which: str) -> list[Artifact]:
    """Return the files that an option ``artifacts`` asks for."""
    kinds = {"none": (), "media": ("video", "plot"), "models": ("video", "plot", "model")}[which]
    return [artifact for artifact in artifacts if artifact.kind in kinds]
