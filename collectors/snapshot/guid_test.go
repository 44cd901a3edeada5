package snapshot_test

import (
	"testing"

	"countersign/collectors/snapshot"
)

func TestGUID(t *testing.T) {
	const id = "62e90394-69f5-4237-9190-012177145E10"
	for text, want := range map[string]struct {
		is bool
		in string
	}{
		id: {true, id}, snapshot.NoGUID: {true, snapshot.NoGUID}, "": {}, "contoso.example": {}, id[:35]: {}, "62e9039469f542379190012177145e10": {},
		"{" + id + "}": {false, id}, id + "\n": {false, id}, "members of " + id + ".csv": {false, id}, id + id: {false, id},
	} {
		if is, in := snapshot.IsGUID(text), snapshot.GUIDIn(text); is != want.is || in != want.in {
			t.Errorf("%q: %v %q", text, is, in)
		}
	}
}
