package store

// HoldAtMost makes a run spill what is more than n waiting rows.
func (r *Run) HoldAtMost(n int64) { r.most = n }
