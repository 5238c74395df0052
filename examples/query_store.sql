-- Questions to the store of ckm-stream; docs/integrate/analysts.md explains them.
-- Each works on SQLite and PostgreSQL, unless its name says for which it is.

-- name: key_sources
-- The best to listen to first, and how to work with them.
SELECT place, customer_id, total, engagement, lead_user, simulated
FROM key_source
ORDER BY place, customer_id
LIMIT 20;

-- name: class_sizes
-- How many customers each class has, and their mean total.
SELECT source_class, customers, mean_total
FROM class_size
ORDER BY customers DESC, source_class;

-- name: why
-- Why the customer with the greatest total has it; the contributions add up to
-- ln(total) - ln(reference_total).
SELECT newest.customer_id, newest.total, newest.reference_total,
    factor.indicator, factor.value, factor.normalised, factor.weight, factor.contribution,
    factor.n_eff, factor.newest_event_id
FROM current_score AS newest
JOIN score_factor AS factor
    ON factor.customer_id = newest.customer_id AND factor.version = newest.version
    AND factor.as_of = newest.as_of AND factor.epoch_id = newest.epoch_id
WHERE newest.customer_id = (
    SELECT customer_id FROM current_score ORDER BY total DESC, customer_id LIMIT 1
)
ORDER BY abs(factor.contribution) DESC, factor.place;

-- name: class_moves
-- Which classes customers left for which, and how often.
SELECT previous_class, source_class, count(*) AS changes
FROM class_history
WHERE previous_class IS NOT NULL
GROUP BY previous_class, source_class
ORDER BY changes DESC, previous_class, source_class;

-- name: totals_over_time
-- One customer's announced scores, oldest first.
SELECT version, as_of, total, value, willingness, absorption, source_class, reason
FROM score
WHERE customer_id = (
    SELECT customer_id FROM current_score ORDER BY version DESC, customer_id LIMIT 1
)
ORDER BY version, as_of, epoch_id;

-- name: adopted_by_class
-- What each class of customers tells, and how much of it was put to use. A matter (subject_id) has
-- an item for each stage that it reached.
SELECT newest.source_class,
    count(DISTINCT item.subject_id) AS matters,
    count(DISTINCT CASE WHEN item.stage IN ('ADOPTED', 'IMPLEMENTED') THEN item.subject_id END)
        AS adopted
FROM knowledge_item AS item
JOIN current_score AS newest ON newest.customer_id = item.customer_id
WHERE item.section = 'FROM'
GROUP BY newest.source_class
ORDER BY matters DESC, newest.source_class;

-- name: where_absorption_is_weak
-- Where the company takes up least, over all customers: each indicator's mean, 0 to 1.
SELECT factor.indicator, avg(factor.normalised) AS mean_normalised, avg(factor.n_eff) AS mean_n_eff
FROM current_score AS newest
JOIN score_factor AS factor
    ON factor.customer_id = newest.customer_id AND factor.version = newest.version
    AND factor.as_of = newest.as_of AND factor.epoch_id = newest.epoch_id
WHERE factor.indicator IN ('A1', 'A2', 'A3', 'A4')
GROUP BY factor.indicator
ORDER BY mean_normalised, factor.indicator;

-- name: notes_of_employees
-- Who writes usable notes; counts decay, and a rate of few contacts stays near the mean.
SELECT employee_id, handled, noted, note_rate
FROM employee
WHERE handled >= 1
ORDER BY note_rate DESC, employee_id
LIMIT 20;

-- name: topics_sqlite
-- What customers talk about.
SELECT topic.value AS topic, count(*) AS items
FROM knowledge_item AS item, json_each(item.topics) AS topic
WHERE item.section = 'FROM'
GROUP BY topic.value
ORDER BY items DESC, topic;

-- name: topics_postgresql
-- What customers talk about.
SELECT topic.value AS topic, count(*) AS items
FROM knowledge_item AS item, jsonb_array_elements_text(item.topics) AS topic (value)
WHERE item.section = 'FROM'
GROUP BY topic.value
ORDER BY items DESC, topic COLLATE "C";

-- name: freshness
-- Up to when the store knows each topic: the records that it has taken in, over all partitions.
SELECT topic, sum(next_offset) AS records
FROM sink_progress
GROUP BY topic
ORDER BY topic;
