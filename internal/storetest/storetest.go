// Package storetest is the conformance suite of stores: what CityFlow relies on
// of a gocloud.dev bucket, stated as tests. A store's own test calls Run with a
// function that opens an empty bucket.
//
// Nothing here rests on conditional writes: neither does CityFlow.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// patience bounds every rule.
const patience = time.Minute

// Big is the size of the largest object of the suite: a compiled city, written
// in several parts where the store takes parts.
const Big = 20 << 20

// Run runs the suite.
func Run(t *testing.T, open func(t *testing.T) *blob.Bucket) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, context.Context, *blob.Bucket)
	}{
		{"what is written is read, at once and whole", readAfterWrite},
		{"a second write replaces the first", overwrite},
		{"what is not there is not found, in every call", missing},
		{"a listing has every key of its prefix, in order", listing},
		{"a listing has more keys than a page", manyKeys},
		{"a deleted object is gone from reads and listings", deletion},
		{"ranges", ranges},
		{"size, type and time of an object", attributes},
		{"empty and large objects", sizes},
		{"a write that is broken off leaves what was there", brokenOff},
		{"readers see one of the versions, never a mixture", oneVersion},
		{"an ended context ends a call", ended},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			t.Cleanup(func() { _ = b.Close() })
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c.run(t, ctx, b)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, ctx context.Context, b *blob.Bucket, key, text string) {
	t.Helper()
	must(t, b.WriteAll(ctx, key, []byte(text), &blob.WriterOptions{ContentType: "application/json"}))
}

func keys(t *testing.T, ctx context.Context, b *blob.Bucket, prefix string) []string {
	t.Helper()
	var out []string
	it := b.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := it.Next(ctx)
		if err == io.EOF {
			return out
		}
		must(t, err)
		out = append(out, o.Key)
	}
}

func readAfterWrite(t *testing.T, ctx context.Context, b *blob.Bucket) {
	for i := range 20 {
		key, text := fmt.Sprintf("jobs/a%d/config.json", i), fmt.Sprintf(`{"n":%d}`, i)
		put(t, ctx, b, key, text)
		got, err := b.ReadAll(ctx, key)
		if err != nil || string(got) != text {
			t.Fatalf("%q %v", got, err)
		}
		if there, err := b.Exists(ctx, key); err != nil || !there {
			t.Fatal(there, err)
		}
		if all := keys(t, ctx, b, "jobs/"); len(all) != i+1 {
			t.Fatalf("%d objects are listed after %d writes", len(all), i+1)
		}
	}
}

func overwrite(t *testing.T, ctx context.Context, b *blob.Bucket) {
	for i := range 10 {
		text := strings.Repeat("x", 100-i) // ever shorter: no old end may show
		put(t, ctx, b, "jobs/a/progress.json", text)
		if got, err := b.ReadAll(ctx, "jobs/a/progress.json"); err != nil || string(got) != text {
			t.Fatalf("%q %v", got, err)
		}
	}
	if all := keys(t, ctx, b, ""); len(all) != 1 {
		t.Error(all)
	}
}

func missing(t *testing.T, ctx context.Context, b *blob.Bucket) {
	put(t, ctx, b, "jobs/a/config.json", "{}")
	for _, key := range []string{"nothing", "jobs/a/manifest.json", "jobs/b/config.json", "jobs/a/config.jso", "jobs/a/config.json2", "runs/30130130130.json"} {
		_, read := b.ReadAll(ctx, key)
		_, attrs := b.Attributes(ctx, key)
		_, reader := b.NewRangeReader(ctx, key, 3, 4, nil)
		for what, err := range map[string]error{"read": read, "attributes": attrs, "range": reader, "delete": b.Delete(ctx, key)} {
			// Some stores do not say whether there was something to delete.
			if gcerrors.Code(err) != gcerrors.NotFound && (what != "delete" || err != nil) {
				t.Errorf("%s %s: %v, want not found", what, key, err)
			}
		}
		if there, err := b.Exists(ctx, key); err != nil || there {
			t.Errorf("%s: %v %v", key, there, err)
		}
	}
	if all := keys(t, ctx, b, "nothing/"); len(all) != 0 {
		t.Error(all)
	}
}

