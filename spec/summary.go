package spec

// Verdicts of a KPI.
const (
	ClearIncrease = "clear_increase"
	ClearDecrease = "clear_decrease"
	NoClearChange = "no_clear_change"
)

// Summary is `summary.json`: the answer of a job.
type Summary struct {
	Schema   int    `json:"schema"`
	City     string `json:"city"`
	CityName string `json:"city_name"`
	Title    string `json:"title"` // "New tram: A - B"
	Date     string `json:"date"`
	Window   Window `json:"window"`
	// ServiceWindow is what the city's timetable holds: nothing is known of
	// service outside it.
	ServiceWindow Window `json:"service_window"`
	// Assumed names what of the city's data nobody observed, as in CityInfo.
	Assumed      []string `json:"assumed"`
	TrafficLevel string   `json:"traffic_level"`
	Population   float64  `json:"population"`
	Agents       int      `json:"agents"`
	Replications int      `json:"replications"`
	Iterations   int      `json:"iterations"`
	Converged    bool     `json:"converged"`
	// RelativeGap is that of the worst run of either arm.
	RelativeGap float64 `json:"relative_gap"`
	// Uncalibrated is true: no version fits the model to counts, also where the
	// city has some.
	Uncalibrated bool     `json:"uncalibrated"`
	Assumptions  []string `json:"assumptions"`
	// Warnings are things a reader must know before trusting the answer.
	Warnings []string `json:"warnings"`
	Verdict  []string `json:"verdict"`
	KPIs     []KPI    `json:"kpis"`
	// By breaks indicators down; keys are "mode", "area", "mode_shift".
	By    Breakdown    `json:"by"`
	Lines []LineResult `json:"lines"`
	// ChangedLines are lines of the timetable that run differently.
	ChangedLines []ChangedLine `json:"changed_lines,omitempty"`
	Correlation  []Correlation `json:"correlation"`
	Attribution  string        `json:"attribution"`
}

// Basis is what every figure of a run rests on, written into each artifact that
// holds figures of the city, so that none is taken for a measurement. It is the
// same for baseline and scenario: it speaks of the city's data.
type Basis struct {
	City   string `json:"city"`
	Date   string `json:"date"`
	Window Window `json:"window"`
	// ServiceWindow, Assumed and Uncalibrated are those of the summary.
	ServiceWindow Window   `json:"service_window"`
	Uncalibrated  bool     `json:"uncalibrated"`
	Assumed       []string `json:"assumed"`
}

// Basis is what the figures of a summary rest on.
func (s *Summary) Basis() Basis {
	return Basis{City: s.City, Date: s.Date, Window: s.Window, ServiceWindow: s.ServiceWindow, Uncalibrated: s.Uncalibrated, Assumed: s.Assumed}
}

// KPI is one indicator: means over replications and the paired 95% interval
// of the difference.
type KPI struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Unit     string     `json:"unit"`
	Headline bool       `json:"headline"`
	Baseline float64    `json:"baseline"`
	Scenario float64    `json:"scenario"`
	Diff     float64    `json:"diff"`
	CI95     [2]float64 `json:"ci95"`
	Verdict  string     `json:"verdict"`
	// Better is "up", "down" or "" where neither is better by itself.
	Better string `json:"better"`
}

// Breakdown holds the tables behind the KPIs.
type Breakdown struct {
	Mode []ModeRow `json:"mode"`
	Area []AreaRow `json:"area"`
	// ModeShift is persons by baseline mode (row) and scenario mode (column),
	// in the order car, bike, walk, transit.
	ModeShift [4][4]float64 `json:"mode_shift"`
}

// ModeRow is one mode of travel.
type ModeRow struct {
	Mode          string     `json:"mode"`
	BaselineTrips float64    `json:"baseline_trips"`
	ScenarioTrips float64    `json:"scenario_trips"`
	DiffTrips     float64    `json:"diff_trips"`
	CI95          [2]float64 `json:"ci95"`
	BaselineShare float64    `json:"baseline_share"` // percent
	ScenarioShare float64    `json:"scenario_share"`
	BaselineMin   float64    `json:"baseline_min"` // mean minutes
	ScenarioMin   float64    `json:"scenario_min"`
}

// AreaRow is one area of the city.
type AreaRow struct {
	Area      string  `json:"area"`
	Residents float64 `json:"residents"`
	// Mean minutes over trips starting there.
	BaselineMin float64    `json:"baseline_min"`
	ScenarioMin float64    `json:"scenario_min"`
	DiffMin     float64    `json:"diff_min"`
	CI95        [2]float64 `json:"ci95"`
	// Percent of all jobs reachable in 30 min by transit or on foot, mean over
	// residents.
	BaselineJobs30 float64 `json:"baseline_jobs_30"`
	ScenarioJobs30 float64 `json:"scenario_jobs_30"`
}

// LineResult is how one new line is used.
type LineResult struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	LengthKM  float64    `json:"length_km"`
	RunMin    float64    `json:"run_min"`
	Vehicles  int        `json:"vehicles"`
	Stops     []LineStop `json:"stops"`
	Boardings float64    `json:"boardings"` // in the window, both directions
	CI95      [2]float64 `json:"ci95"`
	MaxLoad   float64    `json:"max_load"` // persons per vehicle at the busiest point
}

// ChangedLine is how a line is used that runs differently or no longer.
type ChangedLine struct {
	ID   string `json:"id"`   // route id
	Name string `json:"name"` // "Bus 31"
	// What changes: "every 20 minutes instead of 10 from 08:00 to 10:00", "no
	// longer runs".
	What string `json:"what"`
	// Vehicles that leave a first stop of the line in the window, both
	// directions.
	BaselineDepartures int `json:"baseline_departures"`
	ScenarioDepartures int `json:"scenario_departures"`
	// Boardings in the window: means, and the difference with its range.
	BaselineBoardings float64    `json:"baseline_boardings"`
	ScenarioBoardings float64    `json:"scenario_boardings"`
	DiffBoardings     float64    `json:"diff_boardings"`
	CI95              [2]float64 `json:"ci95"`
}

// LineStop is one calling point of a new line.
type LineStop struct {
	ID   string  `json:"id"`
	Name string  `json:"name"`
	Lon  float64 `json:"lon"`
	Lat  float64 `json:"lat"`
	// Chosen is true when the model added it between the requested ends.
	Chosen bool `json:"chosen"`
}

// Correlation says how much common random numbers helped one KPI.
type Correlation struct {
	KPI           string  `json:"kpi"`
	Correlation   float64 `json:"correlation"`
	VarianceRatio float64 `json:"variance_ratio"`
}
