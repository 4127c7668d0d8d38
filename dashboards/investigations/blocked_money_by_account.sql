-- Which accounts were to receive the most money that was held, blocked or rejected?
-- An account with many payers and much blocked money is where a mule investigation starts.
-- Parameters: @since, @until TIMESTAMP (the partition filter).
SELECT
  payee_account,
  ANY_VALUE(payee_ispb) AS payee_ispb,
  COUNT(*) AS stopped_payments,
  COUNT(DISTINCT payer_account) AS payers,
  SUM(amount_centavos) / 100 AS stopped_reais,
  ROUND(MAX(GREATEST(IFNULL(payer_score, 0), IFNULL(receiver_score, 0))), 4) AS highest_score
FROM decisions_latest
WHERE outcome != 'APPROVE'
  AND event_time BETWEEN @since AND @until
GROUP BY payee_account
ORDER BY stopped_reais DESC, payee_account
LIMIT 10
