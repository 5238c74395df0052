"""
Settings from the environment, ``CKM__GROUP__NAME``; unknown keys and bad values are errors.

Every value has a default that works for the demo. Secrets are ``SecretStr``, so that neither a
log line nor a traceback prints them.
"""

import difflib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from ckm_stream.codec.layouts import DEFAULT_LAYOUT, WRITTEN_LAYOUTS
from ckm_stream.credentials import SecuritySettings
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import ConfigurationError
from ckm_stream.pipeline.limit import DeadLetterLimits
from ckm_stream.population.weights import Comparisons

PREFIX: Final = "CKM__"
_SEPARATOR: Final = "__"
_MANUAL: Final = "see docs/configuration.md"


class Guarantee(StrEnum):
    """How steps 4 to 7 of the profile worker's protocol are made one."""

    EXACTLY_ONCE = "exactly_once"
    AT_LEAST_ONCE = "at_least_once"


class TransportKind(StrEnum):
    """``ckm``: one Faust message per fetched partition slice; ``kafka``: stock, one per record."""

    CKM = "ckm"
    KAFKA = "kafka"


class CoreKind(StrEnum):
    """``auto`` takes the compiled core where it was built; the results are equal to the byte."""

    AUTO = "auto"
    COMPILED = "compiled"
    PYTHON = "python"


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(_Group):
    """The cluster, and how to work with it."""

    bootstrap_servers: str = Field(
        default="127.0.0.1:9092", pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$"
    )
    topic_prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9.-]*$")
    partitions: int = Field(default=12, ge=1, le=1000)
    replication_factor: int = Field(default=1, ge=1, le=10)
    guarantee: Guarantee = Guarantee.EXACTLY_ONCE
    transport: TransportKind = TransportKind.CKM
    idempotence: bool = True
    profile_group: str = Field(default="ckm-profiles", min_length=1)
    snapshot_group: str = Field(default="ckm-snapshots", min_length=1)
    text_group: str = Field(default="ckm-texts", min_length=1)
    session_timeout_s: float = Field(default=6.0, gt=0)
    request_timeout_s: float = Field(default=30.0, gt=0)
    transaction_timeout_s: float = Field(default=60.0, gt=0)
    unit_s: float = Field(default=0.1, gt=0, le=10)
    fetch_max_bytes: int = Field(default=1 << 20, ge=1 << 12)
    max_poll_records: int = Field(default=2000, ge=1)
    security: SecuritySettings = SecuritySettings()

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if len({self.profile_group, self.snapshot_group, self.text_group}) < 3:  # noqa: PLR2004 -- there are three
            raise ValueError("profile_group, snapshot_group and text_group must differ")
        if self.unit_s >= self.transaction_timeout_s:
            raise ValueError("unit_s must be shorter than transaction_timeout_s")
        return self


class RegistrySettings(_Group):
    """A Confluent-compatible schema registry; without one the catalogue in ``schemas/`` is used."""

    url: str | None = Field(default=None, pattern=r"^https?://[^\s@]+$")
    username: str | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password must be given together")
        if self.username is not None and not (self.url or "").startswith("https://"):
            raise ValueError("a password is only sent to an https:// url")
        return self


def _cased(change: Callable[[str], str]) -> BeforeValidator:
    return BeforeValidator(lambda given: change(given) if isinstance(given, str) else given)


def _filled(default: Policy | Comparisons) -> BeforeValidator:
    """Fill what is given of a group with its defaults, so that one value can be set alone."""
    return BeforeValidator(partial(_complete, asdict(default)))


def _complete(default: object, given: object) -> object:
    if isinstance(default, dict) and isinstance(given, Mapping):
        return {**default, **{name: _complete(default.get(name), given[name]) for name in given}}
    if isinstance(default, tuple) and isinstance(given, str):
        return json.loads(given)
    return given


class StateSettings(_Group):
    """The bytes of states; every layout is read, this one is written."""

    layout: int = DEFAULT_LAYOUT

    @field_validator("layout")
    @classmethod
    def _is_written(cls, layout: int) -> int:
        if layout not in WRITTEN_LAYOUTS:
            raise ValueError(f"must be one of {', '.join(map(str, WRITTEN_LAYOUTS))}")
        return layout


class EpochSettings(_Group):
    """When epochs are announced and looked for, and what their weights are compared from."""

    lead_s: float = Field(default=14_400.0, gt=0)
    refresh_s: float = Field(default=30.0, gt=0)
    comparisons: Annotated[Comparisons, _filled(Comparisons())] = Comparisons()


class SilenceClock(StrEnum):
    """
    What tells how long a customer has been silent.

    ``wall``: the machine's clock. ``events``: the newest event of the customer's partition, for
    events of long ago. ``off``: nobody looks.
    """

    WALL = "wall"
    EVENTS = "events"
    OFF = "off"


class SilenceSettings(_Group):
    """Classes that change because nothing happens."""

    clock: Annotated[SilenceClock, _cased(str.lower)] = SilenceClock.WALL


class StoreSettings(_Group):
    """The relational store for snapshots; the URL may hold a password."""

    url: SecretStr = SecretStr("sqlite:///var/ckm.db")


