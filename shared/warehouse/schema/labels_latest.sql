-- One row per payment, the newest label: a payment may be labelled several times.
-- event_time belongs to the window's partition so that a filter on it still prunes the table's partitions.
SELECT *, CAST(amount_centavos AS NUMERIC) / 100 AS amount_brl
FROM `${dataset}.labels`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY end_to_end_id, event_time ORDER BY arrived_at DESC) = 1
