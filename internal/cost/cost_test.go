package cost

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9+1e-6*math.Abs(want) {
		t.Errorf("%s: %.9f, want %.9f", what, got, want)
	}
}

var task = Task{CPU: 1, MemoryGB: 2}

// sums adds an estimate's lines by price unit's service.
func line(t *testing.T, e Estimate, service, what string) Line {
	t.Helper()
	for _, l := range e.Lines {
		if l.Service == service && l.What == what {
			return l
		}
	}
	t.Fatalf("no line %s, %s", service, what)
	return Line{}
}

// A job of 30 s is paid for a minute: 1/60 h.
// us-east-1: (0.03238 + 2 x 0.00356) / 60 = 0.0395 / 60 = 0.000658333 for the
// task, 0.005 / 60 = 0.000083333 for its address. A thousand: 0.741667, and
// with 70% off the task 0.1975 + 0.083333 = 0.280833.
// eu-west-2: (0.03725 + 2 x 0.00409) / 60 = 0.04543 / 60 = 0.000757167.
func TestAJobByHand(t *testing.T) {
	j := OfJob("us-east-1", task, 30)
	near(t, "1,000 jobs on demand", 1000*j.OnDemand, 0.741666667)
	near(t, "1,000 jobs on Spot", 1000*j.Spot, 0.280833333)
	j = OfJob("eu-west-2", task, 30)
	near(t, "London", j.OnDemand, 0.000757167+0.000083333)
	// Ninety seconds are ninety seconds: half as much again.
	near(t, "90 s", OfJob("eu-west-2", task, 90).OnDemand, 1.5*j.OnDemand)
	// Four processors and 8 GB are four times the task, and one address.
	near(t, "a larger task", OfJob("eu-west-2", Task{4, 8}, 60).OnDemand, 4*0.04543/60+0.005/60)
}

// 1,000 jobs of 30 s and 10,000 visits in eu-west-2, one visit in ten
// measured. By hand:
//
//	tasks      1,000 x 60 s = 16.6667 h; x 0.03725 = 0.620833; 2 GB: 33.3333 x 0.00409 = 0.136333
//	addresses  16.6667 x 0.005 = 0.083333
//	API        1,000 x 40 + 10,000 x 3 = 70,000 x 0.00000116 = 0.0812
//	Lambda     70,000 + 43,800 ticks + 2,000 wakes = 115,800 < 1 M: free; 70,000 x 0.05 + 45,800 x 0.075 = 6,935 GB-s < 400,000: free
//	SQS        43,800 x 2 + 1,000 x 12 = 99,600 < 1 M: free
//	S3         0.2 + 5 = 5.2 GB x 0.024 = 0.1248; writes 43,800 + 60,000 = 103,800 x 0.0000053 = 0.55014;
//	           reads 87,600 + 120,000 + 20,000 = 227,600 x 0.00000042 = 0.095592
//	CloudFront 15 + 5 = 20 GB < 1 TB; 250,000 + 15,000 = 265,000 requests < 10 M: free
//	logs       105 + 22.9 + 30 MB = 0.1579 GB < 5: free
//	metrics    busy 250 h of 730: 4 + 0.342466 x 24 = 12.219178, 10 free: 2.219178 x 0.30 = 0.665753
//	RUM        1,000 visits x 20 = 20,000 x 0.00001 = 0.20
//	Athena     60 x 10 MB = 0.0006 TB x 5 = 0.003
//	ECR        0.05 x 0.10 = 0.005; zone 0.50
//	total      3.065985
func TestAThousandJobsByHand(t *testing.T) {
	e := Month(Use{Region: "eu-west-2", Jobs: 1000, Visits: 10000, JobSeconds: 30, Task: task, RUMSample: 0.1})
	for _, x := range []struct {
		service, what string
		amount, usd   float64
	}{
		{"Fargate", "worker tasks, processors", 16.666666667, 0.620833333},
		{"Fargate", "worker tasks, memory", 33.333333333, 0.136333333},
		{"VPC", "addresses of worker tasks", 16.666666667, 0.083333333},
		{"API Gateway", "API requests", 70000, 0.0812},
		{"Lambda", "calls of API and reconciler", 115800, 0},
		{"Lambda", "time of API and reconciler", 6935, 0},
		{"SQS", "queue", 99600, 0},
		{"S3", "cities, page, files of jobs", 5.2, 0.1248},
		{"S3", "writing and listing", 103800, 0.55014},
		{"S3", "reading", 227600, 0.095592},
		{"CloudFront", "bytes to visitors", 20, 0},
		{"CloudFront", "requests of visitors", 265000, 0},
		{"CloudWatch", "logs", 0.1579, 0},
		{"CloudWatch", "metrics of the program", 12.219178082, 0.665753425},
		{"CloudWatch", "alarms", 7, 0},
		{"CloudWatch RUM", "measured visits", 20000, 0.2},
		{"Athena", "questions to the access log", 0.0006, 0.003},
		{"ECR", "images", 0.05, 0.005},
		{"Route 53", "hosted zone", 1, 0.5},
	} {
		l := line(t, e, x.service, x.what)
		near(t, x.service+", "+x.what+": amount", l.Amount, x.amount)
		near(t, x.service+", "+x.what, l.USD, x.usd)
	}
	near(t, "total", e.Total, 3.065985091)
	// 70% off 0.757167: 0.530017 less.
	near(t, "total on Spot", e.TotalSpot, 3.065985091-0.530016667)
	// 0.0472 x 730.
	near(t, "one t3.medium", e.AlwaysOn, 34.456)
}

