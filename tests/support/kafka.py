"""Real Apache Kafka for tests, on ports that no other test has been given."""

from bench import kafka
from tests.support.ports import new_port


class KafkaServer(kafka.KafkaServer):
    """A broker as benchmarks have it."""

    choose_port = staticmethod(new_port)
