-- Share of requests and bytes that CloudFront answered from its cache, by day.
SELECT day_utc, count(*) AS requests,
  100.0 * count_if(result_type IN ('Hit', 'RefreshHit')) / count(*) AS hit_percent,
  100.0 * sum(CASE WHEN result_type IN ('Hit', 'RefreshHit') THEN CAST(bytes AS bigint) ELSE 0 END) / sum(CAST(bytes AS bigint)) AS hit_bytes_percent
FROM access_log
WHERE day >= date_format(current_date - interval '30' day, '%Y/%m/%d')
  AND result_type IN ('Hit', 'RefreshHit', 'Miss')
GROUP BY day_utc
ORDER BY day_utc DESC
