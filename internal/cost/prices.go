// Package cost says what CityFlow costs on AWS: a table of prices, each with
// its source and date, and the arithmetic from jobs and visits to a month. The
// same table gives the price of one job before it is submitted.
//
// It leans on nothing. Dollars without tax; what AWS gives every account for
// ever is taken off, what it gives new accounts only is not.
package cost

import (
	"fmt"
	"slices"
	"strings"
)

// Regions with prices.
var Regions = []string{"eu-west-2", "us-east-1"}

// Price is one line of the table.
type Price struct {
	Key  string             `json:"key"`
	Unit string             `json:"unit"`
	USD  map[string]float64 `json:"usd"` // by region
	// Free is what every account gets each month, in units.
	Free float64 `json:"free,omitempty"`
	// Source names the line of AWS's price list, and Date when it was read or
	// published.
	Source string `json:"source"`
	Date   string `json:"date"`
}

// everywhere is a price that is the same in all regions of the table.
func everywhere(usd float64) map[string]float64 { return in(usd, usd) }

func in(london, virginia float64) map[string]float64 {
	return map[string]float64{"eu-west-2": london, "us-east-1": virginia}
}

// The sources. AWS's price list is public: offers by service and region at
// pricing.us-east-1.amazonaws.com. Usage types are of eu-west-2 (EUW2-); those
// of us-east-1 are the same without that prefix.
const (
	priceList = "AWS price list, "
	september = "2026-09"
	pages     = "2026"
)

// Prices is the table.
var Prices = []Price{
	{"fargate-cpu", "vCPU-hour", in(0.03725, 0.03238), 0, priceList + "AmazonECS EUW2-Fargate-ARM-vCPU-Hours:perCPU; aws.amazon.com/fargate/pricing", september},
	{"fargate-memory", "GB-hour", in(0.00409, 0.00356), 0, priceList + "AmazonECS EUW2-Fargate-ARM-GB-Hours; aws.amazon.com/fargate/pricing", september},
	{"public-ipv4", "hour", everywhere(0.005), 0, priceList + "AmazonVPC EUW2-PublicIPv4:InUseAddress", september},
	{"http-api", "request", in(0.00000116, 0.000001), 0, priceList + "AmazonApiGateway EUW2-ApiGatewayHttpRequest", september},
	{"lambda-request", "request", everywhere(0.0000002), 1e6, priceList + "AWSLambda EUW2-Request, Global-Request", september},
	{"lambda-time", "GB-second", everywhere(0.0000133334), 400e3, priceList + "AWSLambda EUW2-Lambda-GB-Second-ARM, Global-Lambda-GB-Second", september},
	{"sqs", "request", everywhere(0.0000004), 1e6, priceList + "AWSQueueService EUW2-Requests-Tier1, Global-Requests", september},
	{"s3-storage", "GB-month", in(0.024, 0.023), 0, priceList + "AmazonS3 EUW2-TimedStorage-ByteHrs", september},
	{"s3-write", "PUT or LIST", in(0.0000053, 0.000005), 0, priceList + "AmazonS3 EUW2-Requests-Tier1", september},
	{"s3-read", "GET", in(0.00000042, 0.0000004), 0, priceList + "AmazonS3 EUW2-Requests-Tier2", september},
	{"cloudfront-bytes", "GB", everywhere(0.085), 1000, priceList + "AmazonCloudFront EU-DataTransfer-Out-Bytes, Global-DataTransfer-Out-Bytes", september},
	{"cloudfront-request", "request", in(0.0000012, 0.000001), 10e6, priceList + "AmazonCloudFront EU-Requests-Tier2-HTTPS, Global-Requests-Tier1", september},
	{"cloudfront-function", "call", everywhere(0.0000001), 2e6, priceList + "AmazonCloudFront Executions-CloudFrontFunctions", september},
	{"logs", "GB", in(0.5985, 0.50), 5, priceList + "AmazonCloudWatch EUW2-DataProcessing-Bytes, Global-DataProcessing-Bytes", september},
	{"metric", "metric-month", everywhere(0.30), 10, priceList + "AmazonCloudWatch EUW2-CW:MetricMonitorUsage", september},
	{"alarm", "alarm-month", everywhere(0.10), 10, priceList + "AmazonCloudWatch EUW2-CW:AlarmMonitorUsage, Global-CW:AlarmMonitorUsage", september},
	{"rum", "event", everywhere(0.00001), 0, "aws.amazon.com/cloudwatch/pricing: $1 for 100,000 events", pages},
	{"athena", "TB read", everywhere(5), 0, "aws.amazon.com/athena/pricing: at least 10 MB a query", pages},
	{"ecr", "GB-month", everywhere(0.10), 0, priceList + "AmazonECR EUW2-TimedStorage-ByteHrs", september},
	{"hosted-zone", "zone-month", everywhere(0.50), 0, priceList + "AmazonRoute53 HostedZone; alias queries are free", september},
	{"t3.medium", "hour", in(0.0472, 0.0416), 0, priceList + "AmazonEC2 EUW2-BoxUsage:t3.medium", september},
}

// SpotDiscount is the most that Fargate takes off for tasks it may stop. The
// real one moves; addresses cost the same.
// https://aws.amazon.com/fargate/pricing, 2026: "up to 70%".
const SpotDiscount = 0.70

// hours of an average month, as AWS counts them.
const hours = 730

func lookUp(key, region string) (Price, float64) {
	i := slices.IndexFunc(Prices, func(p Price) bool { return p.Key == key })
	if i < 0 {
		panic("cost: no price " + key)
	}
	usd, ok := Prices[i].USD[region]
	if !ok {
		panic(fmt.Sprintf("cost: no price of %s in %s", key, region))
	}
	return Prices[i], usd
}

// CheckRegion says which regions there are prices for.
func CheckRegion(region string) error {
	if !slices.Contains(Regions, region) {
		return fmt.Errorf("no prices for region %q, there are %s", region, strings.Join(Regions, ", "))
	}
	return nil
}
