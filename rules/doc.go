// Package rules asks fixed questions of collected evidence and words the answers.
//
// It reads the store through views and nothing else: no network, no clock, no
// files. The instant it judges by is handed in, so the same evidence gives the
// same findings on any day. What was not seen whole is never called clear. To add
// a question, add one file and one case to a theme and one line to the catalogue.
package rules
