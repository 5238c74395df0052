package ckm.peer;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** Runs the job until SIGTERM, saying every 250 ms how many events it has processed. */
public final class Main {
    private static final long SAY_EVERY_MS = 250;
    private static final Duration STOP_WITHIN = Duration.ofSeconds(20);

    private Main() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Settings settings;
        try {
            settings = Settings.of(System.getenv());
        } catch (IllegalArgumentException error) {
            System.err.println(error.getMessage());
            System.exit(2);
            return;
        }
        var events = new AtomicLong();
        var ended = new CountDownLatch(1);
        var streams = new KafkaStreams(Job.topology(settings, events), settings.streams());
        streams.setUncaughtExceptionHandler(
                error -> StreamThreadExceptionResponse.SHUTDOWN_CLIENT);
        streams.setStateListener(
                (now, before) -> {
                    if (now == KafkaStreams.State.ERROR || now == KafkaStreams.State.NOT_RUNNING) {
                        ended.countDown();
                    }
                });
        Runtime.getRuntime()
                .addShutdownHook(
                        new Thread(
                                () -> {
                                    streams.close(STOP_WITHIN);
                                    say(events);
                                }));
        streams.start();
        do {
            say(events);
        } while (!ended.await(SAY_EVERY_MS, TimeUnit.MILLISECONDS));
        if (streams.state() == KafkaStreams.State.ERROR) {
            System.exit(1); // the log on stderr says why
        }
    }

    private static void say(AtomicLong events) {
        System.out.println("events " + events.get());
        System.out.flush();
    }
}
