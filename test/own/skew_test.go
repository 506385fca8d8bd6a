//go:build slow

package own

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/queue/jetstream"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/spec"
)

// other is a version with another model, another pack format, one more field
// of the config and one more of the message.
var other = []change{
	{"internal/run/engine.go", fmt.Sprintf("const ModelVersion = %q", run.ModelVersion), `const ModelVersion = "other"`},
	{"spec/config.go", "type Config struct {\n", "type Config struct {\n\tNovel int `json:\"novel,omitempty\"`\n"},
	{"internal/job/id.go", "type message struct {\n", "type message struct {\n\tNovel string `json:\"novel\"`\n"},
	{"internal/job/id.go", "message{V: messageVersion,", "message{Novel: \"x\", V: messageVersion,"},
}

// format is other with another pack format besides.
var format = append([]change{{"internal/city/codec.go", fmt.Sprintf("const PackFormat = %d", city.PackFormat), fmt.Sprintf("const PackFormat = %d", city.PackFormat+1)}}, other...)

// pair is an API and what it shares with workers.
type pair struct {
	*testing.T
	dir, store string
	b          *blob.Bucket
	both       []string
	q          *jetstream.Queue
}

func newPair(t *testing.T) *pair {
	p := &pair{T: t, dir: t.TempDir()} // without a city of its own: the store has it
	p.store, p.b = bucket(t)
	c := newCluster(t)
	p.both = []string{"--store", p.store, "--queue", c.url(0), "--lease", "1s"}
	var err error
	if p.q, err = jetstream.Dial(t.Context(), c.url(0), jetstream.Options{Lease: time.Second, Replicas: 3}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.q.Close() })
	p.publish(town())
	return p
}

func (p *pair) publish(c *city.City) {
	p.Helper()
	if err := catalog.Over(p.b).Add(p.Context(), c); err != nil {
		p.Fatal(err)
	}
}

func (p *pair) api(bin string) *process {
	p.Helper()
	a, err := serve(p.T, bin, p.dir, append([]string{"--addr", "127.0.0.1:0", "--workers", "0", "--data", "data"}, p.both...)...)
	if err != nil {
		p.Fatal(err)
	}
	return a
}

func (p *pair) worker(bin string) *process {
	return launched(p.T, bin, p.dir, append([]string{"worker"}, p.both...)...)
}

// ask submits and says whether the answer was there already.
func (p *pair) ask(a *process, seed int) (id string, cached bool) {
	p.Helper()
	r, err := ask("POST", a.url+"/v1/submit", request(seed), "")
	if err != nil {
		p.Fatal(err)
	}
	var s spec.Submitted
	if err := json.Unmarshal([]byte(r.body), &s); err != nil || s.JobID == "" {
		p.Fatalf("%d %s", r.code, r.body)
	}
	return s.JobID, s.Cached
}

func (p *pair) manifest(id string) (m spec.Manifest) {
	p.Helper()
	data, err := p.b.ReadAll(p.Context(), "jobs/"+id+"/manifest.json")
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		p.Fatal(err)
	}
	return m
}

// logs waits for a line in the log of a process.
func logs(t *testing.T, p *process, line string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(p.String(), line); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never logged %q\n%s", line, p.String())
		}
	}
}

func TestAPIAndWorkerOfDifferentVersions(t *testing.T) {
	plain, skewed := program(t, "plain"), program(t, "other", other...)
	want := undisturbed(t)
	for _, c := range []struct{ name, api, worker, version string }{
		{"the API is newer", skewed, plain, run.ModelVersion},
		{"the worker is newer", plain, skewed, "other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t)
			api := p.api(c.api)
			w := p.worker(c.worker)
			id, cached := p.ask(api, 1)
			until(t, api, id, spec.Complete)
			m := p.manifest(id)
			if cached || m.ModelVersion != c.version {
				t.Errorf("cached %v, the results are those of model version %s, want %s", cached, m.ModelVersion, c.version)
			}
			got := files(t, p.b, id)
			if c.worker == plain {
				if d := cmp.Diff(want[1], got); d != "" {
					t.Errorf("who asked made a difference:\n%s", d)
				}
			} else if got["kpis.csv"] == "" || got["kpis.csv"] != want[1]["kpis.csv"] {
				t.Error("kpis.csv differs, although only the name of the model's version does")
			}
			// The other version may mean other results: no answer from the cache.
			again, cached := p.ask(api, 1)
			if cached || again == id {
				t.Errorf("the API took results of another version for its own")
			}
			until(t, api, again, spec.Complete)
			if err := api.stop(t); err != nil {
				t.Error(err)
			}
			// An API of the worker's version finds them.
			api = p.api(c.worker)
			if got, cached := p.ask(api, 1); !cached || got != id && got != again {
				t.Errorf("job %s, cached %v: the results were not found under the key of the run really done", got, cached)
			}
			if n := strings.Count(w.String(), "job started"); n != 2 {
				t.Errorf("%d starts of 2 jobs\n%s", n, w.String())
			}
		})
	}
}

