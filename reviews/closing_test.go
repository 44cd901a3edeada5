package reviews

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// A diamond: fay reaches top by left and by right; a cycle: left holds top.
const diamond = `
customer contoso
customer fabrikam
group top
group left
group right
relationship r1 customer=contoso roles=EXO,HELP
relationship r2 customer=fabrikam roles=TEAMS
assignment a1 under=r1 group=top roles=EXO,HELP
assignment a2 under=r2 group=top roles=TEAMS
nested top left
nested top right
nested left top
member left fay
member right fay
user cy
user dee
user eve
signins-read
`

func TestCoverageOfDiamondAndCycle(t *testing.T) {
	st, c, got := openStory(t, diamond, nil)
	equal(t, "keys", sortedKeys(got), []string{"delegation top contoso", "delegation top fabrikam", "membership left fay", "membership left top", "membership right fay",
		"membership top left", "membership top right", "relationship r1 contoso", "relationship r2 fabrikam"})
	covered := func() string {
		t.Helper()
		p, err := Status(t.Context(), st, c.Name)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(p.PathsCovered, " of ", p.Paths)
	}
	equal(t, "nothing decided", covered(), "0 of 3") // a diamond does not multiply a path
	answerAll(t, st, c.Name, map[string]Answer{"membership right fay": {}, "relationship r2 fabrikam": {}, "membership left top": {}})
	equal(t, "one side of the diamond is open", covered(), "0 of 3")
	say := func(key string) {
		t.Helper()
		item := got[key]
		mustImport(t, st, returned(t, st, c.Name, item.Reviewer.ID, 10+item.Number, Answer{Item: item.ID, Decision: "Approve", Reason: "x"}))
	}
	say("membership right fay")
	equal(t, "the cycle's edge is on a way too", covered(), "0 of 3")
	say("membership left top")
	equal(t, "contoso is covered", covered(), "2 of 3")
	closing, err := Close(t.Context(), st, c.Name, c.Due)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "closing", fmt.Sprint(closing.Items, closing.Paths, closing.Covered, closing.Attested, closing.Decided, closing.Open),
		fmt.Sprint(9, 3, 2, 2, map[Verdict]int{Approve: 8}, []string{got["relationship r2 fabrikam"].ID}))
	u := closing.Uncovered[0]
	equal(t, "uncovered", fmt.Sprint(len(closing.Uncovered), u.Principal.Name, u.Group.ID, u.Customer.Name, u.AccessAssignment, u.Paths, u.Missing),
		fmt.Sprint(1, "Name of fay", "top", "The fabrikam", "a2", 1, []string{got["relationship r2 fabrikam"].ID}))
	whole(t, st)
}

func TestDecidedIsNotAttested(t *testing.T) {
	st, c, _ := openStory(t, diamond, nil)
	answerAll(t, st, c.Name, map[string]Answer{"relationship r1 contoso": {Decision: "Revoke", Reason: "x"}})
	closing, err := Close(t.Context(), st, c.Name, c.Due)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "covered and attested", fmt.Sprint(closing.Paths, closing.Covered, closing.Attested), "3 3 1")
	equal(t, "compression", fmt.Sprintf("%.2f", closing.Compression()), "0.33")
}

func TestStatus(t *testing.T) {
	st, c, _ := openStory(t, story, nil)
	answerAll(t, st, c.Name, map[string]Answer{"membership tier1 bo": {}})
	p, err := Status(t.Context(), st, "")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "json", plainJSON(p), `{"campaign":"AR26Q3","period":"2026-Q3","state":"open","items":6,"decided":5,"open":1,"unassigned":0,"paths":6,"paths_covered":4,"incomplete":[],`+
		`"reviewers":[{"person":"cy","name":"Name of cy","items":3,"decided":2,"returned":true},{"person":"dee","name":"Name of dee","items":3,"decided":3,"returned":true}]}`)
	if _, err := Close(t.Context(), st, "", c.Due); err != nil {
		t.Fatal(err)
	}
	if _, err := Status(t.Context(), st, ""); err == nil || !strings.Contains(err.Error(), "no campaign is open") {
		t.Errorf("got %v", err)
	}
}

