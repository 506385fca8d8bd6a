package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/spec"
)

// counted is a bucket that notes which objects are read and written. It knows
// the calls that a catalog makes and no others.
type counted struct {
	driver.Bucket
	mu           sync.Mutex
	objects      map[string][]byte
	reads, wrote []string
}

var errNone = errors.New("no such object")

func (b *counted) ErrorCode(err error) gcerrors.ErrorCode {
	if errors.Is(err, errNone) {
		return gcerrors.NotFound
	}
	return gcerrors.Unknown
}
func (b *counted) Close() error { return nil }

func (b *counted) Attributes(_ context.Context, key string) (*driver.Attributes, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.objects[key]; !ok {
		return nil, errNone
	}
	return &driver.Attributes{}, nil
}

func (b *counted) NewRangeReader(_ context.Context, key string, _, _ int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads = append(b.reads, key)
	data, ok := b.objects[key]
	if !ok {
		return nil, errNone
	}
	return object{bytes.NewReader(data), &driver.ReaderAttributes{Size: int64(len(data))}}, nil
}

type object struct {
	*bytes.Reader
	is *driver.ReaderAttributes
}

func (object) Close() error                           { return nil }
func (o object) Attributes() *driver.ReaderAttributes { return o.is }
func (object) As(any) bool                            { return false }

type writer struct {
	bytes.Buffer
	b   *counted
	key string
}

func (w *writer) Close() error {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	w.b.objects[w.key] = bytes.Clone(w.Bytes())
	w.b.wrote = append(w.b.wrote, w.key)
	return nil
}

func (b *counted) NewTypedWriter(_ context.Context, key, _ string, _ *driver.WriterOptions) (driver.Writer, error) {
	return &writer{b: b, key: key}, nil
}

func (b *counted) ListPaged(_ context.Context, o *driver.ListOptions) (*driver.ListPage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	page := &driver.ListPage{}
	for key := range b.objects {
		if strings.HasPrefix(key, o.Prefix) {
			page.Objects = append(page.Objects, &driver.ListObject{Key: key})
		}
	}
	slices.SortFunc(page.Objects, func(x, y *driver.ListObject) int { return strings.Compare(x.Key, y.Key) })
	return page, nil
}

func fresh(t *testing.T) (*counted, *Catalog) {
	t.Helper()
	b := &counted{objects: map[string][]byte{}}
	bucket := blob.NewBucket(b)
	t.Cleanup(func() { _ = bucket.Close() })
	return b, Over(bucket)
}

func town(slug, digest string) *city.City {
	o := testcity.Default()
	o.N, o.Population, o.Headway = 6, 600, 1200
	c := testcity.Grid(o)
	c.Info.Slug, c.Info.Name, c.Info.Digest = slug, strings.ToUpper(slug), strings.Repeat(digest, 64)
	return c
}

// kinds are the reads since the last call, without digests.
func (b *counted) kinds() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, key := range b.reads {
		_, ext, _ := strings.Cut(key[strings.LastIndex(key, "/"):], ".")
		if key == indexKey {
			ext = "index"
		}
		out = append(out, ext)
	}
	b.reads = nil
	return out
}

// What each call of the API costs in reads of the store: a city in full also
// asks for its kept baseline. The pack is read by
// the first check alone, and again only after the city was compiled anew.
func TestReadsOfEachCall(t *testing.T) {
	b, c := fresh(t)
	for _, slug := range []string{"alpha", "beta"} {
		if err := c.Add(t.Context(), town(slug, "a")); err != nil {
			t.Fatal(err)
		}
	}
	b.kinds()
	e := run.New(Over(blob.NewBucket(b)), spec.DefaultLimits())
	check := func() error {
		_, ps, err := e.Check(t.Context(), &spec.RunRequest{City: "alpha"})
		return errors.Join(ps.Err(), err)
	}
	for _, step := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"list", func() error { _, err := e.Cities(t.Context()); return err }, []string{"index"}},
		{"detail", func() error { _, err := e.City(t.Context(), "alpha"); return err }, []string{"index", "detail.json", "bin"}},
		{"detail by name", func() error { _, err := e.City(t.Context(), "BETA"); return err }, []string{"index", "detail.json", "bin"}},
		{"streets", func() error { _, err := e.Streets(t.Context(), "alpha"); return err }, []string{"index", "streets.geojson"}},
		{"first check", check, []string{"index", "pack"}},
		{"second check", check, []string{"index"}},
		{"compiled again", func() error { return c.Add(t.Context(), town("alpha", "b")) }, []string{"index"}},
		{"check of the new one", check, []string{"index", "pack"}},
	} {
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if d := cmp.Diff(step.want, b.kinds()); d != "" {
			t.Errorf("%s reads: want -, got +\n%s", step.name, d)
		}
	}
	if _, err := e.City(t.Context(), "nowhere"); !errors.Is(err, run.ErrUnknownCity) {
		t.Error(err)
	}
	if d := cmp.Diff([]string{"index"}, b.kinds()); d != "" {
		t.Errorf("an unknown city reads\n%s", d)
	}
}

