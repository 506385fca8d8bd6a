package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/malikobaid/cityflow/spec"
)

// Files of a job that say where it stands.
const (
	ConfigFile   = "config.json"
	ProgressFile = "progress.json"
	ManifestFile = "manifest.json"
	FailedFile   = "failed.json"
	CancelFile   = "cancel.json"
	RunLogFile   = "run.log"
)

// Kind is one kind of stored object: where it lives, what it is, how long a
// reader may keep it and who writes it. Every key this package touches is of
// exactly one kind.
type Kind struct {
	Name    string
	Pattern string // of the whole key
	// Public objects can be read through /files by whoever knows the job id.
	Public bool
	// Cache is the Cache-Control of a public object once its job has ended. It
	// is stored with the object, for readers that come past the API (a CDN);
	// objects that are no longer than a moment true say so from the start.
	Cache  string
	Writer string
	// Durable objects are flushed to the disk before the write counts, where
	// the store is a folder.
	Durable bool

	re *regexp.Regexp
}

const (
	immutable = "public, max-age=31536000, immutable"
	revalid   = "no-cache"
	idPart    = `[a-z2-7]{26}`
	dayPart   = `[0-9]{4}-[0-9]{2}-[0-9]{2}`
)

// Kinds is the table of all objects; the first match wins.
var Kinds = compile([]Kind{
	{Name: "progress", Pattern: `jobs/` + idPart + `/progress\.json`, Public: true, Cache: revalid, Writer: "the worker that holds the lease"},
	{Name: "cancel", Pattern: `jobs/` + idPart + `/cancel\.json`, Public: true, Cache: revalid, Writer: "any API or the janitor, any is valid", Durable: true},
	{Name: "failed", Pattern: `jobs/` + idPart + `/failed\.json`, Public: true, Cache: revalid, Writer: "a worker or the reconciler, any is valid", Durable: true},
	{Name: "manifest", Pattern: `jobs/` + idPart + `/manifest\.json`, Public: true, Cache: revalid, Writer: "a worker, equal but for timing", Durable: true},
	{Name: "config", Pattern: `jobs/` + idPart + `/config\.json`, Public: true, Cache: immutable, Writer: "the API, then a worker with equal meaning", Durable: true},
	{Name: "log", Pattern: `jobs/` + idPart + `/run\.log`, Public: true, Cache: revalid, Writer: "a worker, any is valid"},
	{Name: "insights", Pattern: `jobs/` + idPart + `/insights\.(md|meta\.json)`, Public: true, Cache: revalid, Writer: "a worker, then any API, any is valid", Durable: true},
	{Name: "artifact", Pattern: `jobs/` + idPart + `/[a-z0-9]+([_.-][a-z0-9]+)*\.(json|csv|geojson|parquet|md|html|bin|zip|txt)`, Public: true, Cache: immutable, Writer: "workers, equal bytes", Durable: true},
	{Name: "run", Pattern: `runs/[0-9a-f]{64}\.json`, Writer: "workers, any is valid"},
	{Name: "model call", Pattern: `spend/\d{4}-\d{2}-\d{2}/model-` + idPart, Writer: "the API that calls, once"},
	{Name: "pending", Pattern: `pending/` + idPart, Writer: "the API that submits", Durable: true},
	{Name: "spend", Pattern: `spend/` + dayPart + `\.json`, Writer: "the reconciler that holds the lease", Durable: true},
	{Name: "worked", Pattern: `spend/` + dayPart + `/` + idPart + `\.json`, Writer: "the worker that holds the job's lease"},
	{Name: "lease", Pattern: `reconcile/lease\.json`, Writer: "reconcilers, any is valid"},
})

func compile(ks []Kind) []Kind {
	for i := range ks {
		ks[i].re = regexp.MustCompile(`^` + ks[i].Pattern + `$`)
	}
	return ks
}

// KindOf finds the kind of a key; false when no object may have it.
func KindOf(key string) (Kind, bool) {
	for _, k := range Kinds {
		if k.re.MatchString(key) {
			return k, true
		}
	}
	return Kind{}, false
}

