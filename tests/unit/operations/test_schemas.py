"""Which schema source the settings name."""

import pytest

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.registry import RegistrySchemas
from ckm_stream.errors import TransientError
from ckm_stream.operations.schemas import open_schemas, register_schemas
from ckm_stream.settings import RegistrySettings, Settings


def test_catalogue_serves_without_a_registry() -> None:
    """With nothing set, ids are the catalogue's and nothing is registered."""
    assert isinstance(open_schemas(Settings()), Catalogue)
    assert register_schemas(Settings()) == []


@pytest.mark.parametrize("username", [None, "user"])
def test_registry_serves_where_one_is_set(username: str | None) -> None:
    """With CKM__REGISTRY__URL, ids are the registry's; opening it asks nothing yet."""
    password = None if username is None else "word"
    registry = RegistrySettings.model_validate(
        {"url": "https://127.0.0.1:1", "username": username, "password": password}
    )

    assert isinstance(open_schemas(Settings(registry=registry)), RegistrySchemas)
    with pytest.raises(TransientError, match="CKM__REGISTRY__URL"):
        register_schemas(Settings(registry=registry))
