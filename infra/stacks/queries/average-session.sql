-- Sessions a day and their average length: a session ends after 30 minutes of silence.
WITH hits AS (
  SELECT concat(c_ip, '|', user_agent) AS visitor, date_parse(concat(day_utc, ' ', time_utc), '%Y-%m-%d %H:%i:%s') AS at
  FROM access_log
  WHERE day >= date_format(current_date - interval '30' day, '%Y/%m/%d')
    AND status IN ('200', '206', '304')
    AND NOT regexp_like(lower(user_agent), 'bot|crawl|spider|curl|monitor|python')
), marked AS (
  SELECT visitor, at,
    CASE WHEN date_diff('minute', lag(at) OVER (PARTITION BY visitor ORDER BY at), at) < 30 THEN 0 ELSE 1 END AS fresh
  FROM hits
), numbered AS (
  SELECT visitor, at, sum(fresh) OVER (PARTITION BY visitor ORDER BY at ROWS UNBOUNDED PRECEDING) AS session
  FROM marked
), sessions AS (
  SELECT visitor, session, min(at) AS began, max(at) AS ended
  FROM numbered
  GROUP BY visitor, session
)
SELECT CAST(began AS date) AS day_utc, count(*) AS sessions, avg(date_diff('second', began, ended)) AS average_seconds
FROM sessions
GROUP BY CAST(began AS date)
ORDER BY day_utc DESC
