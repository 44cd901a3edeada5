package collectors

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// directoryRoles lists who holds or may activate directory roles of a tenant now. Without
// the licence for PIM eligibilities cannot be read: those known from before stand, and
// the coverage says so. Of the MSP's own tenant, the groups that stand for
// rights belong to it; of a customer's, who holds a role through a group: nothing else
// walks its groups.
// https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignmentscheduleinstances
// https://learn.microsoft.com/graph/api/rbacapplication-list-roleeligibilityscheduleinstances
type directoryRoles struct{ kind snapshot.Kind }

func (c directoryRoles) Kind() snapshot.Kind { return c.kind }

func (c directoryRoles) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	held, byGroup := map[string]bool{}, map[string][]snapshot.RoleInstance{}
	s.onRestart(func() { clear(held); clear(byGroup) })
	licensed, err := roleHolders(ctx, s, func(state string) decoder {
		return func(raw json.RawMessage) (store.Item, error) {
			item, err := decodeRoleInstance(part.Scope, state, raw)
			if got, ok := item.Fact.(snapshot.RoleInstance); ok {
				held[got.Role] = true
				if got.PrincipalType == snapshot.TypeGroup {
					byGroup[got.Principal] = append(byGroup[got.Principal], got)
				}
			}
			return item, err
		}
	})
	if err == nil && !licensed {
		err = keepEligible(ctx, part.Scope, s, held)
	}
	if err != nil {
		return err
	}
	if err := unknownRoles(ctx, part.Scope, s, held); err != nil {
		return err
	}
	if c.kind == snapshot.CustomerRoles {
		return throughGroups(ctx, s, byGroup)
	}
	return s.list(ctx, "/v1.0/groups"+query("$filter", "isAssignableToRole eq true or displayName in ("+quoted(adminAgents)+","+quoted(helpdeskAgents)+")",
		"$select", "id,displayName,isAssignableToRole", "$top", "999"), decodeRoleGroup)
}

// throughGroups gives each member of a group the roles that the group holds. Such a
// group has no groups in it: Microsoft supports none in one that may hold roles.
// https://learn.microsoft.com/entra/identity/role-based-access-control/groups-concept
func throughGroups(ctx context.Context, s *stage, byGroup map[string][]snapshot.RoleInstance) error {
	for _, group := range slices.Sorted(maps.Keys(byGroup)) {
		s.say("a group holds a role: who may become a member of it by PIM is not asked")
		var items []store.Item
		s.onRestart(func() { items = nil })
		err := s.list(ctx, principalsPath(group, "members"), func(raw json.RawMessage) (store.Item, error) {
			p, err := decodePrincipal(raw)
			for _, x := range byGroup[group] {
				x.ID, x.MemberType = x.ID+" "+p.ID, "Group"
				x.Principal, x.PrincipalType, x.PrincipalName, x.PrincipalUPN, x.PrincipalHome = p.ID, p.Type, p.Name, p.UPN, ""
				items = append(items, store.Item{Fact: x})
			}
			return store.Item{}, err // as many facts as the group has roles
		})
		if err == nil && len(items) == 0 {
			err = s.notHidden(ctx, group)
		}
		switch {
		case errors.Is(err, errHidden), refusesOne(err):
			s.refused(err)
			s.say("who is in it is not told, and stays as last seen: that needs the application permission GroupMember.Read.All, or Member.Read.Hidden where the members are hidden")
			for _, x := range byGroup[group] {
				known, err := s.lastRoles(ctx, x.Tenant, "member_type = 'Group' AND id LIKE ? || ' %'", x.ID)
				if err != nil {
					return err
				}
				items = append(items, known...)
			}
		case err != nil:
			return err
		default:
			s.seen.Rows += len(items)
		}
		if err := s.rows.Put(ctx, items); err != nil {
			return err
		}
	}
	return nil
}

const (
	rolePath = "/v1.0/roleManagement/directory/"
	roleRow  = "id,principalId,roleDefinitionId,directoryScopeId,appScopeId"
)

