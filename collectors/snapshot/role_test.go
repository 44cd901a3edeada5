package snapshot_test

import (
	"testing"

	"countersign/collectors/snapshot"
)

// The expectations are Microsoft's published template ids and the role pages'
// own words, not our tables.
func TestRoles(t *testing.T) {
	for id, want := range map[string]struct {
		name string
		tier snapshot.Tier
	}{
		"62e90394-69f5-4237-9190-012177145e10": {"Global Administrator", snapshot.Tier0},
		"62E90394-69F5-4237-9190-012177145E10": {"Global Administrator", snapshot.Tier0},
		"e8611ab8-c189-46e8-94e1-60213ab1f814": {"Privileged Role Administrator", snapshot.Tier0},
		"29232cdf-9323-42fd-ade2-1d097af3e4de": {"Exchange Administrator", snapshot.Tier2},
		"729827e3-9c14-49f7-bb1b-9608f156bbb8": {"Helpdesk Administrator", snapshot.Tier1},
		"4a5d8f65-41da-4de4-8968-e035b65339cf": {"Reports Reader", snapshot.Tier2},
		"88d8e3e3-8f55-4a1e-953a-9b9898b8876b": {"Directory Readers", snapshot.Tier3},
		"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b": {"Message Center Reader", snapshot.Tier3},
	} {
		if got := snapshot.RoleByID(id); got.Name != want.name || got.Tier != want.tier {
			t.Errorf("%s: got %s, tier %d; want %s, tier %d", id, got.Name, got.Tier, want.name, want.tier)
		}
	}
	if got := snapshot.RoleByID("00000000-0000-0000-0000-00000000abcd"); got.Tier != snapshot.Tier1 || got.Status != "unknown" {
		t.Errorf("an unknown role is not harmless: %+v", got)
	}
}

func TestRoleIncludes(t *testing.T) {
	const (
		exchange  = "29232cdf-9323-42fd-ade2-1d097af3e4de"
		recipient = "31392ffb-586c-42d1-9346-e59415a2cc4e"
		user      = "fe930be7-5e62-47db-91af-98c3a49a38b1"
		helpdesk  = "729827e3-9c14-49f7-bb1b-9608f156bbb8"
		attribute = "58a13ea3-c632-46ae-9ee0-9c0d43cd7f3d"
	)
	if !snapshot.RoleIncludes(exchange, recipient) || snapshot.RoleIncludes(recipient, exchange) {
		t.Error("Exchange Administrator includes Exchange Recipient Administrator, not the reverse")
	}
	if snapshot.RoleIncludes(user, helpdesk) {
		t.Error("User Administrator does not include Helpdesk Administrator: recovery keys")
	}
	if snapshot.RoleIncludes(snapshot.GlobalAdministrator, attribute) {
		t.Error("Global Administrator does not include Attribute Assignment Administrator")
	}
}
