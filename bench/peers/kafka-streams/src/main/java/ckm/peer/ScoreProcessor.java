package ckm.peer;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Applies each event to its customer's state and forwards an update when the score has moved.
 *
 * <p>An update is keyed by customer: the score as a double, the number of events as an integer, and
 * the id of the event that moved it.
 */
final class ScoreProcessor implements Processor<byte[], Touchpoint, byte[], byte[]> {
    static final String STORE = "customers";

    private final AtomicLong events;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], CustomerState> customers;

    ScoreProcessor(AtomicLong events) {
        this.events = events;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        this.customers = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<byte[], Touchpoint> record) {
        Touchpoint event = record.value();
        CustomerState state = customers.get(record.key());
        if (state == null) {
            state = new CustomerState();
        }
        if (state.apply(event)) {
            double score = state.score();
            if (state.announce(score)) {
                context.forward(record.withValue(update(state, score, event)));
            }
            customers.put(record.key(), state);
        }
        events.lazySet(events.getPlain() + 1); // one stream thread writes it
    }

    private static byte[] update(CustomerState state, double score, Touchpoint event) {
        byte[] id = event.eventId();
        return ByteBuffer.allocate(Double.BYTES + Integer.BYTES + id.length)
                .putDouble(score)
                .putInt(state.count())
                .put(id)
                .array();
    }
}
