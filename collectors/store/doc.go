// Package store owns the SQLite file: opening it safely, its schema, the merge of a
// run's rows into intervals, part by part, and the seal chain.
//
// It knows no business noun and reads no clock. How a row is merged and sealed
// follows from the schema alone: the prefix of its table (fact_, log_, derived_)
// and what its columns refer to. The schema files of every room stand here, in
// one ordered series that is only ever added to, so that there is one story for
// an auditor and foreign keys may cross rooms.
//
// It promises that a sealed snapshot stays whole whatever happens to the process,
// that an unsealed one is invisible, and that no statement of ours or of anyone
// else changes or deletes sealed evidence without being refused.
package store
