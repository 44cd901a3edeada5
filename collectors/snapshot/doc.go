// Package snapshot holds the facts of one run as plain values, and what follows
// from them: how a person is in a group, through which chain access reaches a
// customer, and which evidence a conclusion rests on.
//
// It uses the standard library alone and does no input or output but to read the
// views of a sealed snapshot from the connection it is handed. Every room speaks
// with these words; the expansion of access paths stands here once.
package snapshot
