package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"

	"github.com/jmoiron/sqlx"
)

// facts holds one value of every fact there is.
var facts = []store.Row{
	snapshot.Customer{}, snapshot.Relationship{}, snapshot.RelationshipRole{}, snapshot.RelationshipUpdate{},
	snapshot.AccessAssignment{}, snapshot.AccessAssignmentRole{}, snapshot.Group{}, snapshot.GroupOwner{}, snapshot.GroupMember{},
	snapshot.GroupEligibility{}, snapshot.GroupAssignment{}, snapshot.GroupPolicy{}, snapshot.User{}, snapshot.UserActivity{},
	snapshot.MFARegistration{}, snapshot.Activation{}, snapshot.SignIn{}, snapshot.Membership{}, snapshot.EffectiveMembership{},
	snapshot.AuditEvent{}, snapshot.AuditChange{}, snapshot.RoleInstance{}, snapshot.RoleDefinition{}, snapshot.RoleGroup{}, snapshot.PolicyRule{}, snapshot.RolePolicy{},
	snapshot.SubscribedSKU{}, snapshot.ServicePlan{}, snapshot.RiskyUser{}, snapshot.AccessPolicy{}, snapshot.CrossTenantAccess{}, snapshot.SecurityDefaults{},
	snapshot.AccessPackage{}, snapshot.AccessPackageGroup{}, snapshot.AccessPackagePolicy{}, snapshot.AccessPackageTarget{},
	snapshot.AccessPackageAssignment{}, snapshot.AccessPackageRequest{}, snapshot.LighthouseTenant{}, snapshot.PartnerCustomer{}, snapshot.PartnerAudit{},
	snapshot.ProviderSignIn{}, snapshot.SignInContext{}, snapshot.CustomerUser{}, snapshot.CustomerUserActivity{},
	snapshot.AzureSubscription{}, snapshot.AzureDelegation{}, snapshot.AzureAuthorisation{}, snapshot.AzureEvent{}, snapshot.PIMPrincipal{}, snapshot.GDAPTemplate{},
}

// factTypes reads from the source of package snapshot which types name a table.
func factTypes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../snapshot/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == "Table" {
				found = append(found, fmt.Sprint(f.Recv.List[0].Type))
			}
		}
	}
	slices.Sort(found)
	return found
}

func columnsOf(t *testing.T, st *store.Store, name string, keyOnly bool) []string {
	t.Helper()
	var out []string
	if err := st.Read().Select(&out, `SELECT name FROM pragma_table_info(?) WHERE NOT ? OR pk > 0`, name, keyOnly); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return slices.DeleteFunc(out, func(c string) bool { return c == "part" || c == "seen_from" || c == "seen_until" })
}

// fullNames gives the tables of facts with their prefixes.
func fullNames(t *testing.T, st *store.Store) map[string]string {
	t.Helper()
	var full []string
	if err := st.Read().Select(&full, `SELECT name FROM sqlite_schema WHERE type = 'table' AND (name GLOB 'fact_*' OR name GLOB 'log_*' OR name GLOB 'derived_*')`); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range full {
		_, fact, _ := strings.Cut(name, "_")
		if out[fact] != "" {
			t.Errorf("both %s and %s are for %s", out[fact], name, fact)
		}
		out[fact] = name
	}
	return out
}

