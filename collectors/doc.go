// Package collectors takes snapshots: it asks Microsoft Graph for each kind of
// evidence, part by part, and has the store merge and seal what was seen whole.
//
// It may touch the store, and the network through collectors/graph alone. It reads
// no clock: the instant of the run and the times at which parts were asked are
// handed in. It promises that
//   - half a list is never stored: a part counts only when its last page was in and
//     every row of it could be read;
//   - what was not seen is named in coverage, with the reason and what to do, and
//     the facts known before stand;
//   - equal answers give equal seals, whatever the concurrency;
//   - a run that is interrupted goes on where it was, and asks no part twice.
package collectors
