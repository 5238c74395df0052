"""
Publishing touchpoint events: the client for channels, files, simulation and the demo's data.

    from ckm_stream.publishing import Publisher
    from ckm_stream.settings import load_settings

    with Publisher.from_settings(load_settings()) as publisher:
        publisher.publish(event)
"""

from ckm_stream.publishing.client import Publisher
from ckm_stream.publishing.producer import PublisherOptions

__all__ = ["Publisher", "PublisherOptions"]
