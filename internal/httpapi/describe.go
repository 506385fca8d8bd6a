package httpapi

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/malikobaid/cityflow/spec"
)

func itoa(n int) string { return strconv.Itoa(n) }

// fields of each modification type beside type, id and name; a star marks the
// required ones.
var modificationFields = []struct {
	kind           string
	fields, needed []string
	words          string
}{
	{spec.NewLine, []string{"mode", "stops", "alignment", "lane", "headways", "speed_kmh", "dwell_s", "capacity", "fare", "bidirectional"}, []string{"stops"}, "A tram, bus or rail line on its own way."},
	{spec.ChangeLine, []string{"line", "headways", "speed_kmh", "stops", "remove"}, []string{"line"}, "A line of the timetable, named by route id, name or mode and name (bus 31), is removed, or within each window leaves at another headway in each direction: new departures take the running times of the nearest present one of their stop pattern, vehicles outside the windows stay. One of remove and headways; speed_kmh and stops are refused in this version."},
	{spec.CloseLinks, []string{"links", "from", "to"}, []string{"links"}, "Streets closed to cars for the whole simulated time."},
	{spec.SpeedLimit, []string{"links", "kmh"}, []string{"links", "kmh"}, "Another free-flow speed of cars."},
	{spec.ChangeCapacity, []string{"links", "lanes", "gives"}, []string{"links"}, "Lanes taken (negative) or added, in each direction of the streets named."},
	{spec.Toll, []string{"links", "amount", "from", "to"}, []string{"links", "amount"}, "Refused in this version."},
	{spec.DemandScale, []string{"factor", "purpose"}, []string{"factor"}, "More or fewer trips, of one purpose or of all."},
}

// describe writes by hand what types cannot say: the union of modifications,
// stops that are a word or an object, and the body of a submit.
func (a *api) describe() {
	doc := a.huma.OpenAPI()
	reg := doc.Components.Schemas
	request := reg.Schema(reflect.TypeFor[spec.RunRequest](), true, "")
	reg.Schema(reflect.TypeFor[spec.Summary](), true, "") // summary.json is part of the contract
	reg.Schema(reflect.TypeFor[spec.Manifest](), true, "")
	schemas := reg.Map()

	schemas["StopRef"] = &huma.Schema{
		Description: "A stop: the feed's id, a name, or a point.",
		OneOf: []*huma.Schema{
			{Type: "string", Description: "Stop id or name"},
			{Type: "object", AdditionalProperties: false, Properties: map[string]*huma.Schema{
				"id": {Type: "string"}, "name": {Type: "string"}, "lon": {Type: "number"}, "lat": {Type: "number"},
				"chosen": {Type: "boolean", Description: "In a merged config: the stop was added between the ends that were asked for"},
			}},
		},
	}
	all := schemas["Modification"].Properties
	union := &huma.Schema{Description: "One change to the city, told apart by type.",
		Discriminator: &huma.Discriminator{PropertyName: "type", Mapping: map[string]string{}}}
	for _, m := range modificationFields {
		props := map[string]*huma.Schema{
			"type": {Type: "string", Enum: []any{m.kind}}, "id": all["id"], "name": all["name"],
		}
		for _, f := range m.fields {
			props[f] = all[f]
		}
		name := "Modification_" + m.kind
		schemas[name] = &huma.Schema{Type: "object", Description: m.words, AdditionalProperties: false, Properties: props, Required: append([]string{"type"}, m.needed...)}
		ref := "#/components/schemas/" + name
		union.OneOf = append(union.OneOf, &huma.Schema{Ref: ref})
		union.Discriminator.Mapping[m.kind] = ref
	}
	schemas["Modification"] = union
	limitRequest(schemas["RunRequest"].Properties, a.Limits)
	orNull(reg)

	submit := doc.Paths["/v1/submit"].Post
	submit.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {
		Schema: request,
		Examples: map[string]*huma.Example{
			"city alone": {Value: map[string]any{"city": "newport"}},
			"short form": {Value: map[string]any{"city": "newport", "tram_start": "Royal Gwent Hospital", "tram_end": "Ringland Centre", "num_agents": 3000,
				"agent_distribution": map[string]any{"drive": 60, "cycle": 10, "tram": 30}, "traffic_level": "peak", "sim_date": "2023-06-13", "sim_time": "08:00"}},
		},
	}}}
	doc.Paths["/v1/status/{job_id}"].Get.Responses["304"] = &huma.Response{Description: http.StatusText(http.StatusNotModified)}
	a.describeErrors()
}

