"""The shape of ``metadata.json``: what whoever reads it may rely on, also in one that somebody else wrote."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from rlx.config import from_dvc
from rlx.errors import DataDamaged

FORMAT = 1
Whole = Annotated[int, Field(ge=0, lt=2**63)]
Amount = Annotated[FiniteFloat, Field(ge=0.0, lt=1e12)]


def _moment(text: str) -> str:
    datetime.fromisoformat(text).timestamp()
    return text


Moment = Annotated[str, AfterValidator(_moment)]


class _Part(BaseModel):
    """A part of it; what newer versions add is nobody's here."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _Failure(_Part):
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z-]{1,30}$")]
    step: Whole
    what: str | None = None
    value: str | None = None


class _Engine(_Part):
    name: str
    reason: str
    portable: bool = False


class _Seed(_Part):
    seed: Whole
    status: Literal["finished", "failed", "stopped", "running"]
    steps: Whole | None = None
    seconds: Amount | None = None
    error: str | None = None
    failure: _Failure | None = None
    planned: Whole | None = None
    spent: dict[str, Amount] | None = None


class _Process(_Part):
    host: str
    pid: Annotated[int, Field(gt=0, lt=2**31)]
    started: Amount | None = None


class _Git(_Part):
    commit: str | None = None
    dirty: list[str] | None = None


class _Cost(_Part):
    environment_steps: Whole
    training_seconds_all_seeds: Amount
    training_seconds_by_part: dict[str, Amount] | None = None


class _Host(_Part):
    name: str | None = None
    processor: str | None = None


class _Metadata(_Part):
    format: Annotated[int, Field(ge=1, le=FORMAT)] = FORMAT
    status: Literal["running", "finished", "failed", "stopped"]
    snapshot: str | None = None
    seeds: list[_Seed]
    seeds_wanted: list[Whole]
    environment: str | None = None
    algorithm: str | None = None
    process: _Process | None = None
    engine: _Engine | None = None
    git: _Git | None = None
    cost: _Cost | None = None
    versions: dict[str, str | None] | None = None
    host: _Host | None = None
    started: Moment | None = None
    ended: Moment | None = None
    seconds: Amount | None = None

    @model_validator(mode="after")
    def _each_once(self) -> _Metadata:
        known = [seed.seed for seed in self.seeds]
        if len(set(known)) < len(known) or len(set(self.seeds_wanted)) < len(self.seeds_wanted):
            raise ValueError("a seed stands there twice")
        finished = {seed.seed for seed in self.seeds if seed.status == "finished"}
        if self.status == "finished" and not set(self.seeds_wanted) <= finished:
            raise ValueError("it says finished, and not all of its seeds are")
        return self


def check_metadata(content: Any) -> None:
    """Check the content of a ``metadata.json``.

    Raises:
        ValueError: Something is missing or of another kind: the file is half a file, or not of rlx.
    """
    try:
        _Metadata.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from None


def not_metadata(path: Path, error: Exception) -> DataDamaged:
    """Return what to raise of a file that is no ``metadata.json``."""
    return DataDamaged(f"{path}: is not run metadata ({str(error)[:120]}); {from_dvc(path, path.parent.name)}")
