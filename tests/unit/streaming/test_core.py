"""The application core of a worker: where keys belong, and which of its two forms runs."""

from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner

from ckm_stream import native
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import ConfigurationError
from ckm_stream.pipeline import fold
from ckm_stream.pipeline.unit import Unit
from ckm_stream.settings import CoreKind, KafkaSettings, Settings
from ckm_stream.streaming.core import new_core
from tests.support.units import TOPICS

ZERO = epoch_zero(Policy())
LOOKED_UP: Any = {"load": lambda *_: None, "epoch_at": lambda _: ZERO}


def test_keys_belong_where_kafkas_clients_put_them() -> None:
    """Murmur2, as in the Java client and aiokafka: a forwarded event must meet its key there."""
    settings = Settings(kafka=KafkaSettings(partitions=12))
    core, _ = new_core(settings, TOPICS, **LOOKED_UP)
    every = list(range(12))

    for number in range(200):
        key = f"customer-{number}".encode()
        assert core.partition_of(key) == DefaultPartitioner()(key, every, every)


def test_the_python_core_can_be_chosen() -> None:
    """It needs nothing built."""
    core, unit = new_core(Settings(core=CoreKind.PYTHON), TOPICS, **LOOKED_UP)

    assert unit is Unit
    assert {type(each) for each in core.folds.values()} == {fold.ProfileFold, fold.EmployeeFold}


def test_what_was_built_is_taken_if_nothing_is_chosen() -> None:
    """Else the Python core runs: the effects are the same to the byte."""
    _, unit = new_core(Settings(), TOPICS, **LOOKED_UP)

    assert (unit is not Unit) == native.is_built()


def test_a_compiled_core_that_was_not_built_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for it gets a sentence with the remedy, not the slower one in silence."""
    monkeypatch.setattr(native, "is_built", lambda: False)

    with pytest.raises(ConfigurationError, match="C compiler"):
        new_core(Settings(core=CoreKind.COMPILED), TOPICS, **LOOKED_UP)
