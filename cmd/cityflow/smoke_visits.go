package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/malikobaid/cityflow/internal/aws"
)

// rumConfig is what site.json says about the measuring of visits on AWS.
type rumConfig struct {
	AppMonitorID   string  `json:"app_monitor_id"`
	IdentityPoolID string  `json:"identity_pool_id"`
	Region         string  `json:"region"`
	SampleRate     float64 `json:"sample_rate"`
	Endpoint       string  `json:"endpoint"`
}

// The dashboard's questions to the log of the measurements
// (infra/stacks/dashboard.go), over its span.
const (
	visitorsADay   = "stats count_distinct(user_details.userId) as visitors by bin(1d)"
	averageSession = "stats (max(event_timestamp) - min(event_timestamp)) / 1000 as length, min(event_timestamp) as began by user_details.sessionId" +
		" | stats avg(length) as average_seconds, count(*) as sessions"
	visitsSpan = 7 * 24 * time.Hour
)

// visits checks that the page is told how to measure and, if asked, that the
// dashboard has something to show.
func (s *smoke) visits() (string, error) {
	r := s.site.RUM
	switch {
	case s.measured == "none":
		return "measures nothing, as asked for", nil
	case r == nil:
		return "", errors.New("web/config/site.json configures no measuring of visits (rum)")
	case len(r.AppMonitorID) < 8 || r.IdentityPoolID == "" || r.Region == "" || r.Endpoint == "" || r.SampleRate <= 0 || r.SampleRate > 1:
		return "", fmt.Errorf("web/config/site.json measures visits with half its settings: %+v", *r)
	case s.measured == "configured":
		return "measuring is configured", nil
	}
	cfg, err := aws.Config(s.ctx)
	if err != nil {
		return "", err
	}
	if cfg.Credentials == nil {
		return "measuring is configured; visitors a day and average session: not checked, there are no AWS credentials", nil
	}
	if _, err := cfg.Credentials.Retrieve(s.ctx); err != nil {
		return "measuring is configured; visitors a day and average session: not checked, there are no AWS credentials", nil
	}
	logs := cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) { o.Region = r.Region })
	// RUM names its group after the monitor and the beginning of its id.
	group := "/aws/vendedlogs/RUMService_cityflow" + r.AppMonitorID[:8]
	visitors, err := ask(s.ctx, logs, group, visitorsADay, "visitors")
	if err != nil {
		return "", err
	}
	seconds, err := ask(s.ctx, logs, group, averageSession, "average_seconds")
	if err != nil {
		return "", err
	}
	most := 0.0
	for _, v := range visitors {
		most = max(most, v)
	}
	if most == 0 || len(seconds) == 0 {
		return "", fmt.Errorf("no visit of the last %v was measured (%s)", visitsSpan, group)
	}
	return fmt.Sprintf("at most %.0f measured visitors a day, average session %.0f s", most, seconds[0]), nil
}

// ask runs a query over the last days and gives one of its columns.
func ask(ctx context.Context, logs *cloudwatchlogs.Client, group, query, column string) ([]float64, error) {
	now := time.Now()
	begun, err := logs.StartQuery(ctx, &cloudwatchlogs.StartQueryInput{LogGroupName: &group, QueryString: &query,
		StartTime: sdk.Int64(now.Add(-visitsSpan).Unix()), EndTime: sdk.Int64(now.Unix())})
	var never *types.ResourceNotFoundException
	if errors.As(err, &never) {
		return nil, fmt.Errorf("no visit was ever measured: there is no log group %s", group)
	}
	if err != nil {
		return nil, err
	}
	for {
		out, err := logs.GetQueryResults(ctx, &cloudwatchlogs.GetQueryResultsInput{QueryId: begun.QueryId})
		if err != nil {
			return nil, err
		}
		switch out.Status {
		case types.QueryStatusComplete:
			var values []float64
			for _, row := range out.Results {
				for _, f := range row {
					if sdk.ToString(f.Field) != column {
						continue
					}
					v, err := strconv.ParseFloat(sdk.ToString(f.Value), 64)
					if err != nil {
						return nil, fmt.Errorf("%s of %s: %w", column, group, err)
					}
					values = append(values, v)
				}
			}
			return values, nil
		case types.QueryStatusScheduled, types.QueryStatusRunning:
		default:
			return nil, fmt.Errorf("the query of %s in %s is %s", column, group, out.Status)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the query of %s in %s: %w", column, group, ctx.Err())
		case <-time.After(300 * time.Millisecond):
		}
	}
}
