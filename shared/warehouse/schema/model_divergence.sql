-- How far challengers are from their champions: one row per day, role, champion, challenger and policy.
-- day is the UTC day of the payments; a filter on it prunes the table's partitions.
-- share_other_outcome is the share of payments on which the policy would have said something else with the challenger's
-- score in the champion's place; more_stops and fewer_stops are the payments that only the one or only the other stops.
SELECT
  TIMESTAMP_TRUNC(d.event_time, DAY) AS day,
  s.role,
  REGEXP_EXTRACT(d.model_version, CONCAT(r'(?:^| )', s.role, r'/([^ ]+)')) AS champion,
  s.version AS challenger,
  d.policy_version,
  COUNT(*) AS payments,
  AVG(ABS(s.score - IF(s.role = 'payer', d.payer_score, d.receiver_score))) AS mean_absolute_difference,
  MAX(ABS(s.score - IF(s.role = 'payer', d.payer_score, d.receiver_score))) AS max_absolute_difference,
  COUNTIF(s.outcome != d.outcome) / COUNT(*) AS share_other_outcome,
  COUNTIF(s.outcome != 'APPROVE' AND d.outcome = 'APPROVE') AS more_stops,
  COUNTIF(s.outcome = 'APPROVE' AND d.outcome != 'APPROVE') AS fewer_stops
FROM `${dataset}.decisions_latest` AS d, UNNEST(d.shadow_scores) AS s
GROUP BY day, role, champion, challenger, policy_version
