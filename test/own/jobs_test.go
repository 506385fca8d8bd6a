//go:build slow

package own

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"sort"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"

	"github.com/malikobaid/cityflow/spec"
)

var client = &http.Client{Timeout: 10 * time.Second}

func folder(t *testing.T, dir string) *blob.Bucket {
	t.Helper()
	b, err := fileblob.OpenBucket(dir, &fileblob.Options{CreateDir: true, NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// answer is what an API said.
type answer struct {
	code   int
	header http.Header
	body   string
}

// ask sends one request.
func ask(method, url, body, key string) (*answer, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	return &answer{res.StatusCode, res.Header, string(b)}, nil
}

// submit sends one request and returns the id of its job.
func submit(url, body, key string) (string, error) {
	a, err := ask("POST", url+"/v1/submit", body, key)
	if err != nil {
		return "", err
	}
	var s spec.Submitted
	if err := json.Unmarshal([]byte(a.body), &s); err != nil || a.code != http.StatusAccepted || s.JobID == "" {
		return "", fmt.Errorf("submit: %d %s", a.code, a.body)
	}
	return s.JobID, nil
}

func statusOf(url, id string) (*spec.Status, error) {
	a, err := ask("GET", url+"/v1/status/"+id, "", "")
	if err != nil {
		return nil, err
	}
	var s spec.Status
	if err := json.Unmarshal([]byte(a.body), &s); err != nil || a.code != http.StatusOK {
		return nil, fmt.Errorf("status: %d %s", a.code, a.body)
	}
	return &s, nil
}

// files are the bytes of a job that equal runs share.
func files(t *testing.T, b *blob.Bucket, id string) map[string]string {
	t.Helper()
	ctx := context.Background()
	out := map[string]string{}
	it := b.List(&blob.ListOptions{Prefix: "jobs/" + id + "/"})
	for {
		o, err := it.Next(ctx)
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		name := path.Base(o.Key)
		switch {
		case name == "progress.json", name == "run.log", strings.HasPrefix(name, "insights."), strings.HasSuffix(name, ".tmp"):
			continue // may differ, or the rest of a write that a kill cut off
		}
		data, err := b.ReadAll(ctx, o.Key)
		if err != nil {
			t.Fatal(err)
		}
		if name == "manifest.json" {
			var m spec.Manifest
			if err := json.Unmarshal(data, &m); err != nil {
				t.Fatalf("%s: %v", o.Key, err)
			}
			m.Timing = spec.Timing{}
			for i := range m.Artifacts {
				if m.Artifacts[i].SHA256 == "" {
					m.Artifacts[i].Bytes = 0
				}
			}
			if data, err = json.Marshal(m); err != nil {
				t.Fatal(err)
			}
		}
		out[name] = string(data)
	}
}

// listed are the keys below a prefix.
func listed(t *testing.T, b *blob.Bucket, prefix string) []string {
	t.Helper()
	var out []string
	it := b.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := it.Next(context.Background())
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o.Key)
	}
}

// counts is a table of how often each number of something was seen.
func counts(of []int) string {
	n := map[int]int{}
	for _, v := range of {
		n[v]++
	}
	var keys []int
	for k := range n {
		keys = append(keys, k)
	}
	sort.Ints(keys)
	var parts []string
	for _, k := range keys {
		parts = append(parts, fmt.Sprintf("%dx%d", k, n[k]))
	}
	return strings.Join(parts, " ")
}
