package ckm.peer;

import java.nio.ByteBuffer;
import org.apache.avro.SchemaNormalization;

/**
 * What is known of one customer: events of each kind, their exponentially decayed sums, the newest
 * event time, the score announced last, and the ids of the latest events.
 *
 * <p>Ids are kept as 64-bit fingerprints: among 16 of them a false duplicate has a chance of 1e-18.
 */
final class CustomerState {
    static final double HALF_LIFE_MICROS = 90.0 * 86_400e6;
    static final double LEAST_MOVE = 0.01;
    static final int SEEN = 16;

    private static final int KINDS = Kind.values().length;
    private static final int HEAD_BYTES = KINDS * (Integer.BYTES + Double.BYTES) + 2 * Long.BYTES;
    private static final double LN_2 = Math.log(2.0);

    private final int[] counts = new int[KINDS];
    private final double[] sums = new double[KINDS];
    private final long[] seen = new long[SEEN];
    private long newestMicros;
    private double announced = Double.NaN;

    /** Adds an event; returns false, and changes nothing, if it is among the latest ones. */
    boolean apply(Touchpoint event) {
        long id = SchemaNormalization.fingerprint64(event.eventId());
        int count = count();
        for (int i = Math.min(count, SEEN) - 1; i >= 0; i--) {
            if (seen[i] == id) {
                return false;
            }
        }
        seen[count % SEEN] = id;
        int kind = event.kind().ordinal();
        double amount = 1.0;
        if (event.occurredAtMicros() > newestMicros) {
            decayAll(event.occurredAtMicros() - newestMicros);
            newestMicros = event.occurredAtMicros();
        } else {
            amount = kept(newestMicros - event.occurredAtMicros());
        }
        counts[kind]++;
        sums[kind] += amount;
        return true;
    }

    /** Events applied, of all kinds. */
    int count() {
        int count = 0;
        for (int each : counts) {
            count += each;
        }
        return count;
    }

    /** The score as of the newest event, in (0, 1). */
    double score() {
        double logit = 0.0;
        for (Kind kind : Kind.values()) {
            logit += kind.weight * sums[kind.ordinal()];
        }
        return 1.0 / (1.0 + Math.exp(-logit));
    }

    /** Says whether this score must be published, and remembers it if so. */
    boolean announce(double score) {
        if (Math.abs(score - announced) <= LEAST_MOVE) {
            return false;
        }
        announced = score; // the first time, NaN is further than anything
        return true;
    }

    byte[] toBytes() {
        int ids = Math.min(count(), SEEN);
        var bytes = ByteBuffer.allocate(HEAD_BYTES + ids * Long.BYTES);
        for (int kind = 0; kind < KINDS; kind++) {
            bytes.putInt(counts[kind]).putDouble(sums[kind]);
        }
        bytes.putLong(newestMicros).putDouble(announced);
        for (int i = 0; i < ids; i++) {
            bytes.putLong(seen[i]);
        }
        return bytes.array();
    }

    static CustomerState ofBytes(byte[] encoded) {
        var bytes = ByteBuffer.wrap(encoded);
        var state = new CustomerState();
        for (int kind = 0; kind < KINDS; kind++) {
            state.counts[kind] = bytes.getInt();
            state.sums[kind] = bytes.getDouble();
        }
        state.newestMicros = bytes.getLong();
        state.announced = bytes.getDouble();
        for (int i = 0; bytes.hasRemaining(); i++) {
            state.seen[i] = bytes.getLong();
        }
        return state;
    }

    private void decayAll(long micros) {
        double kept = kept(micros);
        for (int kind = 0; kind < KINDS; kind++) {
            sums[kind] *= kept;
        }
    }

    private static double kept(long micros) {
        return Math.exp(-LN_2 * micros / HALF_LIFE_MICROS);
    }
}
