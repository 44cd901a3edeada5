package snapshot

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"strings"
	"sync"
)

// Role data of Microsoft Entra, as of August 2026; data/README.md names the
// sources. Roles are matched by template id, never by name.
//
//go:embed data/entra-roles.csv
var roleCSV []byte

//go:embed data/role-dominance.csv
var dominanceCSV []byte

// Role is a built-in Entra role.
type Role struct {
	ID          string // template id
	Name        string
	Tier        Tier
	Description string
	Status      string // current, deprecated, ...
}

// Tier is how much a role can do; the lower, the more.
type Tier int

// The four privilege tiers.
const (
	Tier0 Tier = iota // is, or can make itself, Global Administrator
	Tier1             // labelled privileged by Microsoft
	Tier2             // can change something
	Tier3             // can only read
)

// Privileged reports whether the tier is 0 or 1.
func (t Tier) Privileged() bool { return t <= Tier1 }

// String words the tier for people.
func (t Tier) String() string {
	switch t {
	case Tier0:
		return "0 - full control"
	case Tier1:
		return "1 - privileged"
	case Tier2:
		return "2 - can change"
	}
	return "3 - read only"
}

// GlobalAdministrator is the template id of the role that may do everything.
const GlobalAdministrator = "62e90394-69f5-4237-9190-012177145e10"

// tier0 are the roles of tier 0, each with the reason: what lets its holder become
// Global Administrator. Source: the role dominance page's section on escalation, after
// Microsoft's privileged role permissions.
var tier0 = map[string]string{
	GlobalAdministrator:                    "is Global Administrator",
	"e8611ab8-c189-46e8-94e1-60213ab1f814": "assigns any role to anybody",                                 // Privileged Role Administrator
	"7be44c8a-adaf-4e2a-84d6-ab2649e08a13": "resets the password of a Global Administrator",               // Privileged Authentication Administrator
	"e00e864a-17c5-4a4b-9c06-f5b95a8d5bd8": "resets the password of a Global Administrator",               // Partner Tier2 Support
	"9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": "acts through the credentials of a more powerful application", // Application Administrator
	"158c047a-c907-4556-b7ef-446551a6b5f7": "acts through the credentials of a more powerful application", // Cloud Application Administrator
	"8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2": "acts through directory synchronisation",                      // Hybrid Identity Administrator
	"8329153b-31d0-4727-b945-745eb3bc5f31": "makes a domain federated and signs in as anybody of it",      // Domain Name Administrator
	"be2f45a1-457d-42af-a067-6ec1fa63bc45": "makes a federation that signs in as others",                  // External Identity Provider Administrator
}

// Escalation says why a role of tier 0 is equal to Global Administrator; empty
// for any other role.
func Escalation(role string) string { return tier0[strings.ToLower(role)] }

var roleData = sync.OnceValue(func() *roleTables {
	t, err := readRoles(roleCSV, dominanceCSV)
	if err != nil {
		panic("embedded role data: " + err.Error()) // a build that cannot work: TestRoleData guards it
	}
	return t
})

type roleTables struct {
	roles    map[string]Role
	byName   map[string]string  // in lower case
	includes map[[2]string]bool // dominant, dominated
}

// RoleByID returns what is known of a role. An unknown id is named as such and
// counts as tier 1: what cannot be judged is not called harmless.
func RoleByID(id string) Role {
	id = strings.ToLower(id)
	if r, ok := roleData().roles[id]; ok {
		return r
	}
	return Role{ID: id, Name: "Unknown role " + id, Tier: Tier1, Status: "unknown"}
}

// RoleNamed finds the template id of a built-in role by Microsoft's English name, for
// sources that know no ids.
func RoleNamed(name string) (id string, ok bool) {
	id, ok = roleData().byName[strings.ToLower(name)]
	return id, ok
}

// RoleIncludes reports whether role a certainly includes everything b allows, so
// that holding both is redundant: strict with high confidence, or documented by
// Microsoft.
func RoleIncludes(a, b string) bool {
	return roleData().includes[[2]string{strings.ToLower(a), strings.ToLower(b)}]
}

func readRoles(roles, dominance []byte) (*roleTables, error) {
	t := &roleTables{roles: map[string]Role{}, byName: map[string]string{}, includes: map[[2]string]bool{}}
	records, err := readRecords(roles)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		id := r["template_id"]
		t.byName[strings.ToLower(r["display_name"])] = id
		t.roles[id] = Role{ID: id, Name: r["display_name"], Tier: tierOf(id, r), Description: r["description"], Status: r["status"]}
	}
	pairs, err := readRecords(dominance)
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		if p["relation"] == "documented" || p["relation"] == "strict" && p["confidence"] == "high" {
			t.includes[[2]string{p["dominant_id"], p["dominated_id"]}] = true
		}
	}
	return t, nil
}

func tierOf(id string, r map[string]string) Tier {
	switch {
	case tier0[id] != "":
		return Tier0
	case r["privileged"] == "true":
		return Tier1
	case r["changes"] == "false":
		return Tier3
	}
	return Tier2
}

func readRecords(text []byte) ([]map[string]string, error) {
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("no rows")
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		record := make(map[string]string, len(row))
		for i, name := range rows[0] {
			record[name] = row[i]
		}
		out = append(out, record)
	}
	return out, nil
}
