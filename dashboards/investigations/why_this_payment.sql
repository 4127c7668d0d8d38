-- Why was this payment not approved? One row per reason and rule, strongest first.
-- Parameters: @end_to_end_id STRING; @since, @until TIMESTAMP (the partition filter; the payment's day is enough).
SELECT
  d.outcome,
  FORMAT('R$ %.2f', d.amount_centavos / 100) AS amount,
  ROUND(d.payer_score, 4) AS payer_score,
  ROUND(d.receiver_score, 4) AS receiver_score,
  position + 1 AS nr,
  r.code,
  r.text_en AS reason
FROM decisions_latest AS d, UNNEST(d.reasons) AS r WITH OFFSET AS position
WHERE d.end_to_end_id = @end_to_end_id
  AND d.event_time BETWEEN @since AND @until
ORDER BY nr
