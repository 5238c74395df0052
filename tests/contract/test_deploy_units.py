"""The units of systemd: it takes them, finds them well shut, and starts again what may be."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from ckm_stream.errors import ConfigurationError, DeadLetterLimitError
from tests.support.deployment import UNITS, Unit
from tests.support.tools import tool

#: What `systemd-analyze security` may find exposed at most, of 10; 1.2 was found.
_EXPOSURE: Final = 1.5
_WORKER_DRAIN_S: Final = 10
_LONG_RUNNING: Final = [path for path in UNITS if path.name != "ckm-prepare.service"]
#: The options that differ between the units; all others are the same in each.
_OWN: Final = {
    *("Description", "ExecStart", "MemoryMax", "TasksMax", "Environment"),
    *("StateDirectory", "WorkingDirectory"),
    *("Type", "TimeoutStartSec"),
}


def names(path: Path) -> str:
    """Return the name of a unit's file, for the test's."""
    return path.name


def verified(
    path: Path, folder: Path, *changes: tuple[str, str]
) -> subprocess.CompletedProcess[str]:
    """Let systemd read a copy of a unit, whose program is one that is on this machine."""
    text = path.read_text().replace("/opt/ckm/bin/ckm", str(Path(sys.executable).with_name("ckm")))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    copy = folder / path.name
    copy.write_text(text)
    command = [tool("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", str(copy)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", UNITS, ids=names)
def test_systemd_takes_it(path: Path, tmp_path: Path) -> None:
    """Without a word."""
    checked = verified(path, tmp_path)

    assert (checked.stderr, checked.returncode) == ("", 0)


def test_control_systemd_would_complain_of_what_it_does_not_know(tmp_path: Path) -> None:
    """Such as an option with a slip of the pen."""
    checked = verified(UNITS[0], tmp_path, ("ProtectSystem=", "ProtectSystm="))

    assert "ProtectSystm" in checked.stderr


@pytest.mark.parametrize("path", UNITS, ids=names)
def test_it_is_well_shut(path: Path) -> None:
    """As systemd itself counts what a program may do."""
    assert exposure(path) <= _EXPOSURE


def test_control_a_unit_without_its_locks_would_be_noticed(tmp_path: Path) -> None:
    """Three options less, and it is too open."""
    path = tmp_path / UNITS[0].name
    kept = [
        line
        for line in UNITS[0].read_text().splitlines()
        if not line.startswith(("SystemCallFilter", "CapabilityBoundingSet", "PrivateUsers"))
    ]
    path.write_text("\n".join(kept))

    assert exposure(path) > _EXPOSURE


@pytest.mark.parametrize("path", UNITS, ids=names)
def test_all_are_shut_alike(path: Path) -> None:
    """Whatever is not about the program itself is the same in each, so none falls behind."""
    lasting = {"Restart", "RestartSec", "RestartPreventExitStatus", "TimeoutStopSec", "KillSignal"}
    lasting |= {"OOMPolicy", "LimitNOFILE", "StartLimitIntervalSec", "WantedBy"}
    model, unit = Unit(UNITS[-1]), Unit(path)

    def common(of: Unit) -> list[tuple[str, str]]:
        return [(name, value) for _, name, value in of.options if name not in _OWN | lasting]

    assert len(common(model)) > 25
    assert common(unit) == common(model)


@pytest.mark.parametrize("path", _LONG_RUNNING, ids=names)
def test_it_is_started_again_unless_somebody_has_to_change_something_first(path: Path) -> None:
    """Exit codes 2 and 3; and it is tried for ever, with time to drain."""
    unit = Unit(path)
    final = {str(ConfigurationError.exit_code), str(DeadLetterLimitError.exit_code)}

    assert unit.values("Restart") == ["on-failure"]
    assert set(unit.values("RestartPreventExitStatus")[0].split()) == final
    assert unit.values("StartLimitIntervalSec") == ["0"]
    assert int(unit.values("TimeoutStopSec")[0]) > _WORKER_DRAIN_S


def test_several_workers_of_one_machine_share_neither_port_nor_folder() -> None:
    """The instance is both."""
    unit = Unit(next(path for path in UNITS if "@" in path.name))

    assert "CKM__METRICS__PROFILE_PORT=%i" in unit.values("Environment")
    assert unit.values("StateDirectory") == ["ckm/worker-%i"]


@pytest.mark.parametrize("path", UNITS, ids=names)
def test_it_writes_where_it_may(path: Path) -> None:
    """Its data folder is its state folder, the only one that is not read-only."""
    unit = Unit(path)
    (state,) = unit.values("StateDirectory")

    assert f"CKM__DATA_DIR=%S/{state}" in unit.values("Environment")
    assert unit.values("ProtectSystem") == ["strict"]
    assert not unit.values("ReadWritePaths")


def exposure(path: Path) -> float:
    """Return what `systemd-analyze security` finds exposed, of 10."""
    # As JSON it lists the parts alone; the sum is in its last line of prose.
    command = [tool("systemd-analyze"), "security", "--offline=true", "--no-pager"]
    checked = subprocess.run(
        [*command, "--threshold=100", str(path)], capture_output=True, text=True, check=False
    )
    *_, last = (checked.stdout + checked.stderr).strip().splitlines()
    return float(last.split(":")[1].split()[0])
