package ckm.peer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.util.Utf8;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;

/**
 * Reads the touchpoints of all four topics, each by its newest schema.
 *
 * <p>The reader's schema names the two fields that the job uses, so that Avro skips the others; the
 * decoder and the record are used again. One thread only.
 */
final class TouchpointDeserializer implements Deserializer<Touchpoint> {
    /** Confluent's frame: a zero, and the schema's id as a big-endian integer. */
    private static final int FRAME_BYTES = 5;

    private final Map<String, Source> sources = new HashMap<>();
    private BinaryDecoder decoder;

    private static final class Source {
        final Kind kind;
        final GenericDatumReader<GenericRecord> reader;
        GenericRecord record;

        Source(Kind kind, Schema written) {
            this.kind = kind;
            Schema used =
                    SchemaBuilder.record(written.getName())
                            .namespace(written.getNamespace())
                            .fields()
                            .name("event_id").type(written.getField("event_id").schema()).noDefault()
                            .name("occurred_at").type(Schema.create(Schema.Type.LONG)).noDefault()
                            .endRecord();
            // Data of its own: no conversions of logical types.
            this.reader = new GenericDatumReader<>(written, used, new GenericData());
        }
    }

    TouchpointDeserializer(String prefix, Path schemas) throws IOException {
        for (Kind kind : Kind.values()) {
            sources.put(kind.topic(prefix), new Source(kind, newest(schemas, kind)));
        }
    }

    @Override
    public Touchpoint deserialize(String topic, byte[] data) {
        if (data.length < FRAME_BYTES || data[0] != 0) {
            throw new SerializationException("a value of " + topic + " is not framed");
        }
        Source source = sources.get(topic);
        decoder =
                DecoderFactory.get()
                        .binaryDecoder(data, FRAME_BYTES, data.length - FRAME_BYTES, decoder);
        try {
            source.record = source.reader.read(source.record, decoder);
        } catch (IOException error) {
            throw new SerializationException("a value of " + topic + " is cut short", error);
        }
        Utf8 eventId = (Utf8) source.record.get(0);
        return new Touchpoint(
                source.kind,
                Arrays.copyOf(eventId.getBytes(), eventId.getByteLength()),
                (Long) source.record.get(1));
    }

    private static Schema newest(Path schemas, Kind kind) throws IOException {
        try (Stream<Path> files = Files.list(schemas)) {
            Path newest =
                    files.filter(file -> version(file, kind) > 0)
                            .max(Comparator.comparingInt(file -> version(file, kind)))
                            .orElseThrow(
                                    () ->
                                            new IllegalArgumentException(
                                                    "no schema of "
                                                            + kind.schemaStem()
                                                            + " in "
                                                            + schemas));
            return new Schema.Parser().parse(newest.toFile());
        }
    }

    private static int version(Path file, Kind kind) {
        String name = file.getFileName().toString();
        String start = kind.schemaStem() + ".v";
        return name.startsWith(start) && name.endsWith(".avsc")
                ? Integer.parseInt(name.substring(start.length(), name.length() - ".avsc".length()))
                : 0;
    }
}
