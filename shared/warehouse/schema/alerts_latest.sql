-- One row per payment, the first alert raised: rows of the table are at-least-once.
-- event_time belongs to the window's partition so that a filter on it still prunes the table's partitions.
SELECT *, CAST(amount_centavos AS NUMERIC) / 100 AS amount_brl
FROM `${dataset}.alerts`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY end_to_end_id, event_time ORDER BY raised_at) = 1
