package ckm.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JobTest {
    private static final Path SCHEMAS = Path.of("..", "..", "..", "schemas", "avro");
    private static final String PREFIX = "test.";
    private static final long START = 1_700_000_000_000_000L;
    private static final long DAY = 86_400_000_000L;

    private final AtomicLong events = new AtomicLong();
    private final Map<Kind, TestInputTopic<byte[], byte[]>> inputs = new HashMap<>();
    private TopologyTestDriver driver;
    private TestOutputTopic<byte[], byte[]> updates;

    @BeforeEach
    void start(@TempDir Path folder) throws IOException {
        var settings =
                Settings.of(
                        Map.of(
                                "PEER_BOOTSTRAP", "nowhere:9092",
                                "PEER_PREFIX", PREFIX,
                                "PEER_APPLICATION", "test",
                                "PEER_SCHEMAS", SCHEMAS.toString(),
                                "PEER_STATE_DIR", folder.toString(),
                                "PEER_OUTPUT", "updates"));
        driver = new TopologyTestDriver(Job.topology(settings, events), settings.streams());
        for (Kind kind : Kind.values()) {
            inputs.put(
                    kind,
                    driver.createInputTopic(
                            kind.topic(PREFIX),
                            new ByteArraySerializer(),
                            new ByteArraySerializer()));
        }
        updates =
                driver.createOutputTopic(
                        "updates", new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    @AfterEach
    void stop() {
        driver.close();
    }

    @Test
    void theFirstEventOfACustomerIsAnnouncedWhateverItsKind() throws IOException {
        for (Kind kind : Kind.values()) {
            send(kind, "customer-" + kind, "event-" + kind, START);
        }

        List<KeyValue<byte[], byte[]>> all = updates.readKeyValuesToList();

        assertEquals(4, all.size());
        for (Kind kind : Kind.values()) {
            KeyValue<byte[], byte[]> update = all.get(kind.ordinal());
            var value = ByteBuffer.wrap(update.value);
            assertEquals("customer-" + kind, text(update.key));
            assertEquals(1.0 / (1.0 + Math.exp(-kind.weight)), value.getDouble());
            assertEquals(1, value.getInt());
            assertEquals("event-" + kind, StandardCharsets.UTF_8.decode(value.slice()).toString());
        }
        assertEquals(4, events.get());
    }

    @Test
    void anEventIsAnnouncedOnlyIfItMovesTheScore() throws IOException {
        send(Kind.PURCHASE, "customer", "event-0", START);
        send(Kind.CALL, "customer", "event-1", START + DAY); // moves it by 0.005
        send(Kind.PURCHASE, "customer", "event-2", START + 2 * DAY);

        List<byte[]> all = updates.readValuesToList();

        assertEquals(2, all.size());
        assertEquals(3, ByteBuffer.wrap(all.get(1)).getInt(Double.BYTES));
    }

    @Test
    void aDuplicateIsCountedAsAnEventAndChangesNothing() throws IOException {
        for (int i = 0; i < 10; i++) {
            send(Kind.PURCHASE, "customer", "event", START);
        }

        assertEquals(1, updates.readValuesToList().size());
        assertEquals(10, events.get());
        CustomerState state = state("customer");
        assertEquals(1, state.count());
    }

    @Test
    void allKindsOfACustomerShareOneState() throws IOException {
        for (Kind kind : Kind.values()) {
            send(kind, "customer", "event-" + kind, START);
        }

        assertEquals(4, state("customer").count());
        assertTrue(state("customer").score() > 0.5);
    }

    private CustomerState state(String customer) {
        return driver.<byte[], CustomerState>getKeyValueStore(ScoreProcessor.STORE)
                .get(customer.getBytes(StandardCharsets.UTF_8));
    }

    private void send(Kind kind, String customer, String id, long micros) throws IOException {
        Schema schema =
                new Schema.Parser()
                        .parse(SCHEMAS.resolve(kind.schemaStem() + ".v1.avsc").toFile());
        var record = new GenericData.Record(schema);
        for (Schema.Field field : schema.getFields()) {
            record.put(field.pos(), filled(field));
        }
        record.put("event_id", id);
        record.put("customer_id", customer);
        record.put("occurred_at", micros);
        var bytes = new ByteArrayOutputStream();
        bytes.write(new byte[] {0, 0, 0, 0, 1});
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        new GenericDatumWriter<GenericRecord>(schema).write(record, encoder);
        encoder.flush();
        inputs.get(kind)
                .pipeInput(
                        customer.getBytes(StandardCharsets.UTF_8),
                        bytes.toByteArray(),
                        micros / 1000);
    }

    private static Object filled(Schema.Field field) {
        if (field.hasDefaultValue()) {
            return GenericData.get().getDefaultValue(field);
        }
        return switch (field.schema().getType()) {
            case STRING -> "text";
            case LONG -> 1L;
            case ENUM ->
                    new GenericData.EnumSymbol(
                            field.schema(), field.schema().getEnumSymbols().get(0));
            default -> throw new IllegalStateException(field.name());
        };
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
