-- One row per payment: rows of the table are at-least-once and there is exactly one decision per EndToEndId.
-- event_time belongs to the window's partition so that a filter on it still prunes the table's partitions.
SELECT *, CAST(amount_centavos AS NUMERIC) / 100 AS amount_brl
FROM `${dataset}.decisions`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY end_to_end_id, event_time ORDER BY decided_at) = 1
