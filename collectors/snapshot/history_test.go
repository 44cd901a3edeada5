package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"countersign/collectors/snapshot"
)

func TestHistory(t *testing.T) {
	st := open(t)
	if got, err := snapshot.History(t.Context(), st.Read()); len(got) != 0 || err != nil {
		t.Errorf("an empty database has the history %v, %v", got, err)
	}
	day := func(n int) time.Time { return asked.AddDate(0, 0, n) }
	w := &world{}
	w.take(t, st, day(0))
	if _, _, err := st.Begin(t.Context(), day(1), msp, "all", 0); err != nil { // given up by the next one
		t.Fatal(err)
	}
	w.take(t, st, day(2))
	w.take(t, st, day(4))
	if _, _, err := st.Begin(t.Context(), day(5), msp, "all", 0); err != nil { // unfinished
		t.Fatal(err)
	}
	all, err := snapshot.History(t.Context(), st.Read())
	if err != nil {
		t.Fatal(err)
	}
	var got string
	for _, s := range all {
		got += fmt.Sprintf("%d at %s asked for %s, ", s.ID, s.At.Format(time.DateOnly), s.Request)
		if len(s.Seal) != 64 {
			t.Errorf("snapshot %d has the seal %q", s.ID, s.Seal)
		}
	}
	if want := "1 at 2026-03-31 asked for all, 3 at 2026-04-02 asked for all, 4 at 2026-04-04 asked for all, "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	const cure = "; `countersign snapshot list` shows those there are, `countersign collect` takes one"
	berlin := time.FixedZone("", 2*3600)
	find := map[string]func(time.Time) (snapshot.Sealed, error){
		"last":  func(at time.Time) (snapshot.Sealed, error) { return snapshot.LastAt(t.Context(), st.Read(), at) },
		"first": func(at time.Time) (snapshot.Sealed, error) { return snapshot.FirstFrom(t.Context(), st.Read(), at) },
	}
	for _, c := range []struct {
		which string
		at    time.Time
		id    int64
		err   string
	}{
		{"last", day(0), 1, ""}, {"last", day(2).Add(-time.Second), 1, ""}, {"last", day(2), 3, ""}, {"last", day(3), 3, ""}, {"last", day(99), 4, ""},
		{"last", day(0).Add(-time.Second).In(berlin), 0, "no sealed snapshot at or before 2026-03-31T03:59:59Z" + cure},
		{"first", day(-9), 1, ""}, {"first", day(0), 1, ""}, {"first", day(1), 3, ""}, {"first", day(4), 4, ""},
		{"first", day(4).Add(time.Second).In(berlin), 0, "no sealed snapshot at or after 2026-04-04T04:00:01Z" + cure},
	} {
		s, err := find[c.which](c.at)
		expect(t, fmt.Sprintf("%s %v", c.which, c.at), s, err, c.id, c.err)
	}
	for id, want := range map[int64]string{1: "", 3: "", 2: "no sealed snapshot number 2" + cure, 5: "no sealed snapshot number 5" + cure, 0: "no sealed snapshot number 0" + cure} {
		s, err := snapshot.ByID(t.Context(), st.Read(), id)
		expect(t, fmt.Sprintf("number %d", id), s, err, id, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := snapshot.LastAt(ctx, st.Read(), asked); err == nil || err.Error() != "list snapshots: context canceled" {
		t.Errorf("got %v", err)
	}
}

func expect(t *testing.T, which string, s snapshot.Sealed, err error, id int64, text string) {
	t.Helper()
	if text == "" {
		if err != nil || s.ID != id {
			t.Errorf("%s: got %d, %v, want %d", which, s.ID, err, id)
		}
	} else if !errors.Is(err, snapshot.ErrNoSnapshot) || err.Error() != text {
		t.Errorf("%s: got %v, want %s", which, err, text)
	}
}