func listing(t *testing.T, ctx context.Context, b *blob.Bucket) {
	// A folder is walked name by name, so its order is that of whole keys only
	// while no folder's name continues another's with a byte below "/", such as
	// "-" in "jobs-old". Ours do not.
	all := []string{"cities/index.json", "jobs/a/config.json", "jobs/a/run.log", "jobs/a2/config.json", "jobs/b/config.json", "jobs2/x.json", "pending/a", "pending/b", "runs/0.json"}
	for _, i := range []int{3, 0, 8, 5, 1, 7, 2, 6, 4} {
		put(t, ctx, b, all[i], "{}")
	}
	for _, prefix := range []string{"", "jobs/", "jobs/a/", "jobs/a", "pending/", "pending/b", "none/"} {
		var want []string
		for _, k := range all {
			if strings.HasPrefix(k, prefix) {
				want = append(want, k)
			}
		}
		slices.Sort(want) // the order of bytes, which is S3's
		if got := keys(t, ctx, b, prefix); !slices.Equal(got, want) {
			t.Errorf("prefix %q: %v, want %v", prefix, got, want)
		}
	}
	o, err := b.List(&blob.ListOptions{Prefix: "jobs/a/config.json"}).Next(ctx)
	must(t, err)
	if o.Size != 2 || age(o.ModTime) > time.Hour {
		t.Errorf("%d bytes of %v", o.Size, o.ModTime)
	}
}

func age(at time.Time) time.Duration { return time.Since(at).Abs() }

func manyKeys(t *testing.T, ctx context.Context, b *blob.Bucket) {
	const n = 1050 // a page of S3 holds 1,000
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("pending/m%04d", i))
	}
	next := make(chan string)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for key := range next {
				if err := b.WriteAll(ctx, key, []byte("\n"), &blob.WriterOptions{ContentType: "text/plain"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, key := range want {
		next <- key
	}
	close(next)
	writers.Wait()
	if got := keys(t, ctx, b, "pending/"); !slices.Equal(got, want) {
		t.Errorf("%d of %d keys, or not in order", len(got), n)
	}
	// Page by page, as somebody who comes back for the next one reads it.
	var got []string
	for token := blob.FirstPageToken; len(token) > 0; {
		page, after, err := b.ListPage(ctx, token, 400, &blob.ListOptions{Prefix: "pending/"})
		must(t, err)
		for _, o := range page {
			got = append(got, o.Key)
		}
		token = after
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d of %d keys by pages, or not in order", len(got), n)
	}
}

func deletion(t *testing.T, ctx context.Context, b *blob.Bucket) {
	put(t, ctx, b, "pending/a", "\n")
	put(t, ctx, b, "pending/b", "\n")
	must(t, b.Delete(ctx, "pending/a"))
	if _, err := b.ReadAll(ctx, "pending/a"); gcerrors.Code(err) != gcerrors.NotFound {
		t.Error(err)
	}
	if got := keys(t, ctx, b, "pending/"); !slices.Equal(got, []string{"pending/b"}) {
		t.Error(got)
	}
	put(t, ctx, b, "pending/a", "again")
	if got, err := b.ReadAll(ctx, "pending/a"); err != nil || string(got) != "again" {
		t.Error(got, err)
	}
}

func ranges(t *testing.T, ctx context.Context, b *blob.Bucket) {
	put(t, ctx, b, "jobs/a/legs.bin", "0123456789")
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, -1, "0123456789"}, {3, -1, "3456789"}, {3, 4, "3456"}, {0, 1, "0"}, {9, 1, "9"}, {8, 100, "89"}, {4, 0, ""}} {
		r, err := b.NewRangeReader(ctx, "jobs/a/legs.bin", c.offset, c.length, nil)
		must(t, err)
		got, err := io.ReadAll(r)
		if err != nil || string(got) != c.want || r.Size() != 10 {
			t.Errorf("%d+%d: %q of %d, %v, want %q of 10", c.offset, c.length, got, r.Size(), err, c.want)
		}
		must(t, r.Close())
	}
	// As a file server reads: the end, then a part.
	r, err := b.NewReader(ctx, "jobs/a/legs.bin", nil)
	must(t, err)
	defer r.Close()
	if end, err := r.Seek(0, io.SeekEnd); err != nil || end != 10 {
		t.Fatal(end, err)
	}
	if _, err := r.Seek(6, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "6789" {
		t.Fatalf("%q %v", got, err)
	}
}

func attributes(t *testing.T, ctx context.Context, b *blob.Bucket) {
	put(t, ctx, b, "jobs/a/summary.json", "{}")
	a, err := b.Attributes(ctx, "jobs/a/summary.json")
	must(t, err)
	if a.Size != 2 || age(a.ModTime) > time.Hour {
		t.Errorf("%+v", a)
	}
	// A folder keeps no types: whoever serves files knows them by their names.
	if kind, _, _ := strings.Cut(a.ContentType, ";"); kind != "application/json" && kind != "application/octet-stream" {
		t.Errorf("type %q", a.ContentType)
	}
	r, err := b.NewReader(ctx, "jobs/a/summary.json", nil)
	must(t, err)
	defer r.Close()
	if r.Size() != 2 || age(r.ModTime()) > time.Hour {
		t.Errorf("%d %v", r.Size(), r.ModTime())
	}
	// Time goes on, to a second, when the object is written again.
	put(t, ctx, b, "jobs/a/summary.json", "{ }")
	again, err := b.Attributes(ctx, "jobs/a/summary.json")
	must(t, err)
	if again.Size != 3 || again.ModTime.Before(a.ModTime.Truncate(time.Second)) {
		t.Errorf("%+v", again)
	}
}

func sizes(t *testing.T, ctx context.Context, b *blob.Bucket) {
	big := make([]byte, Big)
	for i := range big {
		big[i] = byte(i * 31 >> 7)
	}
	for _, data := range [][]byte{{}, []byte("x"), big[:5<<20], big[:5<<20+1], big} {
		key := fmt.Sprintf("cities/newport/%d.pack", len(data))
		must(t, b.WriteAll(ctx, key, data, &blob.WriterOptions{ContentType: "application/octet-stream"}))
		a, err := b.Attributes(ctx, key)
		must(t, err)
		got, err := b.ReadAll(ctx, key)
		if err != nil || a.Size != int64(len(data)) || sha256.Sum256(got) != sha256.Sum256(data) {
			t.Errorf("%d bytes came back as %d (said to be %d), or others: %v", len(data), len(got), a.Size, err)
		}
	}
	r, err := b.NewRangeReader(ctx, fmt.Sprintf("cities/newport/%d.pack", Big), 7<<20, 1000, nil)
	must(t, err)
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, big[7<<20:7<<20+1000]) {
		t.Errorf("%d bytes from the middle: %v", len(got), err)
	}
}

