package ckm.peer;

import java.util.ArrayList;
import java.util.List;

/** The four kinds of touchpoints; the order is part of the state's layout. */
enum Kind {
    CALL("call", 0.02),
    TICKET("ticket", -0.03),
    PURCHASE("purchase", 0.05),
    FEEDBACK("feedback", 0.04);

    /** What one undecayed event adds to the logit of the score. */
    final double weight;

    private final String name;

    Kind(String name, double weight) {
        this.name = name;
        this.weight = weight;
    }

    String topic(String prefix) {
        return prefix + "ckm.touchpoint." + name + ".v1";
    }

    /** Schema files are called {@code <stem>.v<version>.avsc}. */
    String schemaStem() {
        return "touchpoint_" + name;
    }

    static List<String> topics(String prefix) {
        var topics = new ArrayList<String>();
        for (Kind kind : values()) {
            topics.add(kind.topic(prefix));
        }
        return topics;
    }
}
