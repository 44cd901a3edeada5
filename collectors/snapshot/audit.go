package snapshot

import "time"

// AuditEvent is one entry of a tenant's directory audit log. The fields from Group
// on are read from targets and details, where the entry has them: of an entry that
// PIM wrote they tell who came into what, how long and what for.
// https://learn.microsoft.com/graph/api/resources/directoryaudit
type AuditEvent struct {
	Tenant        string    `db:"tenant"`
	ID            string    `db:"id"`
	At            time.Time `db:"at"`
	Activity      string    `db:"activity"`
	Category      string    `db:"category"` // of PIM: GroupManagement, RoleManagement or ResourceManagement, which tells the provider
	Service       string    `db:"service"`  // that wrote it: PIM, Core Directory, ...
	Operation     string    `db:"operation"`
	Result        string    `db:"result"`     // success, failure, timeout
	Reason        string    `db:"reason"`     // words of the service; of PIM the justification
	Actor         string    `db:"actor"`      // id of the user or app that acted; empty: not told
	ActorType     string    `db:"actor_type"` // user, app or empty
	ActorName     string    `db:"actor_name"` // user principal name, or name of the app
	ActorHome     string    `db:"actor_home"` // the actor's own tenant, where told
	IP            string    `db:"ip"`
	Target        string    `db:"target"` // the first target
	TargetType    string    `db:"target_type"`
	TargetName    string    `db:"target_name"`
	Targets       []string  `db:"targets"` // type and id of all of them
	Group         string    `db:"group_id"`
	Subject       string    `db:"subject"` // whose membership or role it is about
	Role          string    `db:"role"`    // template id where told, else definition id
	Request       string    `db:"request"` // id of the PIM request
	Justification string    `db:"justification"`
	Ticket        string    `db:"ticket"`
	TicketSystem  string    `db:"ticket_system"`
	Starts        time.Time `db:"starts"`
	Ends          time.Time `db:"ends"`
	Correlation   string    `db:"correlation"`
}

func (AuditEvent) Table() string { return "audit_event" }

// AuditChange is one property that an entry of the audit log changed: of the entries
// that are about settings, so that one that was loosened and restored is seen.
type AuditChange struct {
	Tenant   string `db:"tenant"`
	ID       string `db:"id"` // of the entry
	N        int    `db:"n"`  // its place in the entry, from 0
	Target   string `db:"target"`
	Property string `db:"property"`
	Old      string `db:"old"` // as the service wrote them, often JSON
	New      string `db:"new"`
}

func (AuditChange) Table() string { return "audit_change" }
