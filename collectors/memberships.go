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
	return s.list(ctx, principalsPath(part.Object, "members"), func(raw json.RawMessage) (store.Item, error) {
		p, err := decodePrincipal(raw)
		return store.Item{Fact: snapshot.GroupMember{Group: part.Object, Principal: p.ID, Type: p.Type, Name: p.Name, UPN: p.UPN}}, err
	})
}

func principalsPath(group, list string) string {
	return "/v1.0/groups/" + url.PathEscape(group) + "/" + list + query("$select", "id,displayName,userPrincipalName", "$top", "999")
}

const typePrefix = "#microsoft.graph."

var errNoType = errors.New("has no @odata.type, so a person cannot be told from a group")

// decodePrincipal reads a member or an owner. All but id and type is null where the
// app may not read objects of that type: such a row is kept.
func decodePrincipal(raw json.RawMessage) (snapshot.Principal, error) {
	var w struct {
		Type                           string `json:"@odata.type"`
		ID                             ident
		DisplayName, UserPrincipalName string
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.Principal{}, err
	}
	if w.ID == "" {
		return snapshot.Principal{}, errNoID
	}
	if w.Type == "" {
		return snapshot.Principal{}, errNoType
	}
	kind := w.Type
	if n := len(typePrefix); len(kind) > n && strings.EqualFold(kind[:n], typePrefix) {
		kind = kind[n:]
	}
	kind = spelled(kind, snapshot.TypeUser, snapshot.TypeGroup, snapshot.TypeServicePrincipal, snapshot.TypeDevice)
	return snapshot.Principal{ID: string(w.ID), Type: kind, Name: w.DisplayName, UPN: w.UserPrincipalName}, nil
}
