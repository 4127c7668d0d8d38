-- Would a challenger decide otherwise than its champion, how often, and was it right where labels have arrived?
-- Promote on the labels, not on the difference: fewer alarms with the same frauds, or the same alarms with more.
-- Parameters: @since, @until TIMESTAMP (the partition filter).
WITH compared AS (
  SELECT
    d.end_to_end_id,
    s.role,
    REGEXP_EXTRACT(d.model_version, CONCAT(r'(?:^| )', s.role, r'/([^ ]+)')) AS champion,
    s.version AS challenger,
    ABS(s.score - IF(s.role = 'payer', d.payer_score, d.receiver_score)) AS difference,
    d.outcome != 'APPROVE' AS champion_stops,
    s.outcome != 'APPROVE' AS challenger_stops
  FROM decisions_latest AS d, UNNEST(d.shadow_scores) AS s
  WHERE d.event_time BETWEEN @since AND @until
)
SELECT
  role,
  champion,
  challenger,
  COUNT(*) AS payments,
  ROUND(AVG(difference), 6) AS mean_absolute_difference,
  ROUND(COUNTIF(champion_stops != challenger_stops) / COUNT(*), 6) AS share_that_differs,
  COUNTIF(champion_stops) AS champion_alerts,
  COUNTIF(challenger_stops) AS challenger_alerts,
  COUNTIF(champion_stops AND IFNULL(l.fraud, FALSE)) AS champion_frauds,
  COUNTIF(challenger_stops AND IFNULL(l.fraud, FALSE)) AS challenger_frauds
FROM compared
LEFT JOIN (
  SELECT end_to_end_id, fraud
  FROM labels_latest
  WHERE event_time BETWEEN @since AND @until
) AS l USING (end_to_end_id)
GROUP BY role, champion, challenger
ORDER BY role, champion, challenger