// contentTypes by extension, so that no metadata files are needed beside the
// objects of a folder.
var contentTypes = map[string]string{
	".json": "application/json", ".geojson": "application/geo+json", ".csv": "text/csv; charset=utf-8",
	".md": "text/markdown; charset=utf-8", ".html": "text/html; charset=utf-8", ".log": "text/plain; charset=utf-8",
	".txt": "text/plain; charset=utf-8", ".zip": "application/zip", ".parquet": "application/vnd.apache.parquet",
	".bin": "application/octet-stream",
}

// ContentType of an artifact by its name.
func ContentType(name string) string {
	if t, ok := contentTypes[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}

// Key is the key of a file of a job.
func Key(id, name string) string { return "jobs/" + id + "/" + name }

func runKey(key string) string    { return "runs/" + key + ".json" }
func pendingKey(id string) string { return "pending/" + id }

// Store keeps the objects in a bucket.
type Store struct {
	Bucket *blob.Bucket
	// Sync flushes an object to the disk, for stores that would lose a
	// confirmed write when the machine loses power. May be nil.
	Sync func(key string) error
	// Prune is told of a prefix that has become empty, for stores that keep
	// folders. May be nil.
	Prune func(prefix string)

	// There says that the place of the store is still the one that was opened,
	// for stores that somebody could remove under us. May be nil.
	There func() error

	// refusal is why the last write was refused, for the health check; nil once
	// one succeeds.
	refusal atomic.Pointer[error]
}

// put writes a whole object in its final form: what is immutable by its kind
// is stored as such.
func (s *Store) put(ctx context.Context, key string, data []byte) error {
	k, ok := KindOf(key)
	if !ok {
		panic(fmt.Sprintf("job: key %q is of no kind in the table", key))
	}
	return s.putAs(ctx, key, k, k.Cache, data)
}

// putDraft writes an object that another writer may still put in other words.
func (s *Store) putDraft(ctx context.Context, key string, v any) error {
	k, ok := KindOf(key)
	if !ok {
		panic(fmt.Sprintf("job: key %q is of no kind in the table", key))
	}
	return s.putAs(ctx, key, k, revalid, encode(v))
}

func (s *Store) putAs(ctx context.Context, key string, k Kind, cache string, data []byte) error {
	if err := s.write(ctx, key, data, &blob.WriterOptions{ContentType: ContentType(key), CacheControl: cache}); err != nil {
		return s.refused("write", key, err)
	}
	if k.Durable && s.Sync != nil {
		if err := s.Sync(key); err != nil {
			return s.refused("flush", key, err)
		}
	}
	s.refusal.Store(nil)
	return nil
}

// write stores all of data or nothing.
func (s *Store) write(ctx context.Context, key string, data []byte, o *blob.WriterOptions) error {
	if s.Sync == nil {
		// Upload lets the S3 driver read from data itself instead of filling a
		// buffer of 5 MB per object.
		return s.Bucket.Upload(ctx, key, bytes.NewReader(data), o)
	}
	// A folder whose disk is full takes a part of the data, and Upload and
	// WriteAll put that part into the object's place. Only a cancelled write
	// leaves there what was there.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.Bucket.NewWriter(ctx, key, o)
	if err != nil {
		return err
	}
	if _, err = w.Write(data); err != nil {
		cancel()
		_ = w.Close() // the context's error
		return err
	}
	return w.Close()
}

// refused says what kind of failure of a write err is.
func (s *Store) refused(what, key string, err error) error {
	kind := Refusal(err)
	if kind == nil {
		return fmt.Errorf("%w: %s %s: %w", ErrStore, what, key, err)
	}
	s.refusal.Store(&kind)
	return fmt.Errorf("%w: %w: %s %s: %w", ErrStore, kind, what, key, err)
}

// Refusal is ErrFull or ErrReadOnly where err says one of these, else nil.
func Refusal(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT),
		strings.Contains(err.Error(), "StorageFull"): // of S3-compatible stores
		return ErrFull
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return ErrReadOnly
	}
	return nil
}

func (s *Store) putJSON(ctx context.Context, key string, v any) error {
	return s.put(ctx, key, encode(v))
}

func encode(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("job: %T does not encode: %v", v, err))
	}
	return append(b, '\n')
}