func brokenOff(t *testing.T, ctx context.Context, b *blob.Bucket) {
	put(t, ctx, b, "jobs/a/summary.json", "old")
	for _, key := range []string{"jobs/a/summary.json", "jobs/a/new.json"} {
		breaking, breakOff := context.WithCancel(ctx)
		w, err := b.NewWriter(breaking, key, &blob.WriterOptions{ContentType: "application/json"})
		must(t, err)
		if _, err := w.Write([]byte("new, but only half of i")); err != nil {
			t.Fatal(err)
		}
		breakOff()
		if err := w.Close(); err == nil {
			t.Error("a broken off write was confirmed")
		}
	}
	if got, err := b.ReadAll(ctx, "jobs/a/summary.json"); err != nil || string(got) != "old" {
		t.Errorf("%q %v", got, err)
	}
	if there, err := b.Exists(ctx, "jobs/a/new.json"); err != nil || there {
		t.Error(there, err)
	}
}

func oneVersion(t *testing.T, ctx context.Context, b *blob.Bucket) {
	version := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 10_000+i) }
	put(t, ctx, b, "cities/index.json", version(0))
	writing, stop := context.WithCancel(ctx)
	var writers sync.WaitGroup
	for i := range 2 {
		writers.Go(func() {
			for n := i; writing.Err() == nil; n += 2 {
				if err := b.WriteAll(ctx, "cities/index.json", []byte(version(n%20)), &blob.WriterOptions{ContentType: "application/json"}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 50 {
		got, err := b.ReadAll(ctx, "cities/index.json")
		must(t, err)
		if i := len(got) - 10_000; i < 0 || i >= 20 || string(got) != version(i) {
			t.Errorf("a mixture of %d bytes", len(got))
		}
	}
	stop()
	writers.Wait()
}

func ended(t *testing.T, ctx context.Context, b *blob.Bucket) {
	put(t, ctx, b, "jobs/a/config.json", "{}")
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if err := b.WriteAll(ctx, "jobs/a/new.json", []byte("{}"), nil); err == nil {
		t.Error("written")
	}
	if _, err := b.ReadAll(context.WithoutCancel(ctx), "jobs/a/new.json"); gcerrors.Code(err) != gcerrors.NotFound {
		t.Error(err)
	}
	if _, err := b.ReadAll(ctx, "jobs/a/config.json"); err != nil && gcerrors.Code(err) == gcerrors.NotFound && !errors.Is(err, context.Canceled) {
		t.Errorf("an ended call says that the object is not there: %v", err)
	}
}