// TestIdleCostsTheHostedZone: nothing runs, and a month costs the zone and
// cents: 43,800 LIST x 0.0000053 = 0.23214, 87,600 GET x 0.00000042 =
// 0.036792, 0.2 GB x 0.024 = 0.0048, image 0.005, questions 0.003: 0.281732.
func TestIdleCostsTheHostedZone(t *testing.T) {
	e := Month(Use{Region: "eu-west-2", JobSeconds: 30, Task: task, RUMSample: 0.1})
	zone := line(t, e, "Route 53", "hosted zone").USD
	near(t, "idle, besides the zone", e.Total-zone, 0.281732)
	if e.Total > zone+0.5 || e.TotalSpot != e.Total {
		t.Errorf("an idle month costs %.2f (%.2f on Spot)", e.Total, e.TotalSpot)
	}
}

// Past what is free, every unit counts: 1 M visits load 1,500 GB (500 paid x
// 0.085 = 42.5) with 25 M requests (15 M x 0.0000012 = 18); measured whole,
// 20 M events cost 200.
func TestBeyondWhatIsFree(t *testing.T) {
	e := Month(Use{Region: "eu-west-2", Visits: 1e6, JobSeconds: 30, Task: task, RUMSample: 1})
	near(t, "bytes", line(t, e, "CloudFront", "bytes to visitors").USD, 42.5)
	near(t, "requests", line(t, e, "CloudFront", "requests of visitors").USD, 18)
	near(t, "RUM", line(t, e, "CloudWatch RUM", "measured visits").USD, 200)
}

func TestMoreNeverCostsLess(t *testing.T) {
	last := 0.0
	for _, n := range []float64{0, 1, 100, 1e4, 1e6, 1e8} {
		e := Month(Use{Region: "us-east-1", Jobs: n, Visits: n, JobSeconds: 30, Task: task, RUMSample: 0.1})
		if e.Total < last || e.TotalSpot > e.Total {
			t.Errorf("%v jobs: %v (%v on Spot), fewer cost %v", n, e.Total, e.TotalSpot, last)
		}
		last = e.Total
	}
}

func TestEveryPriceSaysWhereItIsFrom(t *testing.T) {
	var keys []string
	for _, p := range Prices {
		keys = append(keys, p.Key)
		if p.Source == "" || !strings.HasPrefix(p.Date, "202") || p.Unit == "" {
			t.Errorf("%s: source %q, date %q, unit %q", p.Key, p.Source, p.Date, p.Unit)
		}
		for _, r := range Regions {
			if !(p.USD[r] > 0) {
				t.Errorf("%s: no price in %s", p.Key, r)
			}
		}
	}
	slices.Sort(keys)
	if len(slices.Compact(keys)) != len(Prices) {
		t.Error("a price is there twice")
	}
}

func TestBadUseNamesEverything(t *testing.T) {
	got := Use{Region: "mars", Jobs: -1, Visits: math.NaN(), JobSeconds: 1e6, RUMSample: 2}.Problems()
	if len(got) != 7 {
		t.Errorf("%d problems: %v", len(got), got)
	}
}
