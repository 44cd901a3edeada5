package collectors

import (
	"encoding/json"
	"errors"
	"strings"

	"countersign/collectors/snapshot"
)

const typePrefix = "#microsoft.graph."

var errNoType = errors.New("has no @odata.type, so a person cannot be told from a group")

// named is a principal as Graph shows it in members lists and by $expand=principal.
// All but id and type is null where the app may not read objects of that type.
type named struct {
	Type                           string `json:"@odata.type"`
	ID, AppOwnerOrganizationID     ident
	DisplayName, UserPrincipalName string
}

// kind is the type of the principal; empty where it is not told.
func (w named) kind() string {
	kind := w.Type
	if n := len(typePrefix); len(kind) > n && strings.EqualFold(kind[:n], typePrefix) {
		kind = kind[n:]
	}
	return spelled(kind, snapshot.TypeUser, snapshot.TypeGroup, snapshot.TypeServicePrincipal, snapshot.TypeDevice)
}

// decodePrincipal reads a member or an owner.
func decodePrincipal(raw json.RawMessage) (snapshot.Principal, error) {
	var w named
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.Principal{}, err
	}
	if w.ID == "" {
		return snapshot.Principal{}, errNoID
	}
	if w.Type == "" {
		return snapshot.Principal{}, errNoType
	}
	return snapshot.Principal{ID: string(w.ID), Type: w.kind(), Name: w.DisplayName, UPN: w.UserPrincipalName}, nil
}
