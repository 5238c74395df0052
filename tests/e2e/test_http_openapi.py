"""The gateway does what its OpenAPI document says, whatever is sent (promise P20)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx
import pytest
from openapi_spec_validator import validate

from ckm_stream.snapshots.tokens import Scope
from tests.e2e.conftest import Install
from tests.support.http import running_gateway

pytestmark = pytest.mark.embedded
_EXAMPLES: Final = 40
# Kept out: what a document cannot say. A cursor has a form of its own, and an event that has the
# right types may still be of the year 1970.
_TOO_STRICT: Final = "positive_data_acceptance"
_UNLIMITED: Final = {"CKM__GATEWAY__RATE_PER_S": "100000", "CKM__GATEWAY__RATE_BURST": "100000"}


@pytest.mark.timeout(240)
def test_no_request_makes_it_answer_otherwise_than_documented(
    install: Install, tmp_path: Path
) -> None:
    """Schemathesis: statuses, types and schemas of answers, and refusals, of all but the stream."""
    with running_gateway(install(), **_UNLIMITED) as gateway:
        ended = subprocess.run(
            [
                str(Path(sys.executable).parent / "st"),
                "run",
                f"{gateway.address}/v1/openapi.json",
                f"--header=Authorization: Bearer {gateway.token(Scope.READ, Scope.PUBLISH)}",
                "--checks=all",
                f"--exclude-checks={_TOO_STRICT}",
                "--exclude-path=/v1/score-updates",
                f"--max-examples={_EXAMPLES}",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        log = gateway.service.log()

    assert ended.returncode == 0, ended.stdout[-6000:]
    assert "11 passed" in ended.stdout or "Tested: 11" in ended.stdout, ended.stdout[-3000:]
    assert "gateway.failed" not in log


def test_the_document_is_valid_openapi(install: Install) -> None:
    """By the OpenAPI 3.1 schema; each operation but /v1/me's has its scopes' answers."""
    with running_gateway(install()) as gateway:
        document = httpx.get(f"{gateway.address}/v1/openapi.json").json()

    validate(document)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert {"401", "403", "429", "500", "503"} <= set(operation["responses"]), path
            assert operation["security"] == [{"token": []}], json.dumps(operation)
