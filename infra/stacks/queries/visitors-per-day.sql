-- Visitors a day: different addresses and browsers that asked for a page.
SELECT day_utc, count(DISTINCT concat(c_ip, '|', user_agent)) AS visitors, count(*) AS page_views
FROM access_log
WHERE day >= date_format(current_date - interval '30' day, '%Y/%m/%d')
  AND method = 'GET' AND status IN ('200', '304') AND path LIKE '/web/%.html'
  AND NOT regexp_like(lower(user_agent), 'bot|crawl|spider|curl|monitor|python')
GROUP BY day_utc
ORDER BY day_utc DESC
