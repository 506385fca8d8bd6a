-- Addresses that answered with an error over the last 7 days.
SELECT path, status, result_type, count(*) AS requests, max(concat(day_utc, ' ', time_utc)) AS last_seen
FROM access_log
WHERE day >= date_format(current_date - interval '7' day, '%Y/%m/%d')
  AND status >= '400'
GROUP BY path, status, result_type
ORDER BY requests DESC, path
LIMIT 100
