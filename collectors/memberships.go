package collectors

import (
	"context"
	"encoding/json"
	"net/url"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// memberships lists the direct members of one group, activated ones included.
// https://learn.microsoft.com/graph/api/group-list-members
type memberships struct{}

func (memberships) Kind() snapshot.Kind { return snapshot.Memberships }

func (memberships) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return s.list(ctx, principalsPath(part.Object, "members"), func(raw json.RawMessage) (store.Item, error) {
		p, err := decodePrincipal(raw)
		return store.Item{Fact: snapshot.GroupMember{Group: part.Object, Principal: p.ID, Type: p.Type, Name: p.Name, UPN: p.UPN}}, err
	})
}

func principalsPath(group, list string) string {
	return "/v1.0/groups/" + url.PathEscape(group) + "/" + list + query("$select", "id,displayName,userPrincipalName", "$top", "999")
}
