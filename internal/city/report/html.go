package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/spec"
)

//go:embed report.html
var page string

var tmpl = template.Must(template.New("report").Funcs(template.FuncMap{
	"n":     number,
	"upper": upper,
	"short": func(s string) string { return s[:min(len(s), 12)] },
	"part": func(part string, steps []Step) []Step {
		return filter(steps, func(s Step) bool { return s.Part == part })
	},
	"of":  func(part string, ts []Total) []Total { return filter(ts, func(t Total) bool { return t.Part == part }) },
	"bar": func(v, most float64) string { return fmt.Sprintf("%.1f", 100*v/math.Max(most, 1e-9)) },
	"most": func(cs []Class) (m float64) {
		for _, c := range cs {
			m = math.Max(m, c.KM)
		}
		return m
	},
	"parts": func(steps []Step) (out []string) {
		for _, s := range steps {
			if len(out) == 0 || out[len(out)-1] != s.Part {
				out = append(out, s.Part)
			}
		}
		return out
	},
	"groups": groups,
	"way":    func(id int64) string { return city.OSMLink("way", id) },
	"saving": func(gap float64) float64 { return 100 * gap / (1 + gap) },
	"jam":    jamClass,
	"map":    func(b [4]float64) string { return city.MapLink((b[0]+b[2])/2, (b[1]+b[3])/2) },
}).Parse(page))

// group is findings of one kind, shown together.
type group struct {
	city.Finding // the first
	Total        int
	All          []city.Finding
}

// groups joins findings of one severity, part and kind, in order of the first;
// those about the whole city come before those about single things.
func groups(fs []city.Finding) (out []*group) {
	for _, f := range fs {
		i := slices.IndexFunc(out, func(g *group) bool { return g.Severity == f.Severity && g.Part == f.Part && g.Kind == f.Kind })
		if i < 0 {
			i = len(out)
			out = append(out, &group{Finding: f})
		}
		out[i].Total += f.Count
		out[i].All = append(out[i].All, f)
	}
	slices.SortStableFunc(out, func(a, b *group) int {
		if a.Severity != b.Severity {
			return 0 // sorted by severity already
		}
		return cmp.Compare(min(len(a.All), 2), min(len(b.All), 2))
	})
	return out
}

// HTML is the report as one page without scripts or anything from elsewhere.
func (r *Report) HTML() ([]byte, error) {
	var b bytes.Buffer
	if err := tmpl.Execute(&b, r); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return b.Bytes(), nil
}

// jamClass is how a reason is coloured: where a queue begins stands out from
// where it only reaches to.
func jamClass(reason string) string {
	if reason == spec.BlockedJam {
		return "note"
	}
	return "warning"
}

func filter[T any](in []T, keep func(T) bool) (out []T) {
	for _, v := range in {
		if keep(v) {
			out = append(out, v)
		}
	}
	return out
}

// number writes a figure with thin spaces between thousands and, when small,
// with the digits that matter.
func number(v float64) string {
	switch {
	case v != math.Trunc(v) && math.Abs(v) < 10:
		return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
	case v != math.Trunc(v) && math.Abs(v) < 100:
		return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.1f", v), "0"), ".")
	}
	s := fmt.Sprintf("%.0f", v)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return sign + s
}
