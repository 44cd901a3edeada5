package collectors

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// memberships lists the direct members of one group, activated ones included.
// https://learn.microsoft.com/graph/api/group-list-members
type memberships struct{}

func (memberships) Kind() snapshot.Kind { return snapshot.Memberships }

func (memberships) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	if err := s.principals(ctx, part.Object, "members", func(p snapshot.Principal) store.Row {
		return snapshot.GroupMember{Group: part.Object, Principal: p.ID, Type: p.Type, Name: p.Name, UPN: p.UPN}
	}); err != nil || s.seen.Rows > 0 {
		return err
	}
	return s.notHidden(ctx, part.Object)
}

// notHidden asks of a group without members whether the app may see them: where it
// may not, Graph answers an empty list.
// https://learn.microsoft.com/graph/api/group-list-members
func (s *stage) notHidden(ctx context.Context, group string) error {
	p, err := s.Get(ctx, "/v1.0/groups/"+url.PathEscape(group)+query("$select", "id,visibility"))
	if err != nil {
		return err
	}
	var w struct{ Visibility string }
	return s.page(ctx, p, func(raw json.RawMessage) (store.Item, error) {
		err := json.Unmarshal(raw, &w)
		if err == nil && strings.EqualFold(w.Visibility, "HiddenMembership") {
			err = errHidden
		}
		return store.Item{}, err
	})
}

// errHidden is a list that is empty because it may not be seen.
var errHidden = errors.New("the members of this group are hidden")

// principals lists the members or the owners of a group.
func (s *stage) principals(ctx context.Context, group, list string, fact func(snapshot.Principal) store.Row) error {
	return s.list(ctx, principalsPath(group, list), func(raw json.RawMessage) (store.Item, error) {
		p, err := decodePrincipal(raw)
		if err == nil && p.Name == "" && p.UPN == "" {
			if s.nameless == nil {
				s.nameless = map[string]bool{}
			}
			s.nameless[p.Type] = true
		}
		return store.Item{Fact: fact(p)}, err
	})
}

// toRead says what an app needs to read the names of objects of a type.
// https://learn.microsoft.com/graph/api/group-list-members
func toRead(kind string) string {
	if permission := map[string]string{snapshot.TypeUser: "User.Read.All", snapshot.TypeGroup: "Group.Read.All", snapshot.TypeServicePrincipal: "Application.Read.All",
		snapshot.TypeDevice: "Device.Read.All", "orgContact": "OrgContact.Read.All"}[kind]; permission != "" {
		return "it needs the application permission " + permission
	}
	return "it needs the application permission Directory.Read.All"
}

func principalsPath(group, list string) string {
	return "/v1.0/groups/" + url.PathEscape(group) + "/" + list + query("$select", "id,displayName,userPrincipalName", "$top", "999")
}