// filled is a fact with the columns set that are wanted, and what its view is to
// show of each column.
func filled(t *testing.T, row store.Row, want func(column string) bool) (store.Row, map[string]any) {
	t.Helper()
	v, shown := reflect.New(reflect.TypeOf(row)).Elem(), map[string]any{}
	for i := range v.NumField() {
		f, column := v.Field(i), v.Type().Field(i).Tag.Get("db")
		if column == "" {
			t.Errorf("%T: field %s names no column", row, v.Type().Field(i).Name)
		}
		set, yes, at := want(column), true, noon.Add(time.Duration(i)*time.Hour)
		switch f.Interface().(type) {
		case time.Time:
			shown[column] = nil
			if set {
				f.Set(reflect.ValueOf(at))
				shown[column] = at.Format("2006-01-02T15:04:05Z")
			}
		case *bool:
			shown[column] = nil
			if set {
				f.Set(reflect.ValueOf(&yes))
				shown[column] = int64(1)
			}
		case []string:
			shown[column] = "[]"
			if set {
				f.Set(reflect.ValueOf([]string{column, `"quoted", Ünïcode`}))
				text, err := json.Marshal(f.Interface())
				if err != nil {
					t.Fatal(err)
				}
				shown[column] = string(text)
			}
		case bool:
			shown[column] = int64(0)
			if set {
				f.SetBool(true)
				shown[column] = int64(1)
			}
		case int:
			shown[column] = int64(0)
			if set {
				f.SetInt(50126)
				shown[column] = int64(50126)
			}
		default: // text
			shown[column] = ""
			if set {
				f.SetString("the " + column)
				shown[column] = "the " + column
			}
		}
	}
	return v.Interface().(store.Row), shown
}

// TestEveryTableHasItsFact: each table of the schema has one fact with exactly its
// columns, and each fact its table.
func TestEveryTableHasItsFact(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	full := fullNames(t, st)
	var types, tables []string
	for _, f := range facts {
		types, tables = append(types, reflect.TypeOf(f).Name()), append(tables, f.Table())
		_, shown := filled(t, f, func(string) bool { return true })
		want := slices.Sorted(maps.Keys(shown))
		if got := columnsOf(t, st, full[f.Table()], false); !slices.Equal(got, want) {
			t.Errorf("%T has the columns %v, %s %v", f, want, full[f.Table()], got)
		}
		want = slices.Sorted(slices.Values(append(want, "snapshot", "first_seen")))
		if got := columnsOf(t, st, f.Table(), false); !slices.Equal(got, want) {
			t.Errorf("%T should show the columns %v, the view %s has %v", f, want, f.Table(), got)
		}
	}
	slices.Sort(types)
	slices.Sort(tables)
	if inSource := factTypes(t); !slices.Equal(inSource, types) {
		t.Errorf("package snapshot has the facts %v, this test knows %v", inSource, types)
	}
	if inSchema := slices.Sorted(maps.Keys(full)); !slices.Equal(inSchema, tables) {
		t.Errorf("the schema has tables for %v, the facts are %v", inSchema, tables)
	}
}

// TestFactsComeBackAsTheyWerePut: through the view of its name, be every field of
// a fact set or those of its key alone.
func TestFactsComeBackAsTheyWerePut(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	full := fullNames(t, st)
	for number, all := range []bool{true, false} {
		var rows, derived []store.Row
		want := map[string]map[string]any{}
		for _, f := range facts {
			keys := columnsOf(t, st, full[f.Table()], true)
			row, shown := filled(t, f, func(column string) bool { return all || slices.Contains(keys, column) })
			shown["snapshot"], shown["first_seen"] = int64(number+1), "2026-03-31T12:00:00Z"
			want[f.Table()] = shown
			switch f.(type) {
			case snapshot.Membership, snapshot.EffectiveMembership:
				derived = append(derived, row)
			default:
				rows = append(rows, row)
			}
		}
		run, _, err := st.Begin(t.Context(), noon.AddDate(0, 0, number), "msp", "all", 0)
		if err != nil {
			t.Fatal(err)
		}
		stagePart(t, run, members, rows)
		if _, err := run.Seal(t.Context(), func(context.Context, *sqlx.Tx, int64) (map[store.Part][]store.Row, error) {
			return map[store.Part][]store.Row{members: derived}, nil
		}); err != nil {
			t.Fatal(err)
		}
		for table, shown := range want {
			got := map[string]any{}
			if err := st.Read().QueryRowx(`SELECT * FROM `+table+` WHERE snapshot = ?`, number+1).MapScan(got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, shown) {
				t.Errorf("%s of snapshot %d:\ngot  %v\nwant %v", table, number+1, got, shown)
			}
		}
	}
	wantFaults(t, st)
}