const planned = story + `
assigned tier1 ada until=2026-12-01 id=x1
group multi
member multi gil
customer fabrikam
relationship r2 customer=fabrikam roles=TEAMS,EXO ends=2027-01-01 auto=P180D
relationship r3 customer=fabrikam roles=TEAMS
assignment a2 under=r2 group=multi roles=TEAMS,EXO
assignment a3 under=r1 group=multi roles=REPORT
assignment a4 under=r3 group=multi roles=TEAMS
eligible multi hal id=e7
activated multi hal id=act until=2027-01-01
`

func planOf(t testing.TB, st *store.Store, campaign string) []Action {
	t.Helper()
	plan, err := Plan(t.Context(), st, campaign)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestPlanIsOrderedAndNamesEveryEdge(t *testing.T) {
	st, c, got := openStory(t, planned, nil)
	answerAll(t, st, c.Name, map[string]Answer{
		"membership tier1 ada":      {Decision: "Revoke", Reason: "=HYPERLINK(1)"},
		"membership tier1 bo":       {Decision: "Change", ChangeTo: "eligible", Reason: "x"},
		"membership tier1 desk":     {Decision: "Change", ChangeTo: "2026-11-30", Reason: "x"},
		"membership multi hal":      {Decision: "Revoke", Reason: "x"},
		"delegation multi fabrikam": {Decision: "Change", ChangeTo: "Teams Administrator", Reason: "x"},
		"delegation multi contoso":  {Decision: "Revoke", Reason: "x"},
		"relationship r1 contoso":   {Decision: "Change", ChangeTo: "2026-12-31", Reason: "x"},
		"relationship r2 fabrikam":  {Decision: "Change", ChangeTo: "no renewal", Reason: "x"},
		"relationship r3 fabrikam":  {Decision: "Revoke", Reason: "x"},
	})
	preview := planOf(t, st, c.Name)
	if _, err := Close(t.Context(), st, c.Name, c.Due); err != nil {
		t.Fatal(err)
	}
	plan := planOf(t, st, c.Name)
	equal(t, "as it was shown before", plainJSON(preview), plainJSON(plan))
	var lines []string
	for i, a := range plan {
		equal(t, "order", a.Order, i+1)
		lines = append(lines, strings.Join(strings.Fields(fmt.Sprintln(a.Action, a.Group.ID, a.Principal.ID, a.Instance, a.AccessAssignment, a.Relationship.ID, joined(a.RolesToKeep), a.Customer.Name)), " "))
		if a.How == "" || a.Reason == "" || a.DecidedBy.Name == "" || a.DecidedAt.IsZero() || a.Item == "" {
			t.Errorf("action lacks something: %+v", a)
		}
		if strings.Contains(a.How, "Name of") {
			t.Errorf("how names a person: %s", a.How)
		}
	}
	equal(t, "plan", strings.Join(lines, "\n"), strings.Join([]string{
		"remove-member multi hal act 2 customers",
		"remove-member tier1 ada x1 The contoso",
		"remove-eligibility multi hal e7 2 customers",
		"remove-eligibility tier1 ada e1 The contoso",
		"make-eligible tier1 bo The contoso",
		"end-membership tier1 desk The contoso",
		"remove-access-assignment multi a3 r1 The contoso",
		"reduce-access-assignment multi a2 r2 Teams Administrator The fabrikam",
		"end-relationship r3 The fabrikam",
		"stop-renewal r2 The fabrikam",
		"set-relationship-end r1 The contoso",
	}, "\n"))
	equal(t, "until", plan[5].Until, instant(t, "2026-11-30"))
	equal(t, "item", plan[0].Item, got["membership multi hal"].ID)

	var out bytes.Buffer
	if err := WritePlanCSV(&out, plan); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "header", strings.Join(rows[0], ","), "order,action,customer,customer_id,group,group_id,principal,principal_id,instance,access_assignment,relationship,roles_to_keep,until,item,decided_by,decided_at,reason,how")
	equal(t, "rows", len(rows), 12)
	equal(t, "row", strings.Join(rows[2][:17], "|"), "2|remove-member|The contoso|contoso|Group tier1|tier1|Name of ada|ada|x1||||"+"|"+got["membership tier1 ada"].ID+"|Name of cy|2026-10-02T08:00:00Z|'=HYPERLINK(1)")
	whole(t, st)
}