// roleHolders lists who holds a role and who may activate one; not licensed: the latter
// could not be read.
func roleHolders(ctx context.Context, s *stage, decode func(state string) decoder) (licensed bool, err error) {
	err = s.list(ctx, rolePath+"roleAssignmentScheduleInstances"+query("$select", roleRow+",assignmentType,memberType,startDateTime,endDateTime", "$expand", "principal"), decode(""))
	if unlicensed(err) {
		s.refused(err)
		return false, plainRoles(ctx, s, decode("plain"))
	}
	if err != nil {
		return false, err
	}
	err = s.list(ctx, rolePath+"roleEligibilityScheduleInstances"+query("$select", roleRow+",memberType,startDateTime,endDateTime", "$expand", "principal"), decode("eligible"))
	if unlicensed(err) {
		s.refused(err)
		return false, nil
	}
	return true, err
}

// keepEligible stages the eligibilities that the last snapshot knew: that they cannot be
// read does not end them.
func keepEligible(ctx context.Context, tenant string, s *stage, held map[string]bool) error {
	s.say("who may activate a role cannot be read: the tenant lacks the licence for it, Microsoft Entra ID P2")
	known, err := s.lastRoles(ctx, tenant, "state = 'eligible'")
	if err != nil || len(known) == 0 {
		return err
	}
	s.say(fmt.Sprintf("the eligible roles known from before (%d) stay as last seen", len(known)))
	for _, k := range known {
		held[k.Fact.(snapshot.RoleInstance).Role] = true
	}
	return s.rows.Put(ctx, known)
}

// lastRoles are role instances of a tenant that the last snapshot knew.
func (s *stage) lastRoles(ctx context.Context, tenant, where string, args ...any) ([]store.Item, error) {
	var known []struct {
		snapshot.RoleInstance
		Starts store.Time `db:"starts"`
		Ends   store.Time `db:"ends"`
	}
	err := s.known.Read().SelectContext(ctx, &known, `
		SELECT tenant, state, id, principal, principal_type, principal_name, principal_upn, principal_home, role, scope, member_type, starts, ends
		FROM   role_instance
		WHERE  snapshot = (SELECT max(id) FROM sealed_snapshot) AND tenant = ? AND `+where+`
		ORDER  BY id`, append([]any{tenant}, args...)...)
	items := make([]store.Item, len(known))
	for i, k := range known {
		k.RoleInstance.Starts, k.RoleInstance.Ends = k.Starts.Time(), k.Ends.Time()
		items[i] = store.Item{Fact: k.RoleInstance}
	}
	return items, err
}

// plainRoles lists role assignments without PIM. Microsoft's page of 2022 demanded a
// filter, that of 2024 does not: a service that still does is asked role by role.
// https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments
func plainRoles(ctx context.Context, s *stage, decode decoder) error {
	path := func(filter ...string) string {
		return rolePath + "roleAssignments" + query(append(filter, "$select", roleRow+",principalOrganizationId", "$expand", "principal")...)
	}
	err := s.list(ctx, path(), decode)
	if !optionRefused(err) {
		return err
	}
	s.refused(err)
	var roles []ident
	s.onRestart(func() { roles = nil })
	err = s.list(ctx, rolePath+"roleDefinitions"+query("$select", "id"), func(raw json.RawMessage) (store.Item, error) {
		var w struct{ ID ident }
		err := json.Unmarshal(raw, &w)
		roles = append(roles, w.ID)
		return store.Item{}, err
	})
	for _, role := range roles {
		if err != nil {
			break
		}
		err = s.list(ctx, path("$filter", "roleDefinitionId eq "+quoted(string(role))), decode)
	}
	return err
}

// inOneFilter is how many values Graph takes in one filter.
// https://learn.microsoft.com/graph/known-issues
const inOneFilter = 15

