package main

import (
	"errors"
	"io/fs"
	"testing"
)

// What goes wrong at the very end of a command is a failure that is told, even
// where gaps, findings or nothing at all would have been the answer.
func TestTroubleWhenClosing(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"after success": {nil, "file already closed"},
		"after a gap":   {&exit{code: exitGaps}, "file already closed"},
		"after a fault": {errors.New("snapshot 3 is unknown"), "snapshot 3 is unknown\nfile already closed"},
		"after a word":  {usage("--on is not a day"), "--on is not a day\nfile already closed"},
	} {
		err := c.err
		released(&err, nil)
		if !errors.Is(err, c.err) {
			t.Errorf("%s, closed well: %v", name, err)
		}
		released(&err, fs.ErrClosed)
		var coded *exit
		if code := exitCode(t.Context(), &app{started: true}, err); code != exitFailed || err.Error() != c.want || !errors.As(err, &coded) || coded.err == nil {
			t.Errorf("%s: exit code %d, %v", name, code, err)
		}
	}
}
