package reviews

import (
	"fmt"
	"testing"

	"countersign/collectors/snapshot"
)

// seats words who decides an item and who was passed over.
func seats(i Item) string {
	words := i.Reviewer.ID
	for _, s := range i.Substitutions {
		words += fmt.Sprintf(" | %s %s", s.Person, s.Why)
	}
	return words
}

func TestReviewersByDefault(t *testing.T) {
	_, _, got := openStory(t, story+"member tier1 app type=servicePrincipal", nil)
	equal(t, "person: the manager", seats(got["membership tier1 bo"]), "cy")
	equal(t, "nested group: the declared owner", seats(got["membership tier1 desk"]), "dee")
	equal(t, "app: the declared owner", seats(got["membership tier1 app"]), "dee")
	equal(t, "delegation: the customer's owner", seats(got["delegation tier1 contoso"]), "dee")
	equal(t, "relationship: the customer's owner", seats(got["relationship r1 contoso"]), "dee")

	_, _, got = openStory(t, story, func(o *OpenOptions) { o.Declared.Customers, o.Declared.Groups = nil, nil })
	equal(t, "no owner declared", seats(got["membership tier1 desk"]), "eve |  the group has no declared owner")
	equal(t, "no customer owner declared", seats(got["delegation tier1 contoso"]), "eve |  the customer has no declared owner")
}

func TestManagerFromTheDirectory(t *testing.T) {
	facts := "user bo manager=ida\nuser ida manager=joe\nuser joe" + story
	_, _, got := openStory(t, facts, func(o *OpenOptions) { o.Declared.Staff = staff("eve -") })
	equal(t, "directory", seats(got["membership tier1 bo"]), "ida")
	equal(t, "nobody known", seats(got["membership tier1 ada"]), "eve |  no manager is known")

	_, _, got = openStory(t, facts, func(o *OpenOptions) { o.Declared.Staff = staff("eve -", "bo cy", "cy -") })
	equal(t, "the staff list wins", seats(got["membership tier1 bo"]), "cy")

	_, _, got = openStory(t, facts+"user ida disabled=yes manager=joe", func(o *OpenOptions) { o.Declared.Staff = staff("eve -") })
	equal(t, "manager's manager", seats(got["membership tier1 bo"]), "joe | ida has a disabled account")
}

func TestNobodyDecidesOnOwnAccess(t *testing.T) {
	facts := story + "member tier1 cy\nmember tier1 cyadmin\nmember desk eve"
	_, _, got := openStory(t, facts, func(o *OpenOptions) {
		// cy is made own manager; the second account is the same person
		o.Declared.Staff = append(staff("cy cy", "cy cy cyadmin@msp.example"), company.Staff...)
		o.Declared.Groups = []snapshot.DeclaredGroup{{ID: "tier1", Owners: []string{"fay"}}}
	})
	equal(t, "own", seats(got["membership tier1 cy"]), "eve | cy would decide on own access")
	equal(t, "own by another account", seats(got["membership tier1 cyadmin"]), "eve | cy would decide on own access")
	equal(t, "brought in by a nested group; never silently the person itself", seats(got["membership tier1 desk"]), " | fay would decide on own access | eve would decide on own access")
	equal(t, "unassigned", got["membership tier1 desk"].Reviewer.ID, "")
}

