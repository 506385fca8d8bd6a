package arch

// room is one package of ours and the rooms it may import.
type room struct {
	path string // below the module; a trailing "/*" stands for each folder there
	may  []string
	// anything lifts the list: the room joins all others.
	anything bool
	because  string
}

// rooms is the whole house. Tests may import more (testcity, validation).
var rooms = []room{
	{path: "spec", because: "a client must be able to import the contract alone"},
	{path: "docs", because: "the pages that people read, as files"},
	{path: "web", because: "the built page is files; it knows the API only by its JSON"},

	// The model half.
	{path: "internal/units", because: "the ids of everything: whoever is at the bottom imports nobody"},
	{path: "internal/pq", because: "a heap of numbers; whose they are is not its business"},
	{path: "internal/random", because: "draws are numbers keyed by numbers; who draws is not its business"},
	{path: "internal/city", may: []string{"internal/units"}, because: "data that exists without people: it must not know who reads it"},
	{path: "internal/city/osm", may: []string{"internal/city", "internal/units"}, because: "an importer fills the columns of city and nothing else"},
	{path: "internal/city/tiles", may: []string{"internal/city/osm"}, because: "it draws what the importer read; nothing of the model rests on a picture"},
	{path: "internal/city/gtfs", may: []string{"internal/city", "internal/pq", "internal/units"}, because: "an importer fills the columns of city and nothing else"},
	{path: "internal/city/mapmatch", may: []string{"internal/city", "internal/pq", "internal/units"}, because: "geometry and a search: lines in, links out, whoever drew the lines"},
	{path: "internal/city/elevation", because: "a reader of files: grid in, heights out"},
	{path: "internal/city/report", may: []string{"spec", "internal/city", "internal/units"}, because: "it reads a finished city, what is known of its making and the published account of its morning; anybody may make one"},
	{path: "internal/city/build", may: []string{"internal/city", "internal/city/elevation", "internal/city/osm", "internal/city/gtfs", "internal/city/mapmatch", "internal/pq", "internal/units"}, because: "it joins the importers into one city, before any person or scenario exists"},
	{path: "internal/city/export", may: []string{"internal/city", "internal/city/gtfs", "internal/units"}, because: "it writes columns in formats of others; where bytes go is the caller's business"},
	{path: "internal/scenario", may: []string{"spec", "internal/city", "internal/demand", "internal/units"}, because: "it turns a request into a changed city and a demand scale; it runs nothing"},
	{path: "internal/demand", may: []string{"internal/city", "internal/random", "internal/units"}, because: "people and trips exist before modes, streets and requests"},
	{path: "internal/choice", may: []string{"internal/city", "internal/random", "internal/units"}, because: "costs come in as numbers, so that it can be tested without searching anything"},
	{path: "internal/routing", may: []string{"internal/city", "internal/pq", "internal/units"}, because: "a search engine: it takes columns and knows no persons"},
	{path: "internal/routing/raptor", may: []string{"internal/city", "internal/units"}, because: "a search engine: it takes a timetable and knows no persons"},
	{path: "internal/loading", may: []string{"internal/city", "internal/pq", "internal/units"}, because: "physics: it moves what it is given and computes no indicator"},
	{path: "internal/assign", may: []string{"internal/city", "internal/pq", "internal/units"}, because: "numbers in, numbers out: it takes a network and a matrix and knows no persons, modes or requests"},
	{path: "internal/traffic", may: []string{"internal/random", "internal/loading", "internal/pq", "internal/units"}, because: "a scenario from files of other people, on the physics of loading: it knows no city"},
	{path: "internal/kpi", may: []string{"spec", "internal/city", "internal/units"}, because: "it folds figures and compares runs, whoever made the figures"},
	{path: "internal/insight", may: []string{"spec"}, because: "words are made from the published summary alone, so that anybody can check them"},
	{path: "internal/artifact", may: []string{"spec"}, because: "it writes and decides nothing"},
	{path: "internal/run", may: []string{
		"spec", "internal/units", "internal/random", "internal/city", "internal/scenario", "internal/demand", "internal/choice",
		"internal/routing", "internal/routing/raptor", "internal/loading", "internal/kpi", "internal/insight", "internal/artifact",
	}, because: "the pipeline, and the only room that sees all of the model half"},

	// The service half. It sees the model only through run.Model.
	{path: "internal/queue", because: "a small contract that drivers fulfil"},
	{path: "internal/queue/jetstream", may: []string{"internal/queue"}, because: "a driver knows its contract and its product"},
	{path: "internal/queue/sqs", may: []string{"internal/queue"}, because: "a driver knows its contract and its product"},
	{path: "internal/queue/queuetest", may: []string{"internal/queue"}, because: "what every driver must pass"},
	{path: "internal/aws", because: "settings, stores and secrets of the cloud, for whoever is wired to it; it knows no job"},
	{path: "internal/telemetry", because: "logs, metrics and spans serve everybody and know nobody"},
	{path: "internal/telemetry/prom", because: "the page that Prometheus reads, apart from telemetry so that a function does not carry it"},
	{path: "internal/telemetry/otlp", may: []string{"internal/telemetry"}, because: "spans to a collector, apart from telemetry because of what it weighs"},
	{path: "internal/insight/llm", may: []string{"spec", "internal/insight", "internal/telemetry"}, because: "the optional language model: it gets published figures and is checked against them"},
	{path: "internal/insight/answer", may: []string{"spec", "docs", "internal/insight", "internal/insight/llm"}, because: "rules, model and documentation joined into answers; jobs come in as an interface"},
	{path: "internal/job", may: []string{"spec", "internal/queue", "internal/run", "internal/telemetry"}, because: "the life of a job over any store, any queue and any run.Model"},
	{path: "internal/cost", because: "prices and arithmetic serve everybody and know nobody"},
	{path: "internal/job/jobtest", may: []string{"spec", "internal/run"}, because: "a small run.Model for tests of the service"},
	{path: "internal/httpapi", may: []string{"spec", "internal/insight/answer", "internal/insight/llm", "internal/job", "internal/queue", "internal/run", "internal/telemetry"}, because: "HTTP around job and run.Model; it keeps nothing"},
	{path: "internal/launch", because: "a small contract that drivers fulfil"},
	{path: "internal/launch/ecs", may: []string{"internal/launch"}, because: "a driver knows its contract and its product"},
	{path: "internal/reconcile", may: []string{"spec", "internal/job", "internal/launch", "internal/queue", "internal/telemetry"}, because: "what should be and what is, over any store, queue and launcher"},

	{path: "internal/gateway", because: "any http.Handler behind an API Gateway; it knows nothing of what is served"},

	// Between the halves.
	{path: "internal/catalog", may: []string{"spec", "internal/city", "internal/run"}, because: "it implements run.Source over a store: packs as objects"},
	{path: "cmd/*", anything: true, because: "the only place that knows both halves and joins them"},
	{path: "bench/morning", may: []string{"spec", "internal/catalog", "internal/loading", "internal/run"}, because: "it times the loader alone, on the routes that an export holds"},
	{path: "bench/streets", may: []string{"internal/catalog", "internal/city", "internal/pq", "internal/routing", "internal/units"}, because: "it times street queries beside plain searches of its own"},
	{path: "bench/cores", may: []string{"spec", "internal/catalog", "internal/city", "internal/loading", "internal/routing", "internal/run", "internal/units"}, because: "it times the model's inner loops on one core and on two, beside controls"},
	{path: "bench/whatif", may: []string{"spec", "internal/catalog", "internal/run"}, because: "it times a whole run, stage by stage, as a program of its own"},
	{path: "bench/load", may: []string{"spec"}, because: "a client: it knows the service by its contract alone"},

	// For tests alone; no room may list them.
	{path: "internal/lambdatest", because: "runs any function's binary; it knows events and processes"},
	{path: "internal/proctest", because: "builds programs and keeps their output; what they are is the test's business"},
	{path: "internal/testcity", may: []string{"internal/city", "internal/units"}, because: "an invented city for tests"},
	{path: "internal/awstest", may: []string{"internal/aws"}, because: "stand-ins of the cloud for tests, and the faults of a network"},
	{path: "internal/storetest", because: "what every store must pass"},
	{path: "internal/validation", because: "finds reference data for tests"},
	{path: "internal/arch", because: "rules only"},
	{path: "test/*", anything: true, because: "whole deployments put through what can go wrong; tests and nothing else"},
}