func TestActivationThatIsOverNeedsNoAction(t *testing.T) {
	st, c, _ := openStory(t, story+"activated tier1 ada until=2026-10-01T07:00:00Z", nil)
	answerAll(t, st, c.Name, map[string]Answer{"membership tier1 ada": {Decision: "Revoke", Reason: "x"}})
	if _, err := Close(t.Context(), st, c.Name, c.Due); err != nil {
		t.Fatal(err)
	}
	plan := planOf(t, st, c.Name)
	equal(t, "actions", len(plan), 1)
	equal(t, "action", plan[0].Action, RemoveEligibility)
}

func TestCSVCellsAreNoFormulas(t *testing.T) {
	for _, cell := range []string{"=1+1", "+1", "-1", "@SUM", "\t=1", "\r=1", "\n=1", " =1", "\u200b=1", "＝1", "＋1", "－1", "＠x", "\tplain"} {
		if got := CSVCell(cell); got != "'"+cell {
			t.Errorf("%q became %q", cell, got)
		}
	}
	for _, cell := range []string{"", "a=1", "Contoso - Berlin", "1", "'x"} {
		equal(t, cell, CSVCell(cell), cell)
	}
	var out bytes.Buffer
	if err := WritePlanCSV(&out, nil); err != nil || !strings.HasSuffix(out.String(), "how\r\n") {
		t.Errorf("lines end in CRLF: %q, %v", out.String(), err)
	}
}

// Plans are written at once by programs that do more than one review; the race
// detector sees what they share.
func TestPlansAreWrittenAtOnce(t *testing.T) {
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			if err := WritePlanCSV(io.Discard, make([]Action, 1)); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
}

func FuzzCSVCell(f *testing.F) {
	for _, seed := range []string{"=cmd|' /C calc'!A0", " ＝1", "\u200b-2", "plain"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		got := CSVCell(cell)
		if strings.TrimPrefix(got, "'") != strings.TrimPrefix(cell, "'") {
			t.Errorf("%q lost text: %q", cell, got)
		}
		if strings.IndexAny(strings.TrimLeft(got, " \t\r\n\u200b"), "=+-@") == 0 {
			t.Errorf("%q still begins a formula", got)
		}
	})
}

// FuzzChangeTo: whatever is typed, what is taken over is one of the choices.
func FuzzChangeTo(f *testing.F) {
	item := Item{Choices: Choices{Words: []string{ToEligible}, Date: true, Keep: roleRefs(roles("EXO,HELP,READ"))}, Ends: opened.AddDate(0, 6, 0)}
	for _, seed := range []string{"eligible", "2026-12-31", "Exchange Administrator; Helpdesk Administrator", ";;", "=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		to, problem := item.changeTo(text, opened)
		if (to == "") == (problem == "") {
			t.Fatalf("%q gave %q and %q", text, to, problem)
		}
		if again, problem := item.changeTo(to, opened); problem == "" && again != to {
			t.Errorf("%q is not canonical: %q", to, again)
		}
	})
}