class TextSettings(_Group):
    """What texts are read by; without a file of one's own by what comes with the package."""

    lexicon: Path | None = None
    topics: Path | None = None


class GatewaySettings(_Group):
    """Where HTTP is served, and what a request may take; limits are of each gateway alone."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8080, ge=0, le=65535)
    max_body_bytes: int = Field(default=1 << 20, ge=1 << 10, le=64 << 20)
    max_events: int = Field(default=2500, ge=1)
    rate_per_s: float = Field(default=500.0, gt=0)
    rate_burst: int = Field(default=1000, ge=1)
    header_timeout_s: float = Field(default=10.0, gt=0)
    body_timeout_s: float = Field(default=10.0, gt=0)
    ack_timeout_s: float = Field(default=10.0, gt=0)
    query_timeout_s: float = Field(default=5.0, gt=0)
    store_connections: int = Field(default=4, ge=1, le=200)
    max_connections: int = Field(default=1000, ge=1)
    max_streams: int = Field(default=100, ge=1)
    tls_certificate_file: Path | None = None
    tls_key_file: Path | None = None

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_certificate_file and tls_key_file must be given together")
        return self


class MetricsSettings(_Group):
    """Where the programs serve metrics and health; port 0 lets the system choose."""

    host: str = Field(default="127.0.0.1", min_length=1)
    profile_port: int = Field(default=9464, ge=0, le=65535)
    snapshot_port: int = Field(default=9465, ge=0, le=65535)
    text_port: int = Field(default=9466, ge=0, le=65535)
    gateway_port: int = Field(default=9467, ge=0, le=65535)


class HealthSettings(_Group):
    """After how many seconds a worker is not ready, not alive, or ended as stuck."""

    silence_s: float = Field(default=10.0, gt=0)
    loop_timeout_s: float = Field(default=30.0, ge=2)
    commit_timeout_s: float = Field(default=120.0, ge=2)


class Settings(BaseSettings):
    """All settings of all programs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=_SEPARATOR,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    registry: RegistrySettings = RegistrySettings()
    state: StateSettings = StateSettings()
    epoch: EpochSettings = EpochSettings()
    silence: SilenceSettings = SilenceSettings()
    store: StoreSettings = StoreSettings()
    text: TextSettings = TextSettings()
    dead_letters: DeadLetterLimits = DeadLetterLimits()
    gateway: GatewaySettings = GatewaySettings()
    metrics: MetricsSettings = MetricsSettings()
    health: HealthSettings = HealthSettings()
    scoring: Annotated[Policy, _filled(Policy())] = Policy()
    core: Annotated[CoreKind, _cased(str.lower)] = CoreKind.AUTO
    data_dir: Path = Path("var")
    start_patience_s: float = Field(default=30.0, ge=0)
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], _cased(str.upper)] = "INFO"

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.epoch.lead_s < 2 * self.scoring.max_future_s:
            raise ValueError("epoch.lead_s must be at least twice scoring.max_future_s")
        return self


def load_settings() -> Settings:
    """
    Read the settings from the environment.

    Raises:
        ConfigurationError: If a key is unknown or a value is out of range; the message names the
            variable and never repeats its value.
    """
    if (unknown := next(_unknown(os.environ), None)) is not None:
        raise ConfigurationError(unknown)
    try:
        return Settings()
    except (ValidationError, SettingsError) as error:
        problem = _problems_in(error)[0]
    raise ConfigurationError(problem)


def find_problems() -> list[str]:
    """Return what is wrong with the environment, a sentence for each variable; no value is told."""
    problems = list(_unknown(os.environ))
    try:
        Settings()
    except (ValidationError, SettingsError) as error:
        problems += _problems_in(error)
    return problems


def _problems_in(error: ValidationError | SettingsError) -> list[str]:
    if isinstance(error, ValidationError):
        return [
            _problem(
                _SEPARATOR.join(str(part).upper() for part in each["loc"]),
                each["msg"].removeprefix("Value error, "),
            )
            for each in error.errors(include_input=False, include_url=False)
        ]
    # The library's message is a constant but for the field's name, in quotes.
    return [_problem(str(error).split('"')[1].upper(), "a whole group has to be a JSON object")]


def _problem(name: str, reason: str) -> str:
    return f"setting {PREFIX}{name} is not valid: {reason}; {_MANUAL}"


def list_variables() -> dict[str, object]:
    """Return the name of every variable that is read, with its default."""
    return dict(_walk(PREFIX.removesuffix(_SEPARATOR), Settings.model_construct()))


def _walk(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, BaseModel):
        parts = list(type(value).model_fields)
    elif is_dataclass(value):
        parts = [each.name for each in fields(value)]
    else:
        yield name, value
        return
    for part in parts:
        yield from _walk(f"{name}{_SEPARATOR}{part.upper()}", getattr(value, part))


def _unknown(environment: Mapping[str, str]) -> Iterator[str]:
    known = list(list_variables())
    for variable in environment:
        name = variable.upper()
        group = name + _SEPARATOR
        if name.startswith(PREFIX) and not any(
            each == name or each.startswith(group) for each in known
        ):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else _MANUAL
            yield f"setting {name} is not known; {hint}"
