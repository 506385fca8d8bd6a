package run

import (
	"fmt"
	"math"

	"github.com/malikobaid/cityflow/internal/artifact"
	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/insight"
	"github.com/malikobaid/cityflow/internal/kpi"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/scenario"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// convergedGap is the relative gap below which car traffic counts as settled
// (5%: a usual stop rule of dynamic assignment; assumed).
const convergedGap = 0.05

type file struct {
	name, contentType string
	data              []byte
}

// artifacts writes everything that is known about a study.
func artifacts(p *prepared, st *study) ([]file, error) {
	sum := summary(p, st)
	basis := sum.Basis()
	var files []file
	var failed error
	add := func(name, contentType string, data []byte, err error) {
		if err != nil && failed == nil {
			failed = fmt.Errorf("%s: %w", name, err)
		}
		files = append(files, file{name, contentType, data})
	}
	put := func(name string, v any) {
		b, err := artifact.JSON(v)
		add(name, "application/json", b, err)
	}
	put("config.json", st.cfg)
	put("summary.json", sum)
	b, err := artifact.KPIs(sum.KPIs, basis)
	add("kpis.csv", "text/csv; charset=utf-8", b, err)
	put("baseline_stats.json", statistics(p.city, st, baseline, basis))
	put("scenario_stats.json", statistics(p.city, st, changed, basis))
	b, err = artifact.Convergence(iterations(st))
	add("convergence.csv", "text/csv; charset=utf-8", b, err)
	b, err = artifact.GeoJSON(linkMap(p.city, st, sum), basis)
	add("links.geojson", "application/geo+json", b, err)
	b, err = artifact.GeoJSON(accessMap(p.city, st), basis)
	add("access.geojson", "application/geo+json", b, err)
	add("insights.md", "text/markdown; charset=utf-8", []byte(insight.Markdown(sum)), nil)
	put("insights.meta.json", insight.Meta())
	return files, failed
}

func summary(p *prepared, st *study) *spec.Summary {
	c, cfg := p.city, st.cfg
	base, scen := arms(st, baseline), arms(st, changed)
	s := &spec.Summary{
		Schema: spec.SchemaVersion, City: cfg.City, CityName: c.Info.Name, Title: title(st),
		Date: cfg.Date, Window: cfg.Window, TrafficLevel: cfg.TrafficLevel,
		ServiceWindow: Info(c).ServiceWindow, Assumed: assumed(c),
		Population: math.Round(p.demand.Residents), Agents: cfg.Agents, Replications: cfg.Replications, Iterations: cfg.Iterations,
		Uncalibrated: true, Attribution: c.Info.Attribution,
		Assumptions: assumptions(p, st), Warnings: []string{},
	}
	s.KPIs, s.Correlation = kpi.Compare(base, scen, st.pairs)
	for _, side := range st.outcomes {
		for _, o := range side {
			s.RelativeGap = max(s.RelativeGap, o.kpi.RelativeGap)
		}
	}
	s.Converged = s.RelativeGap <= convergedGap
	s.By.Mode = byMode(base, scen)
	s.By.Area = byArea(c, base, scen)
	for i := range s.By.ModeShift {
		for j := range s.By.ModeShift[i] {
			for _, pr := range st.pairs {
				s.By.ModeShift[i][j] += pr.Shift[i][j] / float64(len(st.pairs))
			}
		}
	}
	s.Lines = []spec.LineResult{}
	for i := range st.plan.Lines {
		s.Lines = append(s.Lines, lineResult(st, &st.plan.Lines[i]))
	}
	for i := range st.plan.LineChanges {
		s.ChangedLines = append(s.ChangedLines, changedLine(st, &st.plan.LineChanges[i]))
	}
	s.Warnings = append(s.Warnings, warnings(st, base, scen)...)
	s.Verdict = insight.Verdict(s)
	return s
}

func arms(st *study, side int) []*kpi.Arm {
	out := make([]*kpi.Arm, len(st.outcomes[side]))
	for r, o := range st.outcomes[side] {
		out[r] = o.kpi
	}
	return out
}

func title(st *study) string {
	switch n := len(st.cfg.Modifications); {
	case n == 0:
		return "No change"
	case len(st.plan.Lines) > 0:
		// What a reader looks for is the line; the others follow by number.
		title := "New line: " + st.plan.Lines[0].Name
		if n == 2 {
			title += " and 1 other change"
		} else if n > 2 {
			title += fmt.Sprintf(" and %d other changes", n-1)
		}
		return title
	case len(st.plan.LineChanges) == 1 && n == 1:
		return st.plan.LineChanges[0].Title
	case n == 1:
		if name := st.cfg.Modifications[0].Name; name != "" {
			return name
		}
		return st.cfg.Modifications[0].ID
	default:
		return fmt.Sprintf("%d changes", n)
	}
}

func byMode(base, scen []*kpi.Arm) []spec.ModeRow {
	var rows []spec.ModeRow
	n := len(base)
	for m := range city.NumModes {
		row := spec.ModeRow{Mode: city.Mode(m).String()}
		row.BaselineTrips, _ = kpi.Summed(n, func(r int) float64 { return base[r].Expected[m] })
		row.ScenarioTrips, _ = kpi.Summed(n, func(r int) float64 { return scen[r].Expected[m] })
		row.DiffTrips, row.CI95 = kpi.Summed(n, func(r int) float64 { return scen[r].Expected[m] - base[r].Expected[m] })
		row.BaselineShare, row.BaselineMin = shareAndTime(base, m)
		row.ScenarioShare, row.ScenarioMin = shareAndTime(scen, m)
		rows = append(rows, row)
	}
	return rows
}

// shareAndTime are means over replications, as the indicators are.
func shareAndTime(a []*kpi.Arm, m int) (share, minutes float64) {
	for _, x := range a {
		all := x.Expected[0] + x.Expected[1] + x.Expected[2] + x.Expected[3]
		if all > 0 {
			share += 100 * x.Expected[m] / all / float64(len(a))
		}
		if x.Trips[m] > 0 {
			minutes += x.Min[m] / x.Trips[m] / float64(len(a))
		}
	}
	return share, minutes
}

func byArea(c *city.City, base, scen []*kpi.Arm) []spec.AreaRow {
	residents := make([]float64, len(c.Places.AreaName))
	for p, r := range c.Places.Residents {
		residents[c.Places.AreaOf[p]] += float64(r)
	}
	rows := []spec.AreaRow{}
	mean := func(a *kpi.Arm, i int) float64 {
		if a.AreaTrips[i] == 0 {
			return 0
		}
		return a.AreaMin[i] / a.AreaTrips[i]
	}
	n := len(base)
	for i, name := range c.Places.AreaName {
		row := spec.AreaRow{Area: name, Residents: math.Round(residents[i])}
		row.BaselineMin, _ = kpi.Summed(n, func(r int) float64 { return mean(base[r], i) })
		row.ScenarioMin, _ = kpi.Summed(n, func(r int) float64 { return mean(scen[r], i) })
		row.DiffMin, row.CI95 = kpi.Summed(n, func(r int) float64 { return mean(scen[r], i) - mean(base[r], i) })
		row.BaselineJobs30, row.ScenarioJobs30 = base[0].AreaJobs30[i], scen[0].AreaJobs30[i]
		rows = append(rows, row)
	}
	return rows
}

func lineResult(st *study, l *scenario.Line) spec.LineResult {
	out := spec.LineResult{ID: l.ID, Name: l.Name, LengthKM: l.LengthM / 1000, RunMin: float64(l.RunS) / 60, Vehicles: l.Vehicles, Stops: []spec.LineStop{}}
	tt := &st.plan.City.Timetable
	for _, s := range l.Stops {
		out.Stops = append(out.Stops, spec.LineStop{ID: tt.StopID[s.Stop], Name: s.Name, Lon: tt.StopLon[s.Stop], Lat: tt.StopLat[s.Stop], Chosen: s.Chosen})
	}
	use := func(r int) kpi.LineUse { return lineUse(st, changed, r, l.ID) }
	n := len(st.outcomes[changed])
	out.Boardings, out.CI95 = kpi.Summed(n, func(r int) float64 { return use(r).Boardings })
	out.MaxLoad, _ = kpi.Summed(n, func(r int) float64 { return use(r).MaxLoad })
	return out
}

// lineUse is the use of a line in a run; nothing where no vehicle of it leaves
// in the window.
func lineUse(st *study, side, replication int, id string) kpi.LineUse {
	for _, u := range st.outcomes[side][replication].kpi.Lines {
		if u.ID == id {
			return u
		}
	}
	return kpi.LineUse{}
}

func changedLine(st *study, l *scenario.LineChange) spec.ChangedLine {
	use := func(side, r int) kpi.LineUse { return lineUse(st, side, r, l.ID) }
	n := len(st.outcomes[changed])
	out := spec.ChangedLine{ID: l.ID, Name: l.Name, What: l.What,
		BaselineDepartures: use(baseline, 0).Departs, ScenarioDepartures: use(changed, 0).Departs}
	out.BaselineBoardings, _ = kpi.Summed(n, func(r int) float64 { return use(baseline, r).Boardings })
	out.ScenarioBoardings, _ = kpi.Summed(n, func(r int) float64 { return use(changed, r).Boardings })
	out.DiffBoardings, out.CI95 = kpi.Summed(n, func(r int) float64 { return use(changed, r).Boardings - use(baseline, r).Boardings })
	return out
}

func assumptions(p *prepared, st *study) []string {
	info := &p.city.Info
	out := []string{}
	mark := func(assumed bool) string {
		if assumed {
			return " (assumed)"
		}
		return ""
	}
	out = append(out,
		fmt.Sprintf("Population %.0f: %s%s.", p.demand.Residents, info.Population.Source, mark(info.Population.Assumed)))
	share := st.cfg.ModeShare
	if st.cfg.NonWalk {
		out = append(out, fmt.Sprintf("Baseline shares among trips not walked: car %g%%, bicycle %g%%, public transport %g%% (%s); walking is modelled.", share.Car, share.Bike, share.Transit, st.cfg.ShareSource))
	} else {
		out = append(out, fmt.Sprintf("Baseline shares: car %g%%, bicycle %g%%, walk %g%%, public transport %g%% (%s).", share.Car, share.Bike, share.Walk, share.Transit, st.cfg.ShareSource))
	}
	out = append(out, fmt.Sprintf("The timetable of %s holds %s to %s: nothing is known of service outside.", info.ServiceDate, scenario.Clock(info.ServiceFrom), scenario.Clock(info.ServiceTo)))
	if s := assumedService(p.city); s != "" {
		out = append(out, fmt.Sprintf("The service of %s is assumed: its headways are estimates, no published timetable stands behind them.", s))
	}
	out = append(out, demand.Assumptions()...)
	out = append(out, chargesInWords(p.city, p.money)...)
	out = append(out,
		fmt.Sprintf("Value of time %.2f (to work) and %.2f (other) %s per hour, car running cost %.2f per km: assumed.", p.money.Commute, p.money.Other, p.money.Currency, p.money.CarPerKM),
		fmt.Sprintf("Walking counts %.2f, waiting %.1f times riding (first wait over %d min: %.1f), a transfer %d min: DfT TAG M3.2, middle of the range; the logit scale is assumed. Tram and bus are equally liked.", choice.WalkWeight, choice.WaitWeight, int(choice.LongWaitMin), choice.LongWaitWeight, int(choice.InterchangeMin)),
		timetables(st),
		"Street capacities by road class and lane (no signal timings): see the city's report.",
		"Intervals show simulation noise only. A headline indicator is called clear when it also passes Holm's rule over all headline indicators, so an interval may exclude zero and still read no clear change; the other indicators are exploratory, each judged on its own.",
	)
	for _, l := range st.plan.City.Timetable.Lines {
		if l.Assumed && l.New {
			out = append(out, fmt.Sprintf("%s is imaginary: its headway, speed, dwell and capacity are as asked or by default, on its own way without touching car traffic.", l.Name))
		}
	}
	return append(out, st.plan.Notes...)
}

// timetables says how the vehicles of public transport run.
func timetables(st *study) string {
	if st.retimed == 0 {
		return "Buses and trams run to timetable with and without the change; people know the timetable but not how full vehicles are."
	}
	return fmt.Sprintf("Buses and trams run to timetable in the baseline. In the scenario %d bus trips run slower or quicker, by how much longer or shorter the streets under them take in one simulated morning with and without the change; trams keep their timetable. People know the timetable but not how full vehicles are.", st.retimed)
}

func warnings(st *study, base, scen []*kpi.Arm) []string {
	var out []string
	for m, c := range st.state.Constants {
		if a := math.Abs(c); a > choice.LargeConstant && a < 1e4 {
			out = append(out, fmt.Sprintf("The calibration constant of %s is %.0f equivalent minutes: measured times and costs explain little of the requested share, so how %s trips change is little more than a guess.", city.Mode(m), c, city.Mode(m)))
		}
	}
	if st.state.P95Min > loadBeforeS/60 {
		out = append(out, fmt.Sprintf("One car trip in twenty takes longer than %.0f minutes, more than the %d minutes the streets are filled before the window.", st.state.P95Min, loadBeforeS/60))
	}
	if share := float64(st.unreachable) / float64(max(1, st.persons)); share > 0.005 {
		out = append(out, fmt.Sprintf("%.1f%% of tours have no way to travel in the model and are left out.", 100*share))
	}
	for side, name := range []string{"baseline", "scenario"} {
		as := [][]*kpi.Arm{base, scen}[side]
		var left, board, stuck, cars float64
		for _, a := range as {
			left += a.LeftBehind
			board += a.Boardings
			stuck += a.Stuck
			cars += a.Trips[city.Car]
		}
		if left > 0.02*board {
			out = append(out, fmt.Sprintf("In the %s, for every 100 boardings %.0f people find a vehicle full and wait for the next: in this model crowding does not yet turn people away from public transport%s.", name, 100*left/board, lumps(st)))
		}
		if stuck > 0 && cars > 0 {
			out = append(out, fmt.Sprintf("In the %s %.2f%% of car trips do not finish within 3 h after the window: their times are lower bounds.", name, 100*stuck/cars))
		}
		if w := turnedWarning(st, side, name); w != "" {
			out = append(out, w)
		}
		for r, o := range st.outcomes[side] {
			if len(o.grid) > 0 {
				g := o.grid[0]
				out = append(out, fmt.Sprintf("Gridlock in the %s (replication %d) from %s on, a ring of %d full links beginning at OSM way %d.", name, r+1, scenario.Clock(units.Seconds(g.SinceS)), len(g.Links), st.base.city.Net.WayOSM[g.Links[0]]))
				break
			}
		}
	}
	return out
}

// turnedWarning names one place where a ring of full streets had to roll on.
func turnedWarning(st *study, side int, name string) string {
	turns := 0.0
	var first *loading.Turned
	for _, o := range st.outcomes[side] {
		turns += o.kpi.RingTurns
		if first == nil && len(o.turned) > 0 {
			first = &o.turned[0]
		}
	}
	if first == nil {
		return ""
	}
	net := &st.base.city.Net
	l := first.Links[0]
	street := net.Names[net.NameIdx[l]]
	if street == "" {
		street = "an unnamed street"
	}
	return fmt.Sprintf("Gridlock in the %s was resolved by rule: %.1f times a run, on average, a closed ring of full streets was let roll on, first at %s by %s (OSM way %d). Read delays around there with care.",
		name, turns/float64(len(st.outcomes[side])), scenario.Clock(units.Seconds(first.AtS)), street, net.WayOSM[l])
}

// lumps says what a small sample does to crowding: the few people of a
// neighbourhood who are drawn fill one vehicle where many would fill several.
func lumps(st *study) string {
	if w := st.base.residents() / float64(st.cfg.Agents); w > 12 {
		return fmt.Sprintf(", and a sample in which one person stands for %.0f overstates it", w)
	}
	return ""
}