func TestNotCircular(t *testing.T) {
	// ann and ben manage each other's access
	_, _, got := openStory(t, story+"member tier1 ann\nmember tier1 ben", func(o *OpenOptions) {
		o.Declared.Staff = staff("ann ben", "ben ann", "eve -")
	})
	equal(t, "first", seats(got["membership tier1 ann"]), "eve | ben reports to the person whose access this is | ann would decide on own access")

	// the owner of the group decides on the app's and desk's people, one of whom is the owner's manager's delegate
	_, _, got = openStory(t, story+"member tier1 ann\nmember tier1 ben", func(o *OpenOptions) {
		o.Declared.Staff = staff("ann ben", "ben eve", "eve -")
		o.Fallback = "ann"
	})
	equal(t, "ben decides on ann", seats(got["membership tier1 ann"]), "ben")
	equal(t, "eve decides on ben", seats(got["membership tier1 ben"]), "eve")

	_, _, got = openStory(t, "group squad\nnested tier1 squad\nmember squad ann\nmember tier1 own"+story, func(o *OpenOptions) {
		o.Declared.Staff = staff("own ann", "ann -", "eve -")
		o.Declared.Groups = []snapshot.DeclaredGroup{{ID: "tier1", Owners: []string{"own"}}, {ID: "squad", Owners: []string{"own"}}}
	})
	equal(t, "ann decides on own", seats(got["membership tier1 own"]), "ann")
	equal(t, "so own does not decide on ann", seats(got["membership tier1 squad"]), "eve | own is decided on in this campaign by the person whose access this is")
}

func TestNoSubordinateDecidesOnTheManager(t *testing.T) {
	_, _, got := openStory(t, "group squad\nnested tier1 squad\nmember squad dee"+story, func(o *OpenOptions) {
		o.Declared.Groups = []snapshot.DeclaredGroup{{ID: "tier1", Owners: []string{"bo", "cy"}}}
	})
	equal(t, "two levels up", seats(got["membership tier1 squad"]), "eve | bo reports to the person whose access this is | cy reports to the person whose access this is")
}

func TestNobodyDecidesOnWhatTheyGranted(t *testing.T) {
	grant := "\nactivation tier1 ada action=adminAssign by=cy at="
	_, _, got := openStory(t, story+grant+"2026-08-01", nil)
	equal(t, "in the period", seats(got["membership tier1 ada"]), "dee | cy granted this access in the period")
	equal(t, "others of the group", seats(got["membership tier1 bo"]), "cy")

	_, _, got = openStory(t, story+"\nactivation tier1 ada action=adminAssign by=cyadmin at=2026-08-01\nuser cyadmin", func(o *OpenOptions) {
		o.Declared.Staff = append(staff("cy dee cyadmin@msp.example"), company.Staff...)
	})
	equal(t, "by another account", seats(got["membership tier1 ada"]), "dee | cy granted this access in the period")

	for _, harmless := range []string{grant + "2026-06-30", grant + "2026-10-01", "\nactivation tier1 ada action=adminRemove by=cy at=2026-08-01"} {
		_, _, got = openStory(t, story+harmless, nil)
		equal(t, harmless, seats(got["membership tier1 ada"]), "cy")
	}
}

func TestWhoHasLeftIsSkipped(t *testing.T) {
	_, _, got := openStory(t, story, func(o *OpenOptions) {
		o.Declared.Staff = staff("bo cy", "cy dee cy@msp.example 2026-09-30", "dee -", "eve -", "ada zed", "fay cy")
	})
	equal(t, "left", seats(got["membership tier1 bo"]), "dee | cy has left")
	equal(t, "not known at all", seats(got["membership tier1 ada"]), "eve |  whoever is named is neither in the staff list nor an account that was seen")

	_, _, got = openStory(t, story, func(o *OpenOptions) {
		o.Declared.Staff = staff("bo cy", "cy dee cy@msp.example 2026-12-31", "dee -", "eve -")
	})
	equal(t, "leaves later", seats(got["membership tier1 bo"]), "cy")
}

func TestMemberMayDecideDelegationButNotTierZero(t *testing.T) {
	_, _, got := openStory(t, story+"member tier1 dee", nil)
	for _, key := range []string{"delegation tier1 contoso", "relationship r1 contoso"} {
		equal(t, key, fmt.Sprintln(seats(got[key]), got[key].OwnGroup), "dee true\n")
	}
	_, _, got = openStory(t, story+"member tier1 dee\nassignment a0 under=r1 group=tier1 roles=GA\nrelationship r1 customer=contoso roles=GA,EXO,HELP", nil)
	for _, key := range []string{"delegation tier1 contoso", "relationship r1 contoso"} {
		equal(t, key, seats(got[key]), "eve | dee is in the group, which has full control")
	}
}
