// Package rule holds what a rule is, what it is given and what it answers: the
// words that every theme of rules shares.
//
// A rule reads the views of one sealed snapshot and the access expanded from it,
// and nothing else: no network, no clock, no files. The instant it judges by is
// handed in, so the same evidence gives the same findings on any day.
package rule