// unknownRoles asks what the held roles are that our own data does not have: custom
// ones, and new ones.
func unknownRoles(ctx context.Context, tenant string, s *stage, held map[string]bool) error {
	var ids []string
	for _, role := range slices.Sorted(maps.Keys(held)) {
		if snapshot.RoleByID(role).Status == "unknown" {
			ids = append(ids, quoted(role))
		}
	}
	for some := range slices.Chunk(ids, inOneFilter) {
		path := rolePath + "roleDefinitions" + query("$filter", "id in ("+strings.Join(some, ",")+")", "$select", "id,templateId,displayName,isBuiltIn,isEnabled,rolePermissions")
		if err := s.list(ctx, path, func(raw json.RawMessage) (store.Item, error) { return decodeRoleDefinition(tenant, raw) }); err != nil {
			return err
		}
	}
	return nil
}

func decodeRoleInstance(tenant, state string, raw json.RawMessage) (store.Item, error) {
	var w struct {
		ID, PrincipalID, RoleDefinitionID, PrincipalOrganizationID ident
		DirectoryScopeID, AppScopeID, AssignmentType, MemberType   string
		StartDateTime, EndDateTime                                 instant
		Principal                                                  named
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, err
	}
	if w.ID == "" || w.PrincipalID == "" || w.RoleDefinitionID == "" {
		return store.Item{}, errNoID
	}
	return store.Item{Fact: snapshot.RoleInstance{
		Tenant: tenant, State: cmp.Or(state, spelled(w.AssignmentType, "assigned", "activated"), "assigned"), ID: string(w.ID), Principal: string(w.PrincipalID),
		PrincipalType: w.Principal.kind(), PrincipalName: w.Principal.DisplayName, PrincipalUPN: w.Principal.UserPrincipalName,
		PrincipalHome: string(cmp.Or(w.PrincipalOrganizationID, w.Principal.AppOwnerOrganizationID)),
		Role:          string(w.RoleDefinitionID), Scope: cmp.Or(w.DirectoryScopeID, w.AppScopeID),
		MemberType: spelled(w.MemberType, "Direct", "Group", "Inherited"), Starts: w.StartDateTime.Time, Ends: w.EndDateTime.Time,
	}}, nil
}

func decodeRoleDefinition(tenant string, raw json.RawMessage) (store.Item, error) {
	var w struct {
		ID, TemplateID       ident
		DisplayName          string
		IsBuiltIn, IsEnabled bool
		RolePermissions      []struct{ AllowedResourceActions []string }
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, err
	}
	if w.ID == "" {
		return store.Item{}, errNoID
	}
	d := snapshot.RoleDefinition{Tenant: tenant, ID: string(w.ID), Template: string(w.TemplateID), Name: w.DisplayName, BuiltIn: w.IsBuiltIn, Enabled: w.IsEnabled}
	for _, p := range w.RolePermissions {
		d.Actions = append(d.Actions, p.AllowedResourceActions...)
	}
	slices.Sort(d.Actions)
	d.Actions = slices.Compact(d.Actions)
	return store.Item{Fact: d}, nil
}

// The groups through which DAP reaches every customer, by the names that Partner
// Center gives them.
const adminAgents, helpdeskAgents = "AdminAgents", "HelpdeskAgents"

func decodeRoleGroup(raw json.RawMessage) (store.Item, error) {
	var w struct {
		ID                 ident
		DisplayName        string
		IsAssignableToRole bool
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, err
	}
	if w.ID == "" {
		return store.Item{}, errNoID
	}
	g := snapshot.RoleGroup{Group: string(w.ID), Name: w.DisplayName, RoleAssignable: w.IsAssignableToRole}
	if name := spelled(w.DisplayName, adminAgents, helpdeskAgents); name == adminAgents || name == helpdeskAgents {
		g.Agents = name
	}
	if g.Agents == "" && !g.RoleAssignable {
		return store.Item{}, nil
	}
	return store.Item{Fact: g}, nil
}