// get reads a whole object; found is false when there is none.
func (s *Store) get(ctx context.Context, key string) (data []byte, found bool, err error) {
	data, err = s.Bucket.ReadAll(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w: read %s: %w", ErrStore, key, err)
	}
	return data, true, nil
}

// getConfig reads the config of a job, what of it this version does not know,
// and when it was last written, at once. Like getJSON, it takes one that does
// not decode for absent.
func (s *Store) getConfig(ctx context.Context, id string) (c *spec.Config, unknown string, stored time.Time, err error) {
	key := Key(id, ConfigFile)
	var b []byte
	r, err := s.Bucket.NewReader(ctx, key, nil)
	if err == nil {
		defer r.Close()
		stored = r.ModTime().UTC()
		b, err = io.ReadAll(r)
	}
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, "", time.Time{}, nil
	}
	if err != nil {
		return nil, "", time.Time{}, fmt.Errorf("%w: read %s: %w", ErrStore, key, err)
	}
	c = new(spec.Config)
	if json.Unmarshal(b, c) != nil {
		return nil, "", time.Time{}, nil
	}
	strict := json.NewDecoder(bytes.NewReader(b))
	strict.DisallowUnknownFields()
	if err := strict.Decode(new(spec.Config)); err != nil {
		unknown = err.Error() // json: unknown field "..."
	}
	return c, unknown, stored, nil
}

// getJSON reads an object. One that does not decode counts as absent: a cut
// off write is repaired by writing it again, which every writer can.
func getJSON[T any](ctx context.Context, s *Store, key string) (*T, error) {
	b, found, err := s.get(ctx, key)
	if err != nil || !found {
		return nil, err
	}
	v := new(T)
	if json.Unmarshal(b, v) != nil {
		return nil, nil
	}
	return v, nil
}

func (s *Store) exists(ctx context.Context, key string) (bool, error) {
	ok, err := s.Bucket.Exists(ctx, key)
	if err != nil {
		return false, fmt.Errorf("%w: look for %s: %w", ErrStore, key, err)
	}
	return ok, nil
}

func (s *Store) remove(ctx context.Context, key string) error {
	if err := s.Bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("%w: delete %s: %w", ErrStore, key, err)
	}
	return nil
}

// entry is one object of a listing.
type entry struct {
	key string
	mod time.Time
}

// listTries bounds how often a listing is begun again.
const listTries = 20

// list gives every object whose key begins with prefix, in key order. Objects
// of no kind (temporary files of an interrupted write) are left out.
func (s *Store) list(ctx context.Context, prefix string) ([]entry, error) {
	for try := 1; ; try++ {
		out, err := s.listOnce(ctx, prefix)
		// In a folder, a file that is renamed or removed while it is being
		// listed ends the listing with "not found": begin again.
		if gcerrors.Code(err) == gcerrors.NotFound && try < listTries {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: list %s: %w", ErrStore, prefix, err)
		}
		return out, nil
	}
}

func (s *Store) listOnce(ctx context.Context, prefix string) ([]entry, error) {
	var out []entry
	it := s.Bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := it.Next(ctx)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if _, ok := KindOf(o.Key); ok {
			out = append(out, entry{o.Key, o.ModTime})
		}
	}
}

// Check is the health check: the store can be read, and did not refuse the last
// write of this process. It asks for an object, for only then S3 says that the
// bucket itself is not there.
func (s *Store) Check(ctx context.Context) error {
	if _, _, err := s.get(ctx, "pending/health"); err != nil {
		return err
	}
	if s.There != nil {
		if err := s.There(); err != nil {
			return fmt.Errorf("%w: %w; start again", ErrStore, err)
		}
	}
	if s.refusal.Load() != nil {
		return s.probe(ctx)
	}
	return nil
}

// probe tries whether a store that refused a write still does.
func (s *Store) probe(ctx context.Context) error {
	const key = "pending/aaaaaaaaaaaaaaaaaaaaaaaaaa" // a marker without a job, which means nothing
	if err := s.put(ctx, key, make([]byte, 4096)); err != nil {
		return err
	}
	return s.remove(ctx, key)
}

// splitKey takes "jobs/<id>/<name>" apart.
func splitKey(key string) (id, name string, ok bool) {
	rest, ok := strings.CutPrefix(key, "jobs/")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/")
}
