"""The operating system's tools that some tests use."""

import os
import shutil

import pytest


def tool(name: str) -> str:
    """Return the path of a tool; where there is none the test is skipped, but CI must have it."""
    path = shutil.which(name)
    if path is None and not os.environ.get("CI"):
        pytest.skip(f"{name} is not installed")
    assert path is not None, f"{name} is missing; .ci/run has the name of its Debian package"
    return path
