package config

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	_ "time/tzdata" // zones on systems that bring none
)

// Options are the door to the environment and what the rest of the program knows.
type Options struct {
	Getenv          func(string) string // nil: no variable is set
	KnownRules      []string            // rule ids; empty: rule ids are not checked
	KnownThresholds []string            // names of thresholds; empty: not checked
}

// Load reads and checks the configuration file and the files it names. Secrets are
// not read; see CheckSecrets. The error joins every fault found, sorted by file and
// line, each worded with its cure.
func Load(path string, o Options) (*Config, error) {
	var found faults
	text, err := readText(path, maxYAML, &found)
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, found.err()
	}
	c, v := defaults(), newValidator(o)
	d, ok := decodeYAML(path, unmarked(text), time.UTC, c, &found)
	if !ok {
		return nil, found.err()
	}
	if c.zone, err = loadZone(c.MSP.TimeZone); err != nil {
		c.zone = time.UTC // the tags report it
	}
	c.fold(filepath.Dir(path), o)
	checkTags(v, d, "", c, o)
	c.validate(d)

	read := func(key string, file *string) *table {
		t := &table{file: *file, zone: c.zone, validate: v, found: &found}
		limit := int64(maxCSV)
		if key == "waivers" {
			limit = maxYAML
		}
		text, err := readText(*file, limit, &found)
		switch {
		case errors.Is(err, fs.ErrNotExist) && d.at[key] == nil:
			*file = ""
			return t
		case err != nil:
			d.faultAt(key, "%v", err)
		}
		if t.text, t.unread = unmarked(text), text == nil; key == "templates" && !t.unread {
			c.declared.TemplatesSHA256 = sha256.Sum256(text)
		}
		return t
	}
	var staff people
	c.declared.Staff, staff = readStaff(read("staff", &c.StaffFile))
	c.declared.Customers = readCustomers(read("customers", &c.CustomersFile), staff)
	c.declared.Groups = readGroups(read("groups", &c.GroupsFile), staff)
	c.Records = readRecords(read("records", &c.RecordsFile))
	c.declared.Templates = readTemplates(read("templates", &c.TemplatesFile))
	c.Waivers = readWaivers(read("waivers", &c.WaiversFile), o, staff)
	if fault := staff.unknown(c.Review.Fallback); c.Review.Fallback != "" && fault != "" {
		d.faultAt("review.fallback", "%s", fault)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// fold brings ids, domains and persons into lower case, paths below the folder of
// the configuration file, and the environment to the secrets.
func (c *Config) fold(dir string, o Options) {
	c.MSP.TenantID = strings.ToLower(c.MSP.TenantID)
	c.Credential.ClientID = strings.ToLower(c.Credential.ClientID)
	c.Review.Fallback = strings.ToLower(c.Review.Fallback)
	for i, domain := range c.MSP.Domains {
		c.MSP.Domains[i] = strings.ToLower(domain)
	}
	for _, p := range c.paths() {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	for _, s := range c.secrets() {
		s.secret.getenv = o.Getenv
	}
}
