package ckm.peer;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

/** The topology: four touchpoint topics, one store with a changelog, one topic of updates. */
final class Job {
    private Job() {}

    /** Builds it; each processed event counts up in {@code events}. */
    static Topology topology(Settings settings, AtomicLong events) throws IOException {
        Serde<CustomerState> states =
                Serdes.serdeFrom(
                        (topic, state) -> state == null ? null : state.toBytes(),
                        (topic, bytes) -> bytes == null ? null : CustomerState.ofBytes(bytes));
        Serde<Touchpoint> touchpoints =
                Serdes.serdeFrom(
                        (topic, event) -> {
                            throw new UnsupportedOperationException("touchpoints are only read");
                        },
                        new TouchpointDeserializer(settings.prefix(), settings.schemas()));
        var store =
                Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(ScoreProcessor.STORE),
                        Serdes.ByteArray(),
                        states);
        var builder = new StreamsBuilder();
        builder.addStateStore(
                settings.caching() ? store.withCachingEnabled() : store.withCachingDisabled());
        builder.stream(
                        Kind.topics(settings.prefix()),
                        Consumed.with(Serdes.ByteArray(), touchpoints))
                .process(() -> new ScoreProcessor(events), ScoreProcessor.STORE)
                .to(settings.output(), Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        return builder.build();
    }
}
