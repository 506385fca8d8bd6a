package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sort"
	"strings"
	"unicode/utf8"
)

// RunRequest is what a person asks. Only City is required. The short form
// (tram_start, tram_end, num_agents, agent_distribution, sim_date, sim_time)
// is shorthand for the full form; giving both names of one thing is a problem
// unless they agree.
type RunRequest struct {
	City string `json:"city"`

	// Short form.
	TramStart         string             `json:"tram_start,omitempty"`
	TramEnd           string             `json:"tram_end,omitempty"`
	NumAgents         *int               `json:"num_agents,omitempty"`
	AgentDistribution map[string]float64 `json:"agent_distribution,omitempty"`
	SimDate           string             `json:"sim_date,omitempty"`
	SimTime           string             `json:"sim_time,omitempty"`

	// Full form.
	Date          string             `json:"date,omitempty"`
	Window        *Window            `json:"window,omitempty"`
	Agents        *int               `json:"agents,omitempty"`
	ModeShare     map[string]float64 `json:"mode_share,omitempty"`
	TrafficLevel  string             `json:"traffic_level,omitempty"`
	Replications  *int               `json:"replications,omitempty"`
	Seed          *uint64            `json:"seed,omitempty"`
	Iterations    *int               `json:"iterations,omitempty"`
	AverageLast   *int               `json:"average_last,omitempty"`
	Modifications *[]Modification    `json:"modifications,omitempty"`
}

// ParseRequest reads a request strictly: every unknown field, wrong type and
// misplaced value is reported, all at once (the first hundred of them), and so
// is what no honest request has (inspect.go). The request is usable only when
// there are no problems; beside problems it holds what could be read, so that
// the rest can be checked in the same answer (Problems.With). It is nil when
// the body is not one JSON object.
func ParseRequest(r io.Reader) (*RunRequest, Problems) {
	var ps Problems
	dec := json.NewDecoder(r)
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		if errors.Is(err, io.EOF) {
			ps.Add("", "the body is empty", `{"city":"newport"}`)
		} else {
			ps.Add("", "the body is not JSON: "+err.Error(), `{"city":"newport"}`)
		}
		return nil, ps
	}
	if _, err := dec.Token(); err != io.EOF {
		ps.Add("", "something follows the JSON object")
		return nil, ps
	}
	if !utf8.Valid(raw) {
		ps.Add("", "the body is not UTF-8 text", `{"city":"newport"}`)
		return nil, ps
	}
	req := &RunRequest{}
	decodeObject("", raw, reflect.ValueOf(req).Elem(), &ps)
	for _, p := range ps {
		if p.Path == "" {
			return nil, ps
		}
	}
	ps = inspect(raw).With(ps)
	if req.Seed != nil && *req.Seed > MaxSeed {
		ps.Add("seed", fmt.Sprintf("%d is too large", *req.Seed), fmt.Sprintf("0 to %d", int64(MaxSeed)))
	}
	return req, ps
}

// ParseModifications reads a JSON list of modifications as strictly as
// ParseRequest reads a request; its problems lie below path.
func ParseModifications(path string, raw json.RawMessage) ([]Modification, Problems) {
	var ps Problems
	var list []Modification
	decodeValue(path, raw, reflect.ValueOf(&list).Elem(), &ps)
	return list, ps
}

// decodeObject fills the struct out from a JSON object field by field, so that
// one bad field does not hide the others. Structs and slices of structs are
// followed; everything else is left to encoding/json.
func decodeObject(path string, raw json.RawMessage, out reflect.Value, ps *Problems) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		ps.Add(path, "want a JSON object, got "+kindOf(raw))
		return
	}
	known := map[string]int{}
	names := []string{}
	for i := 0; i < out.NumField(); i++ {
		name, _, _ := strings.Cut(out.Type().Field(i).Tag.Get("json"), ",")
		known[name] = i
		names = append(names, name)
	}
	keys := make([]string, 0, len(fields))
	for k := range fields {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		if len(*ps) >= maxProblems {
			return
		}
		p := join(path, k)
		i, ok := known[k]
		if !ok {
			ps.Add(p, fmt.Sprintf("unknown field %q", clip(k)), near(k, names)...)
			continue
		}
		if string(fields[k]) == "null" {
			ps.Add(p, "null is not a value: leave the field out instead")
			continue
		}
		decodeValue(p, fields[k], out.Field(i), ps)
	}
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func decodeValue(path string, raw json.RawMessage, out reflect.Value, ps *Problems) {
	t := out.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		v := reflect.New(t.Elem())
		decodeValue(path, raw, v.Elem(), ps)
		out.Set(v)
	case t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(unmarshaler):
		decodeObject(path, raw, out, ps)
	case t.Kind() == reflect.Slice:
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil {
			ps.Add(path, "want a list, got "+kindOf(raw))
			return
		}
		if len(items) > maxItems {
			ps.Add(path, fmt.Sprintf("a list of %d items is too long", len(items)), fmt.Sprintf("at most %d items", maxItems))
			return
		}
		list := reflect.MakeSlice(t, len(items), len(items))
		for i, item := range items {
			if len(*ps) >= maxProblems {
				return
			}
			decodeValue(fmt.Sprintf("%s[%d]", path, i), item, list.Index(i), ps)
		}
		out.Set(list)
	default:
		v := reflect.New(t)
		if err := json.Unmarshal(raw, v.Interface()); err != nil {
			var te *json.UnmarshalTypeError
			if errors.As(err, &te) || !reflect.PointerTo(t).Implements(unmarshaler) {
				ps.Add(path, fmt.Sprintf("want %s, got %s", wanted(t), kindOf(raw)), example(t)...)
			} else {
				ps.Add(path, err.Error())
			}
			return
		}
		out.Set(v.Elem())
	}
}

// example shows a value of a kind that people get wrong.
func example(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Map:
		return []string{`{"drive":60,"cycle":10,"tram":30}`}
	case reflect.Uint64:
		return []string{"0 or more"}
	case reflect.Array:
		return []string{"[-2.99,51.58]"}
	}
	return nil
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number, 0 or more"
	case reflect.Map:
		return "an object whose values are numbers"
	case reflect.Array:
		return "[lon, lat]"
	}
	return t.String()
}

func kindOf(raw json.RawMessage) string {
	s := strings.TrimSpace(string(raw))
	if s == "" {
		return "nothing"
	}
	switch s[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "text " + clip(s)
	case 't', 'f':
		return s
	case 'n':
		return "null"
	}
	return "the number " + clip(s)
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "..."
	}
	return s
}

func join(path, field string) string {
	field = clip(field)
	if path == "" {
		return field
	}
	return path + "." + field
}

// near returns the names within a small edit distance of k, or all of them
// when none is near.
func near(k string, names []string) []string {
	var out []string
	for _, n := range names {
		// A typing slip touches a third of the letters at most.
		if len(k) <= 60 && editDistance(strings.ToLower(k), n) <= min(3, len(n)/3) {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return names
	}
	return out
}

func editDistance(a, b string) int {
	prev := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := prev[0]
		prev[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost++
			}
			diag = prev[j]
			prev[j] = min(cost, prev[j]+1, prev[j-1]+1)
		}
	}
	return prev[len(b)]
}
