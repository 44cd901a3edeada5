package snapshot

import "cmp"

// azureRoles are the Azure roles that delegations name most, by the id that is the
// same in every tenant.
// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var azureRoles = map[string]string{
	"8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
	"b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
	"acdd72a7-3385-48ef-bd42-f606fba81ae7": "Reader",
	"18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
	"9980e02c-c2be-4d73-94e8-173b1dc7cf3c": "Virtual Machine Contributor",
	"4d97b98b-1d4f-4787-a291-c67834d212e7": "Network Contributor",
	"5e467623-bb1f-42f4-a55d-6e525e11384b": "Backup Contributor",
	"43d0d8ad-25c7-4714-9337-8ba259a9fe05": "Monitoring Reader",
	"749f88d5-cbae-40b8-bcfc-e573ddc772fa": "Monitoring Contributor",
	"73c42c96-874c-492b-b04d-ab87d138a893": "Log Analytics Reader",
	"39bc4728-0917-49c7-9d2c-d95423bc2eb4": "Security Reader",
	"fb1c8493-542b-48eb-b624-b4c8fea62acd": "Security Admin",
	"cfd33db0-3dd1-45e3-aa9d-cdbdf3b6f24e": "Support Request Contributor",
	"72fafb9e-0641-4937-9268-a91bfd8191a3": "Cost Management Reader",
	"91c1777a-f3dc-4fae-b103-61d183457e46": "Managed Services Registration assignment Delete Role",
}

// RoleName is what the role of the way is called, or its id.
func (w OtherWay) RoleName() string {
	if w.Kind == LegacyDAP {
		return RoleByID(w.Role).Name
	}
	return cmp.Or(azureRoles[w.Role], w.Role)
}
