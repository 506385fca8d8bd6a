package aws_test

import (
	"errors"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"go.uber.org/goleak"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/storetest"
)

func TestMain(m *testing.M) {
	// Connections wait in the SDK's pool for the next request.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func open(t *testing.T, address string) (*blob.Bucket, error) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return aws.OpenBucket(t.Context(), u)
}

func opened(t *testing.T, address string) *blob.Bucket {
	t.Helper()
	b, err := open(t, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestS3(t *testing.T) {
	s := awstest.Moto(t)
	storetest.Run(t, func(t *testing.T) *blob.Bucket { return opened(t, s.BucketURL(s.Bucket(t), "")) })
}

func TestS3WithAPrefix(t *testing.T) {
	s := awstest.Moto(t)
	address := s.BucketURL(s.Bucket(t), "")
	all := opened(t, address)
	if err := all.WriteAll(t.Context(), "other/jobs/x", nil, nil); err != nil {
		t.Fatal(err)
	}
	below := opened(t, address+"&prefix=ours/")
	if err := below.WriteAll(t.Context(), "jobs/x", []byte("y"), nil); err != nil {
		t.Fatal(err)
	}
	if b, err := all.ReadAll(t.Context(), "ours/jobs/x"); err != nil || string(b) != "y" {
		t.Fatal(b, err)
	}
	if o, err := below.List(nil).Next(t.Context()); err != nil || o.Key != "jobs/x" {
		t.Fatal(o, err)
	}
}

// fake is an S3-compatible server inside this process.
func fake(t *testing.T) (address string) {
	t.Helper()
	for _, e := range [][2]string{{"AWS_ACCESS_KEY_ID", "x"}, {"AWS_SECRET_ACCESS_KEY", "x"}, {"AWS_EC2_METADATA_DISABLED", "true"}} {
		t.Setenv(e[0], e[1])
	}
	backend := s3mem.New()
	if err := backend.CreateBucket("b"); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(srv.Close)
	return srv.URL
}

func fakeURL(endpoint string) string {
	return "s3://b?region=any&use_path_style=true&endpoint=" + url.QueryEscape(endpoint)
}

func TestAnS3CompatibleStore(t *testing.T) {
	endpoint := fake(t)
	n := 0
	storetest.Run(t, func(t *testing.T) *blob.Bucket {
		n++
		return opened(t, fakeURL(endpoint)+"&prefix="+strings.Repeat("p", n)+"/")
	})
}

// The store's rules hold, a little later, over a network that goes wrong now
// and then: the client tries again.
func TestAShortFaultIsNotSeen(t *testing.T) {
	p := awstest.NewProxy(t, fake(t), awstest.Faults{Seed: 1, NotStored: 0.05, Cut: 0.05, StoredButError: 0.1, Single: true})
	b := opened(t, fakeURL(p.URL))
	for i := range 60 {
		key := "jobs/" + strings.Repeat("a", i+1)
		if err := b.WriteAll(t.Context(), key, []byte(key), nil); err != nil {
			t.Fatal(err)
		}
		if got, err := b.ReadAll(t.Context(), key); err != nil || string(got) != key {
			t.Fatal(got, err)
		}
	}
	struck := p.Struck()
	if len(struck) < 4 {
		t.Errorf("too few kinds of faults to show anything: %v", struck)
	}
}

// A fault must never look like a missing object, whatever digits are in its
// text: a worker would take the job for one that never was.
func TestAFaultIsNotAMissingObject(t *testing.T) {
	endpoint := fake(t)
	const key = "runs/301301.json"
	var all sync.WaitGroup
	for _, f := range []awstest.Faults{{NotStored: 1}, {Cut: 1}, {StoredButError: 1}} {
		p := awstest.NewProxy(t, endpoint, awstest.Faults{})
		b := opened(t, fakeURL(p.URL))
		p.Set(f)
		for what, call := range map[string]func() error{
			"read":   func() error { _, err := b.ReadAll(t.Context(), key); return err },
			"exists": func() error { _, err := b.Exists(t.Context(), key); return err },
			"write":  func() error { return b.WriteAll(t.Context(), "jobs/x", nil, nil) },
			"list":   func() error { _, err := b.List(nil).Next(t.Context()); return err },
		} {
			all.Go(func() {
				if err := call(); err == nil || err == io.EOF || gcerrors.Code(err) == gcerrors.NotFound {
					t.Errorf("%+v, %s: %v", f, what, err)
				}
			})
		}
	}
	all.Wait()
	if _, err := opened(t, fakeURL(endpoint)).ReadAll(t.Context(), key); gcerrors.Code(err) != gcerrors.NotFound {
		t.Errorf("a missing object: %v", err)
	}
}

func TestABucketThatGoesIsNotAMissingObject(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	backend := s3mem.New()
	if err := backend.CreateBucket("b"); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gofakes3.New(backend).Server())
	defer srv.Close()
	b := opened(t, fakeURL(srv.URL))
	if err := backend.DeleteBucket("b"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ReadAll(t.Context(), "jobs/x"); err == nil || gcerrors.Code(err) == gcerrors.NotFound || !strings.Contains(err.Error(), "bucket") {
		t.Fatal(err)
	}
	if _, err := b.List(nil).Next(t.Context()); err == nil || gcerrors.Code(err) == gcerrors.NotFound {
		t.Fatal(err)
	}
}

func TestStoresThatCannotBeOpened(t *testing.T) {
	endpoint := fake(t)
	for _, c := range []struct{ address, says string }{
		{strings.Replace(fakeURL(endpoint), "s3://b", "s3://nobody", 1), "is the bucket there"},
		{fakeURL(endpoint) + "&colour=red", "colour"},
		{strings.Replace(fakeURL(endpoint), "s3://b", "s3://b/folder", 1), "prefix"},
		{"s3://?region=any", "want s3://bucket"},
		{"s3://user:secret@b?region=any", "want s3://bucket"},
	} {
		_, err := open(t, c.address)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", c.address, err, c.says)
		}
	}
}

// The endpoint in the address counts more than the one of the environment.
func TestTheAddressNamesItsOwnEndpoint(t *testing.T) {
	endpoint := fake(t)
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	opened(t, fakeURL(endpoint))
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	opened(t, "s3://b?region=any&use_path_style=true")
}

func TestAParameterOfSSM(t *testing.T) {
	s := awstest.Moto(t)
	name := s.Parameter(t, "geheim")
	p := aws.NewParameter(s.Config(), name)
	v, err := p.Value(t.Context())
	if err != nil || v.Reveal() != "geheim" {
		t.Fatal(v.Reveal(), err)
	}
	for _, e := range s.Env("") {
		k, v, _ := strings.Cut(e, "=")
		t.Setenv(k, v)
	}
	read := aws.Reader()
	for range 2 {
		if v, err := read(t.Context(), name); err != nil || v != "geheim" {
			t.Fatal(v, err)
		}
	}
	if _, err := read(t.Context(), "/none"); err == nil {
		t.Fatal("a parameter that does not exist was read")
	}
	_, err = aws.NewParameter(s.Config(), "/none").Value(t.Context())
	if err == nil || !strings.Contains(err.Error(), "/none") || errors.Is(err, t.Context().Err()) {
		t.Fatal(err)
	}
}
