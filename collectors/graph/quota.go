package graph

import (
	"math"
	"strings"
	"sync"
	"time"
)

// quota is what one app may ask of one tenant on some paths: what Microsoft
// publishes, and what refusals have taught.
type quota struct {
	prefixes []string // after the version; none: all other paths
	alone    bool     // never in a batch: their pages are large and their quota is small
	cost     func(path string) int
	most     int           // units in any such period, so that both a bucket and windows
	period   time.Duration // are kept, however the server counts; most 0: none published

	mu    sync.Mutex
	spent []charge // in the last period, the oldest first
	sum   int      // of spent
	pace  pace
}

type charge struct {
	at    time.Time
	units int
}

// quotas of a service. Periods are taken a twentieth longer than published, as what
// leaves later may arrive sooner. Reports, and identity protection, which refuses
// without a Retry-After, go evenly: a burst would be refused whole.
// https://learn.microsoft.com/graph/throttling-limits
// https://learn.microsoft.com/partner-center/developer/api-throttling-guidance
func quotas(s Service, l Limits) []*quota {
	per := func(most int, period time.Duration, cost func(string) int, prefixes ...string) *quota {
		return &quota{prefixes: prefixes, cost: cost, most: max(0, most), period: period * 21 / 20}
	}
	evenly := func(every time.Duration, prefixes ...string) *quota {
		q := &quota{prefixes: prefixes, alone: true, cost: one}
		if every > 0 {
			q.most, q.period = 1, every
		}
		return q
	}
	switch s {
	case MicrosoftGraph:
		return []*quota{
			evenly(l.Reports, "/auditLogs/", "/reports/"),
			evenly(l.Protection, "/identityProtection/", "/identity/conditionalAccess/"),
			per(l.Tenants, 20*time.Second, one, "/tenantRelationships/"),
			per(l.Directory, 10*time.Second, resourceUnits),
		}
	case PartnerCenter:
		return []*quota{evenly(l.Partner)}
	}
	return []*quota{per(0, 0, one)}
}

func one(string) int { return 1 }

// resourceUnits is what a request to the directory costs.
// https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits
func resourceUnits(path string) int {
	path, query, _ := strings.Cut(path, "?")
	units := 1
	switch path[strings.LastIndexByte(path, '/')+1:] {
	case "transitiveMembers":
		units = 5
	case "members", "contracts", "subscribedSkus":
		units = 3
	case "users", "licenseDetails", "transitiveMemberOf":
		units = 2
	}
	if strings.Contains(query, "$select=") {
		units--
	}
	if strings.Contains(query, "$expand=") {
		units++
	}
	return max(1, units)
}

// quota gives the quota of a path.
func (c *Client) quota(path string) *quota {
	_, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	for _, q := range c.quotas {
		for _, p := range q.prefixes {
			if strings.HasPrefix("/"+rest, p) {
				return q
			}
		}
	}
	return c.quotas[len(c.quotas)-1]
}

// reserve books units and gives when they may go.
func (q *quota) reserve(now time.Time, units int) time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	turn := q.pace.reserve(now, units)
	if q.most == 0 {
		return turn
	}
	if n := len(q.spent); n > 0 && q.spent[n-1].at.After(turn) {
		turn = q.spent[n-1].at // nobody overtakes
	}
	for len(q.spent) > 0 && (q.sum+units > q.most || !q.spent[0].at.Add(q.period).After(turn)) {
		if free := q.spent[0].at.Add(q.period); free.After(turn) {
			turn = free
		}
		q.sum -= q.spent[0].units
		q.spent = q.spent[1:]
	}
	q.spent = append(q.spent, charge{turn, units})
	q.sum += units
	return turn
}

// secret: nobody has published how much it is of what leaves in batches.
func (q *quota) secret() bool { return q.most == 0 && !q.alone }

func (q *quota) answered(units int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pace.units += units
}

func (q *quota) refused(at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pace.refused(at)
}

// pace is the speed that refusals teach. A server refuses when its bucket is empty;
// what it has answered from one such moment to the next is what flowed in, so that
// asking a little slower is refused no more. Where that does not help, refusals have
// another cause, and waiting as the server says is all that can be done.
type pace struct {
	rate   float64   // units a second at the last refusal; 0: as fast as may be
	last   time.Time // the last turn given
	since  time.Time // the last refusal; zero: none
	units  int       // answered since
	from   time.Time // the refusal from which on the rate is measured: while learning, the first
	sum    int       // of units since then
	before int       // most answered between two refusals while as fast as may be
	met    int       // refusals while as fast as may be, up to learned
	vain   int       // refusals in a row to which the pace made no difference
}

const (
	// caution keeps the pace below what was measured, recovery is in which time it
	// doubles while nothing is refused: the quota may have been shared for a while.
	caution  = 0.95
	recovery = 5 * time.Minute
	// learned is how many refusals teach a pace. The first is of a bucket that was full
	// before; what lies between two of the others may be little by chance.
	learned = 3
	// After as many refusals in vain there is no pace for so many more.
	mostVain, unpaced = 1, 100
)

// reserve gives when the bucket has filled by so much since the last turn.
func (p *pace) reserve(now time.Time, units int) time.Time {
	if p.rate > 0 {
		rate := p.rate * math.Exp2(float64(now.Sub(p.since))/float64(recovery))
		p.last = p.last.Add(time.Duration(float64(units) / rate * float64(time.Second)))
	}
	if p.last.Before(now) {
		p.last = now
	}
	return p.last
}

func (p *pace) refused(at time.Time) {
	p.sum += p.units
	helped := p.rate > 0 && p.units >= 2*p.before
	switch {
	case helped:
		p.vain = 0
	case p.rate > 0 || p.vain >= mostVain:
		p.vain++
	default:
		if p.met > 0 {
			p.before = max(p.before, p.units)
		}
		p.met = min(p.met+1, learned)
	}
	switch {
	case p.vain == mostVain+unpaced:
		p.vain, p.met, p.before = 0, 1, 0
	case p.vain >= mostVain:
		p.rate = 0
	case p.met == learned && p.sum > 0:
		p.rate = caution * float64(p.sum) / max(1, at.Sub(p.from).Seconds())
	}
	if p.met == 1 || p.met == learned {
		p.from, p.sum = at, 0
	}
	p.since, p.units, p.last = at, 0, at
}