// model is the pure half: the same input gives the same bytes.
var model = []string{
	"internal/units", "internal/pq", "internal/random", "internal/city", "internal/city/osm", "internal/city/gtfs", "internal/city/mapmatch", "internal/city/build", "internal/city/elevation", "internal/city/export", "internal/city/report", "internal/city/tiles",
	"internal/scenario", "internal/demand", "internal/choice", "internal/routing", "internal/routing/raptor", "internal/loading",
	"internal/assign", "internal/traffic", "internal/kpi", "internal/insight", "internal/artifact", "internal/run", "internal/testcity",
}

// ban says what some rooms may never import, whatever their line above says. A
// path also bans what lies below it.
type ban struct {
	rooms   []string
	paths   []string
	except  []string // rooms
	because string
}

var bans = []ban{
	{rooms: model, paths: []string{"os", "syscall", "io/ioutil", "path/filepath", "plugin"},
		because: "the model half has no files and no environment: it takes bytes and gives bytes"},
	{rooms: model, paths: []string{"net"},
		because: "an answer must not depend on what some other machine says today"},
	{rooms: model, paths: []string{"math/rand", "crypto/rand"},
		because: "every draw is keyed by (seed, who, what for) in internal/random, never by the order of calls"},
	{rooms: model, paths: []string{"log"},
		because: "lower layers return what they found; only the top of the program writes it down"},
	{rooms: model, paths: []string{"time"}, except: []string{"internal/city/gtfs", "internal/city/build", "internal/scenario"},
		because: "the model half has no clock; only timetables and requests hold calendar dates"},
	{rooms: model, paths: []string{"runtime", "sync"}, except: []string{"internal/run", "internal/loading", "internal/traffic"},
		because: "goroutines are started where their results are put in order: in run by index, in loading by region (crew.go), in traffic by destination"},
	{rooms: []string{"internal/kpi"}, paths: []string{ours + "internal/loading"},
		because: "indicators must not depend on how vehicles were moved"},
	{rooms: []string{"internal/loading"}, paths: []string{ours + "internal/kpi"},
		because: "the physics must not know what is being measured"},
	{rooms: model, paths: []string{ours + "internal/job", ours + "internal/httpapi", ours + "internal/queue", ours + "internal/telemetry", ours + "internal/catalog"},
		because: "the model half must run without the service: in a test, on a command line, in somebody's program"},
	{rooms: []string{"internal/job", "internal/httpapi"}, paths: []string{ours + "internal/city", ours + "internal/scenario", ours + "internal/demand", ours + "internal/choice", ours + "internal/routing", ours + "internal/loading", ours + "internal/kpi"},
		because: "the service half sees the model only through run.Model"},
	{rooms: []string{"*"}, paths: []string{ours + "internal/testcity", ours + "internal/validation", ours + "internal/queue/queuetest", ours + "internal/job/jobtest", ours + "internal/lambdatest", ours + "internal/proctest", ours + "internal/awstest", ours + "internal/storetest"},
		because: "what exists for tests must not reach the program"},
}

// unlinked is what must not be part of a program by any way, however long.
var unlinked = []struct {
	programs string // below cmd, as path.Match
	packages []string
	because  string
}{
	{"lambda-*", []string{ours + "web", "github.com/nats-io/nats-server", ours + "internal/queue/jetstream", ours + "internal/city/build", ours + "internal/city/tiles"},
		"a function starts with a visitor waiting: it carries no page, no queue of its own and no importers"},
}

// dates are the names of package time that the model half may use: reading and
// counting calendar days. All others need a clock or a time zone of the machine.
var dates = []string{"Parse", "Time", "Weekday", "LoadLocation", "Date", "UTC", "Month", "DateOnly",
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

const datesBecause = "the model half may read a calendar date but has no clock: the same request gives the same bytes on any day"