// randomWorld has nested groups, cycles among them, every state, and managers.
func randomWorld(r *rand.Rand) (string, snapshot.Declared) {
	var b strings.Builder
	groups, persons, customers := 2+r.IntN(4), 2+r.IntN(5), 1+r.IntN(3)
	pick := func(prefix string, n int) string { return fmt.Sprintf("%s%d", prefix, r.IntN(n)) }
	names := sortedKeys(roleIDs)
	var declared snapshot.Declared
	for i := range groups {
		fmt.Fprintf(&b, "group g%d\n", i)
		if r.IntN(2) == 0 {
			declared.Groups = append(declared.Groups, snapshot.DeclaredGroup{ID: fmt.Sprintf("g%d", i), Owners: []string{pick("p", persons)}})
		}
	}
	for i := range customers {
		role := names[r.IntN(len(names))] + "," + names[r.IntN(len(names))]
		fmt.Fprintf(&b, "customer c%d\nrelationship r%d customer=c%d roles=%s\n", i, i, i, role)
		for j := range 1 + r.IntN(2) {
			fmt.Fprintf(&b, "assignment a%d-%d under=r%d group=%s roles=%s\n", i, j, i, pick("g", groups), role)
		}
		declared.Customers = append(declared.Customers, snapshot.DeclaredCustomer{Tenant: fmt.Sprintf("c%d", i), Owner: pick("p", persons)})
	}
	seen := map[string]bool{}
	for range 12 {
		line := []string{"member " + pick("g", groups) + " " + pick("p", persons), "eligible " + pick("g", groups) + " " + pick("p", persons),
			"assigned " + pick("g", groups) + " " + pick("p", persons) + " until=2027-01-01", "nested " + pick("g", groups) + " " + pick("g", groups)}[r.IntN(4)]
		f := strings.Fields(line)
		if !seen[line] && f[1] != f[2] {
			seen[line] = true
			b.WriteString(line + "\n")
		}
	}
	for i := range persons {
		fmt.Fprintf(&b, "user p%d\n", i)
		declared.Staff = append(declared.Staff, staff(fmt.Sprintf("p%d %s", i, pick("p", persons)))...)
		if r.IntN(3) == 0 {
			fmt.Fprintf(&b, "activation %s p%d action=adminAssign by=%s at=2026-08-01\n", pick("g", groups), i, pick("p", persons))
		}
	}
	return b.String(), declared
}

// TestRandomWorlds: a path is covered exactly when the item of each of its edges
// is decided; items are given to somebody or listed as unassigned; nobody sits on
// an item that independence forbids.
func TestRandomWorlds(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			checkRandomWorld(t, seed)
		})
	}
}

