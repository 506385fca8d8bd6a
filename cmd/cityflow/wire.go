package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"gocloud.dev/blob/fileblob"

	"github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/queue/jetstream"
	"github.com/malikobaid/cityflow/internal/queue/sqs"
)

// The drivers by URL scheme. A new driver is a line here and nowhere else.
var (
	stores = map[string]func(context.Context, *url.URL) (*job.Store, error){
		"file": openFileStore,
		"s3":   openS3,
	}
	queues = map[string]func(context.Context, *url.URL, time.Duration) (queue.Queue, error){
		"file": openFileQueue,
		"nats": openNATS,
		"tls":  openNATS,
		// An SQS queue is named by its own address; http is for stand-ins.
		"https": openSQS,
		"http":  openSQS,
	}
)

// wiring is an opened store and queue.
type wiring struct {
	store *job.Store
	queue queue.Queue
}

// wire opens what the flags name; without URLs, folders inside the data folder.
func (s *storage) wire(ctx context.Context) (*wiring, error) {
	if s.Lease < 100*time.Millisecond {
		return nil, usagef("--lease %v is too short, want 100ms or more", s.Lease)
	}
	data, err := filepath.Abs(s.Data)
	if err != nil {
		return nil, err
	}
	storeURL := s.Store
	if storeURL == "" && s.Bucket != "" {
		storeURL = (&url.URL{Scheme: "s3", Host: s.Bucket}).String()
	}
	su, openStore, err := driver(stores, "--store", storeURL, filepath.Join(data, "store"))
	if err != nil {
		return nil, err
	}
	qu, openQueue, err := driver(queues, "--queue", s.Queue, filepath.Join(data, "queue"))
	if err != nil {
		return nil, err
	}
	w := &wiring{}
	if w.store, err = openStore(ctx, su); err != nil {
		return nil, err
	}
	if w.queue, err = openQueue(ctx, qu, s.Lease); err != nil {
		return nil, errors.Join(err, w.store.Bucket.Close())
	}
	return w, nil
}

func (w *wiring) Close() error { return errors.Join(w.queue.Close(), w.store.Bucket.Close()) }

// driver finds the opener of a URL's scheme.
func driver[F any](table map[string]F, flag, raw, folder string) (*url.URL, F, error) {
	u := &url.URL{Scheme: "file", Path: filepath.ToSlash(folder)}
	var none F
	if raw != "" {
		var err error
		if u, err = url.Parse(raw); err != nil {
			return nil, none, usagef("%s %q is not a URL", flag, raw)
		}
	}
	open, ok := table[u.Scheme]
	if !ok {
		known := strings.Join(slices.Sorted(maps.Keys(table)), "://, ") + "://"
		return nil, none, usagef("%s: no driver for %q, there are %s", flag, u.Scheme+"://", known)
	}
	return u, open, nil
}

func openS3(ctx context.Context, u *url.URL) (*job.Store, error) {
	b, err := aws.OpenBucket(ctx, u)
	if err != nil {
		return nil, err
	}
	return &job.Store{Bucket: b}, nil
}

// usable says what to do when a folder cannot hold what we keep. Better to
// refuse the start than to accept jobs that cannot be stored.
func usable(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = tryToWrite(dir)
	}
	switch job.Refusal(err) {
	case job.ErrFull:
		return fmt.Errorf("the disk of %s is full: free some space, or name a folder on another disk with --data", dir)
	case job.ErrReadOnly:
		return fmt.Errorf("%s cannot be written to: give this user the right to, or name another folder with --data (%w)", dir, err)
	}
	if err != nil {
		return fmt.Errorf("%s cannot be used, name another folder with --data: %w", dir, err)
	}
	return nil
}

// tryToWrite writes more than what a full disk may still take by chance.
func tryToWrite(dir string) error {
	f, err := os.CreateTemp(dir, "start-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 64<<10))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

func openFileStore(ctx context.Context, u *url.URL) (*job.Store, error) {
	dir := filepath.FromSlash(u.Path)
	if err := usable(dir); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	b, err := fileblob.OpenBucket(dir, &fileblob.Options{
		CreateDir: true, DirFileMode: 0o700,
		// Temporary files lie beside the final ones, so that the rename that
		// completes a write never crosses a file system.
		NoTempDir: true,
		// Types follow from names (job.ContentType): no .attrs files.
		Metadata: fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, fmt.Errorf("store in %s: %w", dir, err)
	}
	// Held open for the life of the program: as long as it is, no folder that is
	// made anew can get its number.
	first, err := os.Open(dir) // #nosec G304 -- the operator's folder
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store in %s: %w", dir, err), b.Close())
	}
	opened, err := first.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store in %s: %w", dir, err), first.Close(), b.Close())
	}
	go removeCutOff(ctx, dir, time.Now().Add(-cutOffAge))
	return &job.Store{
		Bucket: b,
		There: func() error {
			now, err := os.Stat(dir)
			if err == nil && !os.SameFile(opened, now) {
				err = errors.New("the folder was removed and made anew")
			}
			runtime.KeepAlive(first)
			return err
		},
		Sync: func(key string) error { return syncFile(dir, key) },
		// Only an empty folder can be removed; another one is still in use.
		Prune: func(prefix string) { _ = os.Remove(filepath.Join(dir, filepath.FromSlash(prefix))) },
	}, nil
}

// cutOffAge is far more than any write takes, also one of another process.
const cutOffAge = time.Hour

// removeCutOff removes the beginnings of objects whose writers were killed.
func removeCutOff(ctx context.Context, dir string, before time.Time) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return fs.SkipAll
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".tmp") {
			return nil // what cannot be read is not ours to remove
		}
		if info, err := d.Info(); err == nil && info.ModTime().Before(before) {
			_ = os.Remove(path)
		}
		return nil
	})
}