// The kept description says what the pack would.
func TestTheDetailIsOfThePack(t *testing.T) {
	_, c := fresh(t)
	ct := town("alpha", "a")
	if err := c.Add(t.Context(), ct); err != nil {
		t.Fatal(err)
	}
	e := run.New(c, spec.DefaultLimits())
	d, err := e.City(t.Context(), "alpha")
	if err != nil {
		t.Fatal(err)
	}
	if d.Limits != spec.DefaultLimits() || len(d.Stops) != ct.Timetable.NumStops() || !cmp.Equal(d.CityInfo, run.Info(ct)) {
		t.Errorf("%+v", d)
	}
	streets, err := e.Streets(t.Context(), "alpha")
	if err != nil || !bytes.Equal(streets, city.StreetsGeoJSON(ct)) {
		t.Errorf("%v, %d bytes", err, len(streets))
	}
}

// With a bound, the city not used for longest is forgotten and read again; the
// one in use always fits.
func TestABoundForgetsTheOldest(t *testing.T) {
	b, c := fresh(t)
	for _, slug := range []string{"alpha", "beta", "gamma"} {
		if err := c.Add(t.Context(), town(slug, "a")); err != nil {
			t.Fatal(err)
		}
	}
	var size int
	for key, data := range b.objects {
		if strings.HasSuffix(key, ".pack") {
			size = city.RawSize(data)
		}
	}
	e := run.New(c, spec.DefaultLimits())
	packs := func(bound int, order ...string) string {
		e.Bound(bound)
		b.kinds()
		for _, slug := range order {
			if _, _, err := e.Check(t.Context(), &spec.RunRequest{City: slug}); err != nil {
				t.Fatal(err)
			}
		}
		out := ""
		for _, k := range b.kinds() {
			if k == "pack" {
				out += "p"
			} else {
				out += "."
			}
		}
		return out
	}
	for _, s := range []struct {
		bound int
		order []string
		want  string
	}{
		{2*size + size/2, []string{"alpha", "beta", "alpha", "gamma", "alpha", "beta"}, ".p.p..p..p"},
		{1, []string{"beta", "beta", "alpha", "beta"}, "...p.p"},
		{0, []string{"alpha", "beta", "gamma", "alpha", "beta", "gamma"}, ".p..p..."},
	} {
		if got := packs(s.bound, s.order...); got != s.want {
			t.Errorf("bound %d, %v: %s, want %s", s.bound, s.order, got, s.want)
		}
	}
}

// Seeding copies what is missing, the index last, and then nothing.
func TestSeedCopiesOnlyWhatIsMissing(t *testing.T) {
	from, source := fresh(t)
	to, c := fresh(t)
	for _, slug := range []string{"alpha", "beta"} {
		if err := source.Add(t.Context(), town(slug, "a")); err != nil {
			t.Fatal(err)
		}
	}
	source.Keep(t.Context(), "alpha", "k", []byte("state"))
	keys, err := c.Seed(t.Context(), source)
	if err != nil || len(keys) != 8 || keys[7] != indexKey || !slices.Equal(keys, to.wrote) || !cmp.Equal(from.objects, to.objects) {
		t.Fatalf("%v %q", err, keys)
	}
	if keys, err := c.Seed(t.Context(), source); err != nil || len(keys) != 0 || len(to.wrote) != 8 {
		t.Errorf("again: %v %q", err, keys)
	}
	// A city of the target alone stays; a new one is added.
	if err := c.Add(t.Context(), town("own", "c")); err != nil {
		t.Fatal(err)
	}
	if err := source.Add(t.Context(), town("gamma", "a")); err != nil {
		t.Fatal(err)
	}
	if keys, err := c.Seed(t.Context(), source); err != nil || len(keys) != 4 {
		t.Errorf("one more city: %v %q", err, keys)
	}
	if all, err := c.Cities(t.Context()); err != nil || len(all) != 4 {
		t.Error(all, err)
	}
}

