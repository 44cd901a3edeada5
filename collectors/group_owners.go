package collectors

import (
	"context"
	"encoding/json"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// groupOwners lists who may add members to one group.
// https://learn.microsoft.com/graph/api/group-list-owners
type groupOwners struct{}

func (groupOwners) Kind() snapshot.Kind { return snapshot.GroupOwners }

func (groupOwners) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return s.list(ctx, principalsPath(part.Object, "owners"), func(raw json.RawMessage) (store.Item, error) {
		p, err := decodePrincipal(raw)
		return store.Item{Fact: snapshot.GroupOwner{Group: part.Object, Principal: p.ID, Type: p.Type, Name: p.Name, UPN: p.UPN}}, err
	})
}
