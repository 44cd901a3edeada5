package config

import (
	"fmt"
	"time"

	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
)

// Config is a checked configuration. Paths are absolute or relative to the working
// directory, whatever they were relative to in the file.
type Config struct {
	MSP        MSP        `yaml:"msp"`
	Cloud      string     `yaml:"cloud" validate:"oneof=global usgov usgov-dod china"` // the MSP's and its customers' cloud; default global
	Credential Credential `yaml:"credential"`
	Endpoints  Endpoints  `yaml:"endpoints,omitempty"`
	Store      Store      `yaml:"store"`
	Output     Output     `yaml:"output"`

	// The files beside this one. One that is named must exist; of one that is not,
	// the default may be missing, and the path is then empty.
	CustomersFile string `yaml:"customers,omitempty"` // default customers.csv
	StaffFile     string `yaml:"staff,omitempty"`     // default staff.csv
	RecordsFile   string `yaml:"records,omitempty"`   // default records.csv
	GroupsFile    string `yaml:"groups,omitempty"`    // default groups.csv
	TemplatesFile string `yaml:"templates,omitempty"` // default templates.csv
	WaiversFile   string `yaml:"waivers,omitempty"`   // default waivers.yaml

	Sources  Sources  `yaml:"sources,omitempty"`
	Rules    Rules    `yaml:"rules"`
	Review   Review   `yaml:"review"`
	Schedule Schedule `yaml:"schedule"`
	Delivery Delivery `yaml:"delivery"`

	// What stands in the files beside this one, in their order.
	Records []Record `yaml:"-" validate:"-"`
	Waivers []Waiver `yaml:"-" validate:"-"`

	declared snapshot.Declared
	zone     *time.Location
}

// MSP is the provider itself.
type MSP struct {
	// As documents print it
	Name string `yaml:"name" validate:"required"`
	// Of its own directory; lower case
	TenantID string `yaml:"tenant_id" validate:"required,guid"`
	// Mail and sign-in domains of the staff; lower case
	Domains []string `yaml:"domains,omitempty" validate:"dive,fqdn"`
	// Whom readers of a document may ask: a mail address, number or name
	Contact string `yaml:"contact,omitempty"`
	// A .png or .jpg for the documents; empty: the name instead
	Logo string `yaml:"logo,omitempty"`
	// "#1f4e79", in quotes; empty: the documents' own
	BrandColour string `yaml:"brand_colour,omitempty" validate:"omitempty,colour"`
	// IANA name; quarters, dates and schedules are meant in it; default UTC
	TimeZone string `yaml:"time_zone" validate:"zone"`
	// Of documents, unless the customer has its own; default en
	Language string `yaml:"language" validate:"bcp47_language_tag"`
	// Month in which quarters begin to be counted; default 1
	FiscalYearStart int `yaml:"fiscal_year_start" validate:"min=1,max=12"`
}

// Credential is how the program proves itself to Microsoft's login. Kind decides
// which of the other fields are needed; the rest must be absent.
type Credential struct {
	Kind                string `yaml:"kind" validate:"required,oneof=certificate secret workload-identity managed-identity azure-cli token"`
	ClientID            string `yaml:"client_id,omitempty" validate:"omitempty,guid"` // the app registration; lower case; optional for managed-identity alone
	Certificate         Secret `yaml:"certificate,omitempty"`                         // kind certificate: PEM or PKCS#12 with its private key
	CertificatePassword Secret `yaml:"certificate_password,omitempty"`                // kind certificate; absent: none
	Secret              Secret `yaml:"secret,omitempty"`                              // kind secret
	Token               Secret `yaml:"token,omitempty"`                               // kind token: a bearer token, sent as it is, MSP tenant only
	TokenFile           string `yaml:"token_file,omitempty"`                          // kind workload-identity: path; empty: as the platform's environment says
}

