package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/build"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

type src struct {
	pack []byte
	slug string
}

func (s src) Cities(context.Context) ([]spec.CityInfo, error) {
	return []spec.CityInfo{{Slug: s.slug, Name: s.slug}}, nil
}
func (s src) Pack(context.Context, string) ([]byte, error) { return s.pack, nil }
func (s src) State(_ context.Context, _, key string) []byte {
	b, _ := os.ReadFile("/tmp/state-" + key)
	return b
}
func (s src) Keep(_ context.Context, _, key string, b []byte) {
	os.WriteFile("/tmp/state-"+key, b, 0o644)
}

type sink struct{ dir string }

func (s sink) Put(_ context.Context, name, _ string, data []byte) error {
	return os.WriteFile(s.dir+"/"+name, data, 0o644)
}

func main() {
	slug := os.Args[1]
	t0 := time.Now()
	packFile := "/tmp/" + slug + ".pack"
	b, err := os.ReadFile(packFile)
	if err != nil {
		c, err := build.City(os.DirFS("cities/"+slug), slug, nil)
		if err != nil {
			panic(err)
		}
		var buf bytes.Buffer
		if err := city.Encode(&buf, c); err != nil {
			panic(err)
		}
		b = buf.Bytes()
		os.WriteFile(packFile, b, 0o644)
		fmt.Println("built", time.Since(t0), len(b))
	}
	e := run.New(src{b, slug}, spec.DefaultLimits())
	req, ps := spec.ParseRequest(strings.NewReader(os.Args[2]))
	if ps != nil {
		fmt.Println(ps)
		os.Exit(2)
	}
	cfg, ps, err := e.Check(context.Background(), req)
	if err != nil || ps != nil {
		fmt.Println(err, ps)
		os.Exit(2)
	}
	f, _ := os.Create("/tmp/cpu.prof")
	pprof.StartCPUProfile(f)
	t1 := time.Now()
	os.MkdirAll(os.Args[3], 0o755)
	last := ""
	_, err = e.Run(context.Background(), cfg, sink{os.Args[3]}, func(p run.Progress) {
		if p.Stage != last {
			fmt.Printf("%8.3f %s %.2f\n", time.Since(t1).Seconds(), p.Stage, p.Done)
			last = p.Stage
		}
	})
	pprof.StopCPUProfile()
	fmt.Println("run", time.Since(t1), err)
}
