package collectors

import (
	"context"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// groupOwners lists who may add members to one group.
// https://learn.microsoft.com/graph/api/group-list-owners
type groupOwners struct{}

func (groupOwners) Kind() snapshot.Kind { return snapshot.GroupOwners }

func (groupOwners) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return s.principals(ctx, part.Object, "owners", func(p snapshot.Principal) store.Row {
		return snapshot.GroupOwner{Group: part.Object, Principal: p.ID, Type: p.Type, Name: p.Name, UPN: p.UPN}
	})
}
