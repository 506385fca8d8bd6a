package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/testcity"
)

// Publishing copies built cities into a store, and the second time nothing.
func TestPublishingCities(t *testing.T) {
	packs, store := t.TempDir(), t.TempDir()
	built, err := openBuilt(packs)
	if err != nil {
		t.Fatal(err)
	}
	o := testcity.Default()
	o.N, o.Population, o.Headway = 6, 600, 1200
	if err := catalog.Over(built).Add(t.Context(), testcity.Grid(o)); err != nil {
		t.Fatal(err)
	}
	if err := built.Close(); err != nil {
		t.Fatal(err)
	}
	publish := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := mainExit(context.Background(), append([]string{"city", "publish", "--packs", packs}, args...), &out, &errs)
		return code, out.String(), errs.String()
	}
	address := "file://" + filepath.ToSlash(store)
	code, out, errs := publish("--store", address)
	lines := strings.Fields(out)
	if code != 0 || len(lines) != 4 || lines[3] != "cities/index.json" {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	var again struct{ Wrote []string }
	code, out, errs = publish("--store", address, "--format", "json")
	if err := json.Unmarshal([]byte(out), &again); code != 0 || err != nil || again.Wrote == nil || len(again.Wrote) != 0 {
		t.Errorf("%d %s %s", code, out, errs)
	}
	for _, args := range [][]string{{}, {"--store", "carrier-pigeon://x"}} {
		if code, _, errs := publish(args...); code != 2 {
			t.Errorf("%q: %d %s", args, code, errs)
		}
	}
}