func checkRandomWorld(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	facts, declared := randomWorld(r)
	st := openStore(t)
	o := options(take(t, st, "2026-10-01T06:00:00Z", facts))
	o.Declared, o.Fallback = declared, "p0"
	c := mustOpen(t, st, o)
	all := loaded(t, st, c.Name).items
	checkSeats(t, seed, all, declared, facts)
	for range 3 { // handing on keeps to the same rules
		i := r.IntN(len(all))
		if who := all[i].Reviewer.ID; who != "" {
			mustImport(t, st, returned(t, st, c.Name, who, 100+i, Answer{Item: all[i].ID, Decision: "Not sure", Reason: "x"}))
		}
		all = loaded(t, st, c.Name).items
		checkSeats(t, seed, all, declared, facts)
	}

	said := map[string]Answer{}
	for _, item := range all {
		if r.IntN(4) == 0 {
			said[string(item.Kind)+" "+item.From+" "+item.To] = Answer{} // left open
		}
	}
	answerAll(t, st, c.Name, said)
	p, err := Status(t.Context(), st, c.Name)
	if err != nil {
		t.Fatal(err)
	}
	sum := p.Unassigned
	for _, who := range p.Reviewers {
		sum += who.Items
	}
	if sum != p.Items || p.Items != len(all) || p.Decided+p.Open != p.Items {
		t.Errorf("seed %d: items are not conserved: %+v", seed, p)
	}
	decided := map[string]bool{}
	for key, item := range items(t, st, c.Name) {
		decided[key] = item.Decision != nil
	}
	access, err := snapshot.LoadAccess(t.Context(), st.Read(), c.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	paths, covered := 0, 0
	for _, customer := range access.Customers {
		for path := range access.Paths(customer.Tenant) {
			paths++
			is := decided["delegation "+path.Grant.Group+" "+customer.Tenant] && decided["relationship "+path.Grant.Relationship.ID+" "+customer.Tenant]
			for _, e := range access.Edges(path.Grant.Group, path.Member.Principal) {
				is = is && decided["membership "+e.Group+" "+e.Principal]
			}
			if is {
				covered++
			}
		}
	}
	closing, err := Close(t.Context(), st, c.Name, c.Due)
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for _, u := range closing.Uncovered {
		listed += u.Paths
	}
	if closing.Paths != paths || closing.Covered != covered || listed != paths-covered || p.PathsCovered != covered {
		t.Errorf("seed %d: %d of %d paths covered and %d listed, want %d of %d", seed, closing.Covered, closing.Paths, listed, covered, paths)
	}
	whole(t, st)
}

// checkSeats proves independence from the facts alone, by other means than bench.
func checkSeats(t *testing.T, seed uint64, all []Item, declared snapshot.Declared, facts string) {
	t.Helper()
	manager := map[string]string{}
	for _, s := range declared.Staff {
		manager[s.Person] = s.Manager
	}
	decides := map[[2]string]bool{}
	for _, item := range all {
		who := item.Reviewer.ID
		if who == "" || item.Kind != Membership {
			continue
		}
		people := []string{item.Principal}
		if item.Type == snapshot.TypeGroup {
			people = nil
			for _, m := range item.Brings {
				people = append(people, m.ID)
			}
		}
		if slices.Contains(people, who) {
			t.Errorf("seed %d: %s decides on own access in %s", seed, who, item.ID)
		}
		for _, p := range people {
			decides[[2]string{who, p}] = true
			at := manager[who]
			for range len(manager) { // up the chain, circles included
				if at == p && p != who {
					t.Errorf("seed %d: %s decides on manager %s", seed, who, p)
					break
				}
				at = manager[at]
			}
		}
		if strings.Contains(facts, fmt.Sprintf("activation %s %s action=adminAssign by=%s ", item.From, item.To, who)) {
			t.Errorf("seed %d: %s decides on what they granted", seed, who)
		}
	}
	for pair := range decides {
		if decides[[2]string{pair[1], pair[0]}] {
			t.Errorf("seed %d: %s and %s decide on each other", seed, pair[0], pair[1])
		}
	}
}

// crowd is an MSP of 500 customers: six groups of twenty people, one nested, each
// mapped at every customer by one relationship.
func crowd() string {
	var b strings.Builder
	for g := range 6 {
		fmt.Fprintf(&b, "group g%d\n", g)
		for p := range 20 {
			fmt.Fprintf(&b, "%s g%d p%d\n", []string{"member", "eligible"}[g%2], g, g*10+p)
		}
	}
	b.WriteString("group squad\nnested g0 squad\nmember squad s1\n")
	for c := range 500 {
		fmt.Fprintf(&b, "customer c%d\nrelationship r%d customer=c%d ends=2027-06-30 roles=EXO,USER,HELP,TEAMS,READ,REPORT\n", c, c, c)
		for g := range 6 {
			fmt.Fprintf(&b, "assignment a%d-%d under=r%d group=g%d roles=EXO,USER,HELP,TEAMS,READ,REPORT\n", c, g, c, g)
		}
	}
	return b.String()
}

// BenchmarkClose closes a campaign of 500 customers. x-bare is its time over that
// of loading the access and walking the paths alone.
func BenchmarkClose(b *testing.B) {
	var bare, closed time.Duration
	for range b.N {
		b.StopTimer()
		st := openStore(b)
		o := options(take(b, st, "2026-10-01T06:00:00Z", crowd()))
		o.Declared = snapshot.Declared{}
		o.Fallback = "s1"
		c := mustOpen(b, st, o)
		answerAll(b, st, c.Name, map[string]Answer{"membership g3 p35": revoke})
		start := time.Now()
		access, err := snapshot.LoadAccess(b.Context(), st.Read(), c.Snapshot)
		if err != nil {
			b.Fatal(err)
		}
		paths := 0
		for _, customer := range access.Customers {
			for range access.Paths(customer.Tenant) {
				paths++
			}
		}
		bare += time.Since(start)
		b.StartTimer()
		start = time.Now()
		closing, err := Close(b.Context(), st, c.Name, c.Due)
		if err != nil {
			b.Fatal(err)
		}
		closed += time.Since(start)
		if closing.Paths != paths {
			b.Fatalf("%d paths, want %d", closing.Paths, paths)
		}
		b.ReportMetric(float64(closing.Paths), "paths")
		b.ReportMetric(float64(closing.Items), "rows")
	}
	b.ReportMetric(float64(closed)/float64(bare), "x-bare")
}
