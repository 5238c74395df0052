"""Manifests that several tests of the Helm chart look at."""

import pytest

from tests.support.charts import VALUES
from tests.support.deployment import Document, render


@pytest.fixture(scope="session", params=list(VALUES))
def manifests(request: pytest.FixtureRequest) -> list[Document]:
    """Give the manifests of the defaults, and those with everything turned on."""
    return render(VALUES[request.param])