// orNull says of each object that stands behind a pointer and is always written
// that null may stand there: types alone say so only of plain values.
func orNull(reg huma.Registry) {
	for name, schema := range reg.Map() {
		t := reg.TypeFromRef("#/components/schemas/" + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		for _, f := range reflect.VisibleFields(t) {
			field, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			prop := schema.Properties[field]
			if f.Type.Kind() == reflect.Pointer && prop != nil && prop.Ref != "" && !strings.Contains(options, "omitempty") {
				schema.Properties[field] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: prop.Ref}, {Type: "null"}}}
			}
		}
	}
}

// everywhere are the errors that any call can answer.
var everywhere = []int{400, 401, 408, 413, 415, 421, 429, 500}

// describeErrors completes each operation with what the layers around it
// answer, so that a client need not guess.
func (a *api) describeErrors() {
	doc := a.huma.OpenAPI()
	doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer",
		Description: "A token of this deployment. A private one asks for it everywhere but at /v1/health, any other only for the list of all jobs."}}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Delete} {
			if op == nil {
				continue
			}
			codes := everywhere
			if op.OperationID == "health" { // never needs a token
				codes = slices.DeleteFunc(slices.Clone(everywhere), func(code int) bool { return code == 401 })
			} else if op.Security == nil {
				op.Security = []map[string][]string{{}, {"token": {}}}
			}
			for _, code := range codes {
				if op.Responses[itoa(code)] == nil {
					op.Responses[itoa(code)] = a.faultResponse(code)
				}
			}
			op.Responses["401"] = withHeader(op.Responses["401"], "WWW-Authenticate", "How to send a token", "string")
			op.Responses["429"] = withHeader(op.Responses["429"], "Retry-After", "Seconds to wait", "integer")
		}
	}
}

func withHeader(r *huma.Response, name, doc, kind string) *huma.Response {
	if r != nil {
		r.Headers = map[string]*huma.Param{name: {Description: doc, Schema: &huma.Schema{Type: kind}}}
	}
	return r
}

// limitRequest adds to the fields of a request what this host's limits are.
func limitRequest(props map[string]*huma.Schema, limits spec.Limits) {
	one, agents, reps := 1.0, float64(limits.MaxAgents), float64(limits.MaxReplications)
	for _, name := range []string{"agents", "num_agents"} {
		props[name].Minimum, props[name].Maximum = &one, &agents
	}
	props["replications"].Minimum, props["replications"].Maximum = &one, &reps
	props["modifications"].MaxItems = &limits.MaxModifications
	props["traffic_level"].Enum = []any{"peak", "off-peak", "off_peak", "normal", "rush_hour"}
	for _, name := range []string{"date", "sim_date"} {
		props[name].Format = "date"
	}
	props["sim_time"].Pattern = `^\d{2}:\d{2}$`
	props["city"].Description = "Slug or name; all that is required"
	props["tram_start"].Description = "Stop id or name"
	props["tram_end"].Description = "Stop id or name"
	props["agent_distribution"].Description = "Percent by mode, summing to 100"
}

func (a *api) faultResponse(code int) *huma.Response {
	ref := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Fault](), true, "")
	return &huma.Response{Description: http.StatusText(code), Content: map[string]*huma.MediaType{"application/problem+json": {Schema: ref}}}
}