// Endpoints override those of the cloud: base URLs, https, or http on a loopback
// address. Empty: the cloud's own.
type Endpoints struct {
	Graph         string `yaml:"graph,omitempty" validate:"omitempty,endpoint"`
	Login         string `yaml:"login,omitempty" validate:"omitempty,endpoint"`
	ARM           string `yaml:"arm,omitempty" validate:"omitempty,endpoint"`
	PartnerCenter string `yaml:"partner_center,omitempty" validate:"omitempty,endpoint"`
}

// Store is the database and the key that signs its seals.
type Store struct {
	Path       string `yaml:"path" validate:"required"` // SQLite file; default countersign.db
	SigningKey Secret `yaml:"signing_key,omitempty"`    // Ed25519 private key; absent: seals are not signed
	Retain     Span   `yaml:"retain"`                   // what is older may be pruned; default 7y
}

// Output is where documents go.
type Output struct {
	Dir string `yaml:"dir" validate:"required"` // default out; made when missing
}

// Sources says what is read beside Microsoft Graph in the MSP's own tenant, and
// what is left out there. Customers' tenants are switched on in customers.csv.
type Sources struct {
	// Azure Lighthouse delegations and activity, as far as the app is Reader there
	Azure bool `yaml:"azure,omitempty"`
	// Customers and activity log of the Partner Center API
	PartnerCenter bool `yaml:"partner_center,omitempty"`
	// Kinds of evidence never to ask for, such as risky-users without the licence
	LeaveOut []string `yaml:"leave_out,omitempty" validate:"unique,dive,kind"`
}

// Rules turns rules off, re-ranks and re-parametrises them.
type Rules struct {
	// Rule ids
	Disable []string `yaml:"disable,omitempty" validate:"dive,rule"`
	// By rule id
	Severity map[string]string `yaml:"severity,omitempty" validate:"dive,keys,rule,endkeys,oneof=critical high medium low info"`
	// By name: int, string, []int or []string
	Thresholds map[string]any `yaml:"thresholds,omitempty" validate:"dive,keys,threshold,endkeys"`
	// Folder of own rules; default rules.d, may be missing and is then empty
	Custom string `yaml:"custom,omitempty"`
}

// Review is how campaigns run.
type Review struct {
	// Days from opening to the due date; default 14
	DueDays int `yaml:"due_days" validate:"min=1,max=365"`
	// How often customers of a tier are reviewed; a tier absent here: quarterly
	CustomerTiers map[string]string `yaml:"customer_tiers,omitempty" validate:"dive,oneof=monthly quarterly half-yearly yearly"`
	// Who is asked, in this order; default manager, owner, fallback
	Stages []string `yaml:"stages,omitempty" validate:"unique,dive,oneof=manager owner fallback"`
	// Person of staff.csv who decides where nobody else may: the compliance officer
	Fallback string `yaml:"fallback,omitempty"`
	// Campaigns in a row that unchanged rows may be re-affirmed as a group; 0: never; default 2
	ReaffirmLimit int `yaml:"reaffirm_limit" validate:"min=0,max=8"`
	// What becomes of a row without an answer at the due date; default escalate
	NoAnswer string `yaml:"no_answer" validate:"oneof=escalate keep revoke"`
}

// Schedule says when jobs are due, in the MSP's time zone: five cron fields, or
// daily, weekly, monthly or quarterly.
type Schedule struct {
	Collect   string `yaml:"collect" validate:"schedule"`   // default "0 4 * * *"
	Check     string `yaml:"check" validate:"schedule"`     // default "0 5 * * *"
	Campaign  string `yaml:"campaign" validate:"schedule"`  // default quarterly
	Summaries string `yaml:"summaries" validate:"schedule"` // default quarterly
	Reminders string `yaml:"reminders" validate:"schedule"` // default "0 8 * * *"
	CatchUp   Span   `yaml:"catch_up"`                      // a window missed by more than this is recorded as missed, not run; default 72h
}

