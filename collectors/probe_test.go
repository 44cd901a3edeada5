package collectors_test

import (
	"testing"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
)

// Of every kind but Azure's activity log something is tried: what was not is never
// said to be readable.
func TestWhatIsNotTriedIsNotReadable(t *testing.T) {
	for _, kind := range snapshot.Kinds {
		asked := 0
		got, err := collectors.Probe(t.Context(), silent{&graph.Error{Reason: graph.NotFound, Status: 404}, &asked}, kind, now)
		want := snapshot.Complete
		if kind == snapshot.AzureActivity {
			want = snapshot.NotAsked
		}
		if err != nil || got.State != want || got.Kind != kind || (asked > 0) != (want == snapshot.Complete) {
			t.Errorf("%s: %+v (%v) by %d requests, want %s", kind, got, err, asked, want)
		}
	}
}
