package ckm.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class CustomerStateTest {
    private static final long HALF_LIFE = (long) CustomerState.HALF_LIFE_MICROS;
    private static final long START = 1_700_000_000_000_000L;

    private final CustomerState state = new CustomerState();

    @Test
    void aScoreIsTheLogisticFunctionOfTheDecayedWeightedSums() {
        state.apply(event(Kind.PURCHASE, "a", START));
        state.apply(event(Kind.TICKET, "b", START + HALF_LIFE));

        double logit = Kind.PURCHASE.weight * 0.5 + Kind.TICKET.weight;
        assertEquals(1.0 / (1.0 + Math.exp(-logit)), state.score(), 1e-15);
    }

    @Test
    void theOrderOfEventsDoesNotMatterToTheScore() {
        state.apply(event(Kind.CALL, "a", START));
        state.apply(event(Kind.FEEDBACK, "b", START + HALF_LIFE / 3));
        var other = new CustomerState();
        other.apply(event(Kind.FEEDBACK, "b", START + HALF_LIFE / 3));
        other.apply(event(Kind.CALL, "a", START));

        assertEquals(state.score(), other.score(), 1e-15);
    }

    @Test
    void anEventAmongTheSixteenLatestIsADuplicateAndAnOlderOneIsNot() {
        for (int i = 0; i <= CustomerState.SEEN; i++) {
            assertTrue(state.apply(event(Kind.CALL, "event-" + i, START + i)));
        }
        byte[] before = state.toBytes();

        assertFalse(state.apply(event(Kind.CALL, "event-1", START)));

        assertArrayEquals(before, state.toBytes());
        assertTrue(state.apply(event(Kind.CALL, "event-0", START)));
    }

    @Test
    void aScoreIsAnnouncedTheFirstTimeAndWhenItHasMoved() {
        assertTrue(state.announce(0.5));
        assertFalse(state.announce(0.509));
        assertTrue(state.announce(0.511));
        assertFalse(state.announce(0.502));
    }

    @Test
    void aStateSurvivesItsBytes() {
        for (int i = 0; i < 20; i++) {
            state.apply(event(Kind.values()[i % 4], "event-" + i, START + i * HALF_LIFE / 7));
        }
        state.announce(state.score());

        var read = CustomerState.ofBytes(state.toBytes());

        assertArrayEquals(state.toBytes(), read.toBytes());
        assertEquals(state.score(), read.score());
        assertEquals(20, read.count());
        assertFalse(read.apply(event(Kind.CALL, "event-19", START)));
    }

    private static Touchpoint event(Kind kind, String id, long micros) {
        return new Touchpoint(kind, id.getBytes(StandardCharsets.UTF_8), micros);
    }
}
