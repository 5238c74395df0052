package ckm.peer;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.streams.StreamsConfig;

/** What the environment says; bench/peers/README.md has the names. */
record Settings(
        String bootstrap,
        String prefix,
        String application,
        String guarantee,
        boolean caching,
        Path schemas,
        Path stateDir,
        String output,
        String properties) {

    static Settings of(Map<String, String> environment) {
        return new Settings(
                required(environment, "PEER_BOOTSTRAP"),
                environment.getOrDefault("PEER_PREFIX", ""),
                required(environment, "PEER_APPLICATION"),
                switch (choice(environment, "PEER_GUARANTEE", "at_least_once", "exactly_once")) {
                    case "exactly_once" -> StreamsConfig.EXACTLY_ONCE_V2;
                    default -> StreamsConfig.AT_LEAST_ONCE;
                },
                choice(environment, "PEER_CACHING", "on", "off").equals("on"),
                Path.of(required(environment, "PEER_SCHEMAS")),
                Path.of(required(environment, "PEER_STATE_DIR")),
                required(environment, "PEER_OUTPUT"),
                environment.getOrDefault("PEER_PROPERTIES", ""));
    }

    /** Everything else keeps its default. */
    Properties streams() throws IOException {
        var config = new Properties();
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
        config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        config.put(StreamsConfig.STATE_DIR_CONFIG, stateDir.toString());
        config.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedMemory.class);
        config.put(
                StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        if (!caching) {
            config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0L);
        }
        config.load(new StringReader(properties));
        return config;
    }

    private static String required(Map<String, String> environment, String name) {
        String value = environment.get(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalArgumentException(name + " is not set");
        }
        return value;
    }

    private static String choice(
            Map<String, String> environment, String name, String usual, String other) {
        String value = environment.getOrDefault(name, usual);
        if (!value.equals(usual) && !value.equals(other)) {
            throw new IllegalArgumentException(
                    name + " must be " + usual + " or " + other + ", not " + value);
        }
        return value;
    }
}