// An index of a version that kept no descriptions is told, not guessed at.
func TestAnOlderIndex(t *testing.T) {
	b, c := fresh(t)
	if err := c.Add(t.Context(), town("alpha", "a")); err != nil {
		t.Fatal(err)
	}
	var x map[string]any
	if err := json.Unmarshal(b.objects[indexKey], &x); err != nil {
		t.Fatal(err)
	}
	delete(x["cities"].([]any)[0].(map[string]any), "detail")
	old, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	b.objects[indexKey] = old
	if _, err := run.New(c, spec.DefaultLimits()).City(t.Context(), "alpha"); err == nil || !strings.Contains(err.Error(), "older version") {
		t.Error(err)
	}
	_, target := fresh(t)
	if _, err := target.Seed(t.Context(), c); err == nil || !strings.Contains(err.Error(), "build it again") {
		t.Error(err)
	}
}

// A basemap keeps its address, its digest says which it is, and seeding copies
// it when it differs. A city without one is as it was.
func TestBasemaps(t *testing.T) {
	from, source := fresh(t)
	to, c := fresh(t)
	for _, slug := range []string{"alpha", "beta"} {
		if err := source.Add(t.Context(), town(slug, "a")); err != nil {
			t.Fatal(err)
		}
	}
	const key = "cities/alpha/basemap.pmtiles"
	put := func(archive string, wrote ...string) {
		t.Helper()
		if err := source.AddBasemap(t.Context(), "alpha", []byte(archive)); err != nil {
			t.Fatal(err)
		}
		keys, err := c.Seed(t.Context(), source)
		if err != nil || len(wrote) > 0 && !slices.Equal(keys, wrote) || string(to.objects[key]) != archive {
			t.Fatalf("%v %q, %q", err, keys, to.objects[key])
		}
	}
	put("one")
	cities, err := c.Cities(t.Context())
	if err != nil || !strings.HasPrefix(cities[0].Tiles, "/tiles/alpha.pmtiles?v=") || cities[1].Tiles != "" {
		t.Fatalf("%v %+v", err, cities)
	}
	d, err := run.New(c, spec.DefaultLimits()).City(t.Context(), "alpha")
	if err != nil || d.Tiles != cities[0].Tiles {
		t.Errorf("%v %q", err, d.Tiles)
	}
	to.kinds()
	for range 3 {
		if b, digest, err := c.Basemap(t.Context(), "alpha"); err != nil || string(b) != "one" || len(digest) != 64 {
			t.Fatalf("%q %s %v", b, digest, err)
		}
	}
	if d := cmp.Diff([]string{"index", "pmtiles", "index", "index"}, to.kinds()); d != "" {
		t.Errorf("reads: want -, got +\n%s", d)
	}
	put("two", key, indexKey)
	if b, _, err := c.Basemap(t.Context(), "alpha"); err != nil || string(b) != "two" {
		t.Errorf("%q %v", b, err)
	}
	if again, err := c.Cities(t.Context()); err != nil || again[0].Tiles == cities[0].Tiles {
		t.Errorf("%v: a new basemap has the old address", err)
	}
	if keys, err := c.Seed(t.Context(), source); err != nil || len(keys) != 0 {
		t.Errorf("%v %q", err, keys)
	}
	delete(to.objects, key) // lost
	if _, _, err := Over(blob.NewBucket(to)).Basemap(t.Context(), "alpha"); err == nil || errors.Is(err, run.ErrUnknownCity) {
		t.Error(err)
	}
	if keys, err := c.Seed(t.Context(), source); err != nil || !slices.Equal(keys, []string{key}) {
		t.Errorf("%v %q", err, keys)
	}
	delete(from.objects, key)
	if _, err := Over(blob.NewBucket(&counted{objects: map[string][]byte{}})).Seed(t.Context(), source); err == nil || !strings.Contains(err.Error(), "build the city again") {
		t.Error(err)
	}
	for _, slug := range []string{"beta", "nowhere", "", "../alpha"} {
		if _, _, err := c.Basemap(t.Context(), slug); !errors.Is(err, run.ErrUnknownCity) {
			t.Errorf("%s: %v", slug, err)
		}
	}
	if err := c.AddBasemap(t.Context(), "nowhere", nil); !errors.Is(err, run.ErrUnknownCity) {
		t.Error(err)
	}
	// Compiled again, a city has no basemap until it gets its new one.
	if err := source.Add(t.Context(), town("alpha", "b")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := source.Basemap(t.Context(), "alpha"); !errors.Is(err, run.ErrUnknownCity) {
		t.Error(err)
	}
}

var _ io.Writer = (*writer)(nil)