// syncFile flushes a file and the folders that lead to it: the store renames
// files into place without, and a power cut could undo a confirmed write.
func syncFile(root, key string) error {
	path := filepath.Join(root, filepath.FromSlash(key))
	for {
		f, err := os.Open(path) // #nosec G304 -- a key of the store, which only the program writes
		if err != nil {
			return err
		}
		err = f.Sync()
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		if path == root {
			return nil
		}
		path = filepath.Dir(path)
	}
}

// locked is an embedded queue that gives its folder back when closed.
type locked struct {
	*jetstream.Queue
	lock *flock.Flock
}

func (l locked) Close() error { return errors.Join(l.Queue.Close(), l.lock.Unlock()) }

func openFileQueue(ctx context.Context, u *url.URL, lease time.Duration) (queue.Queue, error) {
	dir := filepath.FromSlash(u.Path)
	if err := usable(dir); err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	if ok, err := lock.TryLock(); err != nil {
		return nil, fmt.Errorf("queue: lock %s: %w", dir, err)
	} else if !ok {
		return nil, fmt.Errorf("queue: %s is in use by another cityflow; stop it, or name another folder with --data", dir)
	}
	q, err := jetstream.Embed(ctx, dir, jetstream.Options{Lease: lease})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w (if its files are damaged, remove the folder and start again: the store has the jobs, and those that are open are sent again; only the dead letters are lost)", err), lock.Unlock())
	}
	return locked{q, lock}, nil
}

// openNATS takes nats://host1:4222,host2:4222,host3:4222[?replicas=N]. Without
// replicas, a queue on three named nodes or more survives the loss of one.
func openNATS(ctx context.Context, u *url.URL, lease time.Duration) (queue.Queue, error) {
	o := jetstream.Options{Lease: lease, Replicas: 1}
	if strings.Count(u.Host, ",") >= 2 {
		o.Replicas = 3
	}
	for key, values := range u.Query() {
		n, err := strconv.Atoi(values[0])
		if key != "replicas" || err != nil || n < 1 || n > 5 {
			return nil, usagef("--queue: %s=%s, want nothing or replicas=1 to 5 after the address of a NATS server", key, values[0])
		}
		o.Replicas = n
	}
	bare := *u
	bare.RawQuery = ""
	return jetstream.Dial(ctx, bare.String(), o)
}

func openSQS(ctx context.Context, u *url.URL, lease time.Duration) (queue.Queue, error) {
	cfg, err := aws.Config(ctx)
	if err != nil {
		return nil, err
	}
	return sqs.Open(ctx, cfg, u, sqs.Options{Lease: lease})
}

// minSecret is the least length of a secret, in bytes.
const minSecret = 32

// secret makes the ids of repeated submits. All that answer for one site must
// have the same: it comes from an SSM parameter or, on one machine, from a file
// of the data folder.
func (s *storage) secret(ctx context.Context, parameter string) ([]byte, error) {
	if parameter == "" {
		return loadSecret(filepath.Join(s.Data, "secret"))
	}
	cfg, err := aws.Config(ctx)
	if err != nil {
		return nil, err
	}
	v, err := aws.NewParameter(cfg, parameter).Value(ctx)
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	if n := len(v.Reveal()); n < minSecret {
		return nil, fmt.Errorf("secret: SSM parameter %s holds %d bytes, want %d or more", parameter, n, minSecret)
	}
	return []byte(v.Reveal()), nil
}

// loadSecret reads the secret of this data folder, made at the first start. It
// lies outside the store, so that no address can ever reach it.
func loadSecret(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	b, err := os.ReadFile(path) // #nosec G304 -- the operator's own folder
	if err == nil && len(b) >= minSecret {
		return b, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("secret: %w", err)
	}
	b = []byte(rand.Text() + rand.Text())
	tmp := path + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	return b, nil
}
