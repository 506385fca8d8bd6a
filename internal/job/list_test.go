package job

import (
	"context"
	"testing"
	"time"

	"gocloud.dev/blob/memblob"
)

// However often the list is asked for, the store is listed once in a while.
func TestTheStoreIsNotListedForEachPage(t *testing.T) {
	ctx := context.Background()
	b := memblob.OpenBucket(nil)
	defer b.Close()
	s := &Store{Bucket: b}
	put := func(id string) {
		t.Helper()
		if err := s.put(ctx, Key(id, ConfigFile), []byte(`{"city":"x"}`)); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(l *listing) []string {
		t.Helper()
		all, err := l.read(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, e := range all {
			out = append(out, e.id)
		}
		return out
	}
	var l listing
	first, foreign, mine := newID(), newID(), newID()
	put(first)
	if got := ids(&l); len(got) != 1 {
		t.Fatal(got)
	}
	l.took = time.Hour // the listing was dear
	put(foreign)
	put(mine)
	l.add(mine, time.Now())
	if got := ids(&l); len(got) != 2 || got[0] != mine || got[1] != first {
		t.Errorf("%v, want the new one of ours and the first", got)
	}
	l.at = time.Now().Add(-21 * time.Hour) // now it is worth another
	if got := ids(&l); len(got) != 3 || len(l.added) != 0 {
		t.Errorf("%v %v", got, l.added)
	}
	for range 5 * mostAdded {
		l.add(newID(), time.Now())
	}
	if len(l.added) > mostAdded {
		t.Errorf("%d are kept", len(l.added))
	}
}
