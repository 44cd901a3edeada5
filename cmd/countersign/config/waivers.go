package config

import (
	"fmt"
	"strings"
	"time"
)

// Waiver is a finding accepted until a date.
type Waiver struct {
	Rule       string    `yaml:"rule" validate:"required,rule"`
	Scope      Scope     `yaml:"scope"`
	Reason     string    `yaml:"reason" validate:"required"`
	ApprovedBy string    `yaml:"approved_by" validate:"required"` // person of staff.csv, lower case
	Until      time.Time `yaml:"until" validate:"required"`       // from this day on it no longer holds
}

// Scope narrows a waiver to the findings that match every field given, by outside
// id. An empty field matches all; one at least must be given.
type Scope struct {
	Customer     string `yaml:"customer"`
	Person       string `yaml:"person"`
	Group        string `yaml:"group"`
	Role         string `yaml:"role"`
	Relationship string `yaml:"relationship"`
}

// readWaivers reads waivers.yaml, a list. Who approves must stand in staff.csv.
func readWaivers(t *table, o Options, staff people) (all []Waiver) {
	d, ok := decodeYAML(t.file, t.text, t.zone, &all, t.found)
	if !ok {
		return nil
	}
	for i := range all {
		w, at := &all[i], fmt.Sprintf("[%d]", i)
		w.ApprovedBy = strings.ToLower(w.ApprovedBy)
		checkTags(t.validate, d, at, w, o)
		if w.Scope == (Scope{}) {
			d.faultAt(at+".scope", "is missing; name a customer, person, group, role or relationship, or turn the rule off by rules.disable")
		}
		if fault := staff.unknown(w.ApprovedBy); w.ApprovedBy != "" && fault != "" {
			d.faultAt(at+".approved_by", "%s", fault)
		}
	}
	return all
}
