package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"

	"countersign/rules/rule"
)

// RuleThresholds are the configured numbers rules judge by.
func (c *Config) RuleThresholds() (rule.Thresholds, error) {
	var t rule.Thresholds
	text, err := yaml.Marshal(c.Rules.Thresholds)
	if err == nil {
		err = yaml.UnmarshalWithOptions(text, &t, yaml.Strict())
	}
	if err != nil {
		return t, fmt.Errorf("rules.thresholds: %s", yaml.FormatError(err, false, false))
	}
	return t, nil
}

// RuleWaivers are the configured waivers in the words of the rules.
func (c *Config) RuleWaivers() []rule.Waiver {
	var out []rule.Waiver
	for _, w := range c.Waivers {
		s := w.Scope
		scope := strings.Fields(strings.Join([]string{s.Customer, s.Person, s.Group, s.Role, s.Relationship}, " "))
		out = append(out, rule.Waiver{Rule: w.Rule, Scope: strings.Join(scope, " "), Reason: w.Reason, ApprovedBy: w.ApprovedBy, Until: w.Until})
	}
	return out
}