// Delivery is how documents leave; nothing is sent unless Kind says so.
type Delivery struct {
	Kind     string `yaml:"kind" validate:"oneof=none smtp folder"`                     // default none
	Dir      string `yaml:"dir,omitempty"`                                              // kind folder: where documents are laid down
	Host     string `yaml:"host,omitempty" validate:"omitempty,hostname_rfc1123|ip"`    // kind smtp
	Port     int    `yaml:"port,omitempty" validate:"min=0,max=65535"`                  // kind smtp; 0: 587, or 465 with tls implicit
	TLS      string `yaml:"tls,omitempty" validate:"omitempty,oneof=starttls implicit"` // kind smtp; empty: starttls; never without
	From     string `yaml:"from,omitempty" validate:"omitempty,email"`                  // kind smtp: sender
	Username string `yaml:"username,omitempty"`                                         // kind smtp; empty: no login
	Password Secret `yaml:"password,omitempty"`                                         // kind smtp
}

// defaults is what holds where the file says nothing.
func defaults() *Config {
	return &Config{
		MSP:           MSP{TimeZone: "UTC", Language: "en", FiscalYearStart: 1},
		Cloud:         "global",
		Store:         Store{Path: "countersign.db", Retain: Span{Years: 7}},
		Output:        Output{Dir: "out"},
		CustomersFile: "customers.csv", StaffFile: "staff.csv", RecordsFile: "records.csv",
		GroupsFile: "groups.csv", TemplatesFile: "templates.csv", WaiversFile: "waivers.yaml",
		Rules:  Rules{Custom: "rules.d"},
		Review: Review{DueDays: 14, Stages: []string{"manager", "owner", "fallback"}, ReaffirmLimit: 2, NoAnswer: "escalate"},
		Schedule: Schedule{Collect: "0 4 * * *", Check: "0 5 * * *", Campaign: "quarterly", Summaries: "quarterly",
			Reminders: "0 8 * * *", CatchUp: Span{Clock: 72 * time.Hour}},
		Delivery: Delivery{Kind: "none"},
	}
}

// Zone is the MSP's time zone. Dates of the configuration are midnights in it.
func (c *Config) Zone() *time.Location { return c.zone }

// Declared is what customers.csv, staff.csv, groups.csv and templates.csv say. Tenant and group
// ids, user principal names and person keys are lower case.
func (c *Config) Declared() snapshot.Declared { return c.declared }

// GraphEndpoints are the cloud's endpoints with the overrides in place.
func (c *Config) GraphEndpoints() (graph.Endpoints, error) {
	e, err := graph.CloudEndpoints(c.Cloud)
	if err != nil {
		return graph.Endpoints{}, err
	}
	return e.Override(graph.Endpoints{Graph: c.Endpoints.Graph, Login: c.Endpoints.Login, ARM: c.Endpoints.ARM, PartnerCenter: c.Endpoints.PartnerCenter})
}

// CredentialOptions reads the secrets and gives what graph.NewCredential needs for
// one tenant, HTTP client and clock aside. Errors name the variable or file, never
// its content.
func (c *Config) CredentialOptions(tenant string) (graph.CredentialOptions, error) {
	e, err := c.GraphEndpoints()
	if err != nil {
		return graph.CredentialOptions{}, err
	}
	o := graph.CredentialOptions{Kind: c.Credential.Kind, ClientID: c.Credential.ClientID, Tenant: tenant,
		TokenFile: c.Credential.TokenFile, Login: e.Login}
	for _, s := range []struct {
		name string
		from Secret
		to   *graph.Secret
	}{
		{"certificate", c.Credential.Certificate, &o.Certificate},
		{"certificate_password", c.Credential.CertificatePassword, &o.CertificatePassword},
		{"secret", c.Credential.Secret, &o.Secret},
		{"token", c.Credential.Token, &o.Token},
	} {
		if s.from.IsZero() {
			continue
		}
		if *s.to, err = s.from.Reveal(); err != nil {
			return graph.CredentialOptions{}, fmt.Errorf("credential.%s: %w", s.name, err)
		}
	}
	return o, nil
}
