package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"gocloud.dev/blob/fileblob"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/job/jobtest"
	"github.com/malikobaid/cityflow/internal/queue/jetstream"
	"github.com/malikobaid/cityflow/spec"
)

// The status of a complete job, over a store in a folder: what pages and
// scripts ask most.
func BenchmarkStatus(b *testing.B) {
	ctx := context.Background()
	q, err := jetstream.Embed(ctx, b.TempDir(), jetstream.Options{Lease: time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	bucket, err := fileblob.OpenBucket(b.TempDir(), &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		b.Fatal(err)
	}
	defer bucket.Close()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	m := &jobtest.Model{}
	jobs := &job.Service{Model: m, Store: &job.Store{Bucket: bucket}, Queue: q, Secret: []byte("s"), FilesBase: "/files", Log: log}
	sub, err := jobs.Submit(ctx, &spec.RunRequest{City: jobtest.Town}, "x", "")
	if err != nil {
		b.Fatal(err)
	}
	w := &job.Worker{Model: m, Store: jobs.Store, Queue: q, Lease: time.Second, Engine: "test", Log: log}
	if err := w.Once(ctx); err != nil {
		b.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"read": 0, "kept": time.Minute} {
		b.Run(name, func(b *testing.B) {
			h := New(Options{Version: "test", Model: m, Jobs: jobs, Log: log, StatusAge: age})
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("GET", "/v1/status/"+sub.JobID, nil)
				r.Header.Set("Accept-Encoding", "gzip")
				rec := httptest.NewRecorder()
				if h.ServeHTTP(rec, r); rec.Code != 200 {
					b.Fatal(rec.Code, rec.Body)
				}
			}
		})
	}
}
