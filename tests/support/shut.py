"""
Running a program as shut as its container or unit would have it, as far as a test can.

In a mount namespace of its own the root file system is read-only but for one folder; it has no
capability, cannot gain one, and gets no memory that is written and executed. What needs a container
engine or systemd (other users, the filter of system calls, the network) is left out.
"""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

# As MemoryDenyWriteExecute= of systemd: PR_SET_MDWE, of Linux 6.3, which an exec keeps.
_NO_NEW_CODE: Final = (
    "import ctypes, os, sys; "
    "ctypes.CDLL(None).prctl(65, 1, 0, 0, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
_MOUNT: Final = (
    'mount --bind "$1" "$1" && cd "$1" && mount -o remount,bind,ro / && shift && exec "$@"'
)


def shut(folder: Path) -> list[str]:
    """Return what to put before a command that may write to *folder* alone."""
    if not can_shut():
        return []
    namespace = ["unshare", "--mount", "sh", "-c", _MOUNT, "sh", str(folder)]
    privileges = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    return [*namespace, *privileges, sys.executable, "-c", _NO_NEW_CODE]


@cache
def can_shut() -> bool:
    """Tell whether this process may make mounts of its own, which takes root."""
    if os.geteuid() != 0:
        return False
    command = ["unshare", "--mount", "mount", "-o", "remount,bind,ro", "/"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
