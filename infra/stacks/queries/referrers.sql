-- Other sites that visitors came from over the last 30 days.
SELECT lower(regexp_extract(referrer, '^https?://([^/:]+)', 1)) AS site, count(*) AS page_views
FROM access_log
WHERE day >= date_format(current_date - interval '30' day, '%Y/%m/%d')
  AND method = 'GET' AND path LIKE '/web/%.html'
  AND regexp_like(referrer, '^https?://')
  AND lower(regexp_extract(referrer, '^https?://([^/:]+)', 1)) <> lower(host)
GROUP BY lower(regexp_extract(referrer, '^https?://([^/:]+)', 1))
ORDER BY page_views DESC, site
LIMIT 50
