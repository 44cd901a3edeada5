// Package config reads what the operator writes: countersign.yaml and the files
// beside it (customers, staff, records, groups, templates, waivers).
//
// It reads only the files that the configuration names and the environment handed
// in; no network, no clock, no store. Decoding is strict, and Load reports every
// fault of every file at once, with file, line and cure, or returns a Config that
// the rest of the program need not check again. A secret stands in the files by
// reference alone, is read when somebody asks for it, and is printed by nothing.
package config
