"""The schema source that the settings name: a registry, or the catalogue."""

from ckm_stream.codec.catalogue import Catalogue, SchemaSource
from ckm_stream.codec.registry import RegistryClient, RegistrySchemas, register_all
from ckm_stream.settings import RegistrySettings, Settings


def open_schemas(settings: Settings) -> SchemaSource:
    """
    Return where schema ids come from: the registry if CKM__REGISTRY__URL is set.

    Raises:
        ConfigurationError: If the catalogue or the registry's address is not valid.
    """
    catalogue = Catalogue.load()
    if settings.registry.url is None:
        return catalogue
    client = _client(settings.registry, settings.registry.url)
    return RegistrySchemas(client, catalogue, prefix=settings.kafka.topic_prefix)


def register_schemas(settings: Settings) -> list[tuple[str, int]]:
    """
    Register all schemas if CKM__REGISTRY__URL is set; return (subject, id) of each.

    Raises:
        ConfigurationError: If the registry refuses one.
        TransientError: If the registry cannot be asked.
    """
    if settings.registry.url is None:
        return []
    client = _client(settings.registry, settings.registry.url)
    return list(register_all(client, Catalogue.load(), prefix=settings.kafka.topic_prefix))


def _client(registry: RegistrySettings, url: str) -> RegistryClient:
    password = registry.password
    return RegistryClient(
        url,
        username=registry.username,
        password=None if password is None else password.get_secret_value(),
    )
