-- Of what was alerted, how much was which fraud; and of each fraud that was reported, how much was alerted?
-- The row '(not reported as fraud)' is the false alarms so far: labels arrive late, so it shrinks with time.
-- Parameters: @since, @until TIMESTAMP (the partition filter).
WITH labelled AS (
  SELECT
    d.end_to_end_id,
    d.amount_centavos,
    d.outcome != 'APPROVE' AS alerted,
    IF(l.fraud, l.typology, '(not reported as fraud)') AS typology
  FROM decisions_latest AS d
  LEFT JOIN (
    SELECT end_to_end_id, fraud, typology
    FROM labels_latest
    WHERE event_time BETWEEN @since AND @until
  ) AS l USING (end_to_end_id)
  WHERE d.event_time BETWEEN @since AND @until
)
SELECT
  typology,
  COUNTIF(alerted) AS alerts,
  ROUND(SAFE_DIVIDE(COUNTIF(alerted), SUM(COUNTIF(alerted)) OVER ()), 3) AS share_of_alerts,
  COUNT(*) AS payments,
  ROUND(COUNTIF(alerted) / COUNT(*), 4) AS share_alerted,
  SUM(IF(alerted, amount_centavos, 0)) / 100 AS alerted_reais
FROM labelled
GROUP BY typology
ORDER BY alerts DESC, typology
