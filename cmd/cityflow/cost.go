package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/malikobaid/cityflow/internal/cost"
)

type costCmd struct {
	Jobs       float64 `default:"0" placeholder:"N" help:"Jobs a month (default 0)."`
	Visits     float64 `default:"0" placeholder:"N" help:"Visits of the page a month (default 0)."`
	Region     string  `default:"eu-west-2" help:"Region of AWS: eu-west-2 or us-east-1."`
	JobSeconds float64 `default:"30" help:"Time of one job; a task is paid for a minute at least."`
	VCPU       float64 `name:"vcpu" default:"1" help:"Processors of a worker task."`
	MemoryGB   float64 `name:"memory-gb" default:"2" help:"Memory of a worker task."`
	RUMSample  float64 `name:"rum-sample" default:"0.1" help:"Share of visits that is measured, 0 to 1."`
}

func (c *costCmd) Run(e *env) error {
	use := cost.Use{Region: c.Region, Jobs: c.Jobs, Visits: c.Visits, JobSeconds: c.JobSeconds,
		Task: cost.Task{CPU: c.VCPU, MemoryGB: c.MemoryGB}, RUMSample: c.RUMSample}
	if ps := use.Problems(); len(ps) > 0 {
		return usageError{errors.Join(ps...)}
	}
	month := cost.Month(use)
	if e.json {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(month)
	}
	return printCost(e.stdout, month)
}

func printCost(out io.Writer, m cost.Estimate) error {
	u := m.Use
	fmt.Fprintf(out, "A month on AWS in %s: %s jobs of %g s, %s visits. US dollars without tax.\n\n", u.Region, thousands(u.Jobs), u.JobSeconds, thousands(u.Visits))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVICE\tWHAT\tAMOUNT\tOF IT FREE\tUSD")
	for _, l := range m.Lines {
		free := "-"
		if l.Free > 0 && l.Free >= l.Amount {
			free = "all"
		} else if l.Free > 0 {
			free = amount(l.Free)
		}
		fmt.Fprintf(w, "%s\t%s\t%s %s\t%s\t%s\n", l.Service, l.What, amount(l.Amount), l.Unit, free, dollars(l.USD))
	}
	fmt.Fprintf(w, "TOTAL\tall tasks on demand\t\t\t%s\n", dollars(m.Total))
	fmt.Fprintf(w, "\tall tasks on Spot, at its best (%.0f%% off)\t\t\t%s\n", 100*cost.SpotDiscount, dollars(m.TotalSpot))
	fmt.Fprintf(w, "COMPARED\tone t3.medium always on, without disk and traffic\t\t\t%s\n", dollars(m.AlwaysOn))
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nOne job: $%.5f on demand, $%.5f on Spot. An estimate: --format json lists every assumption, and every price with its source and date.\n", m.Job.OnDemand, m.Job.Spot)
	return err
}

func dollars(usd float64) string {
	if usd > 0 && usd < 0.005 {
		return "<0.01"
	}
	return fmt.Sprintf("%.2f", usd)
}

// amount is short: 3 digits, or whole thousands.
func amount(v float64) string {
	if v >= 1000 {
		return thousands(v)
	}
	return fmt.Sprintf("%.3g", v)
}

func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	var b strings.Builder
	for i, d := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
