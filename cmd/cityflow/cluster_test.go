package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/malikobaid/cityflow/spec"
)

// One machine has the page and the API, another the worker; a NATS server and
// a store are between them. The same code, other URLs.
func TestAWorkerOnAnotherMachine(t *testing.T) {
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	defer func() { srv.Shutdown(); srv.WaitForShutdown() }()
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server did not start")
	}
	data := t.TempDir()
	shared := []string{"--queue", srv.ClientURL(), "--store", "file://" + filepath.ToSlash(filepath.Join(data, "store"))}
	p := start(t, data, "", 0, append(shared, "--workers", "0")...)
	id := p.submit(request)
	if st := p.until(id, spec.Queued); st.Attempt != 0 {
		t.Fatalf("%+v", st)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := exec.Command(self, append([]string{"worker", "--once", "--data", t.TempDir(), "--lease", "600ms"}, shared...)...)
	w.Env = append(os.Environ(), asCityflow+"=0s")
	if out, err := w.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.until(id, spec.Complete)
	p.stop()
}