// A message of another version has fields that this one does not know, or lacks
// some.
func TestMessagesOfOtherVersions(t *testing.T) {
	p := newPair(t)
	api := p.api(program(t, "plain"))
	for seed, body := range map[int]string{1: `{"v":1,"job_id":%q,"config_key":"jobs/%s/config.json"}`, 2: `{"v":1,"job_id":%q,"config_key":"jobs/%s/config.json","request":"","novel":{"a":[1]}}`} {
		id, _ := p.ask(api, seed)
		l, err := p.q.Receive(t.Context())
		if err != nil || l.ID != id {
			t.Fatal(l, err)
		}
		if err := p.q.Done(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		if err := p.q.Send(t.Context(), id, fmt.Appendf(nil, body, id, id)); err != nil {
			t.Fatal(err)
		}
		w := p.worker(program(t, "plain"))
		until(t, api, id, spec.Complete)
		w.kill()
	}
}

// A field of the config that a worker does not know may change the answer: only
// a worker that knows it may run the job.
func TestAConfigThatOnlyANewerWorkerUnderstands(t *testing.T) {
	p := newPair(t)
	api := p.api(program(t, "plain"))
	id, _ := p.ask(api, 1)
	key := "jobs/" + id + "/config.json"
	data, err := p.b.ReadAll(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Replace(data, []byte("{"), []byte(`{"novel":7,`), 1)
	if err := p.b.WriteAll(t.Context(), key, data, nil); err != nil {
		t.Fatal(err)
	}
	old := p.worker(program(t, "plain"))
	logs(t, old, "novel")
	if st, err := statusOf(api.url, id); err != nil || st.State != spec.Queued {
		t.Fatalf("%+v %v", st, err)
	}
	old.kill()
	p.worker(program(t, "other", other...))
	until(t, api, id, spec.Complete)
	if m := p.manifest(id); m.ModelVersion != "other" {
		t.Errorf("model version %s", m.ModelVersion)
	}
}

// A city that was published by a newer version cannot be read by an older
// worker: its jobs wait for a newer one, and none fails.
func TestAPackThatOnlyANewerWorkerReads(t *testing.T) {
	p := newPair(t)
	api := p.api(program(t, "plain"))
	id, _ := p.ask(api, 1) // the API has the city in memory
	var packs int
	for _, key := range listed(t, p.b, "cities/") {
		if !strings.HasSuffix(key, ".pack") {
			continue
		}
		r, err := p.b.NewReader(t.Context(), key, nil)
		if err != nil {
			t.Fatal(err)
		}
		pack, err := io.ReadAll(r)
		_ = r.Close()
		if err != nil {
			t.Fatal(err)
		}
		// The header is the magic, then the format.
		at := bytes.Index(pack, binary.LittleEndian.AppendUint32(nil, city.PackFormat))
		if at < 0 || at > 16 {
			t.Fatalf("the format is not where it was: %d", at)
		}
		binary.LittleEndian.PutUint32(pack[at:], city.PackFormat+1)
		if err := p.b.WriteAll(t.Context(), key, pack, nil); err != nil {
			t.Fatal(err)
		}
		packs++
	}
	if packs != 1 {
		t.Fatalf("%d packs", packs)
	}
	old := p.worker(program(t, "plain"))
	for deadline := time.Now().Add(patience); strings.Count(old.String(), "job released") < 3; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) || strings.Contains(old.String(), "job failed") {
			t.Fatalf("not released\n%s", old.String())
		}
	}
	if st, err := statusOf(api.url, id); err != nil || st.State != spec.Queued {
		t.Fatalf("%+v %v", st, err)
	}
	old.kill()
	p.worker(program(t, "format", format...))
	until(t, api, id, spec.Complete)
}

// The worker has a newer city than the API had when it checked the request.
func TestTheCityChangesBetweenAPIAndWorker(t *testing.T) {
	p := newPair(t)
	api := p.api(program(t, "plain"))
	id, _ := p.ask(api, 1)
	o := testcity.Default()
	o.N, o.Population, o.Headway = 8, 2500, 1200
	larger := testcity.Grid(o)
	if larger.Info.Digest == town().Info.Digest {
		t.Fatal("the cities are the same")
	}
	p.publish(larger)
	p.worker(program(t, "plain"))
	until(t, api, id, spec.Complete)
	if m := p.manifest(id); m.CityDigest != larger.Info.Digest {
		t.Errorf("the results name city %s, but are of %s", m.CityDigest, larger.Info.Digest)
	}
	if again, cached := p.ask(api, 1); !cached || again != id {
		t.Errorf("the run of the new city is not found under its own key: %s %v", again, cached)
	}
	p.publish(town())
	if _, cached := p.ask(api, 1); cached {
		t.Error("results of the new city were taken for those of the old one")
	}
}
