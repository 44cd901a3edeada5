package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"

	"countersign/collectors/graph"

	"countersign/collectors/snapshot"
)

var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// newValidator knows the tags of this package beside its own.
func newValidator(o Options) *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(keyOf)
	for tag, good := range map[string]func(string) bool{
		"guid":      snapshot.IsGUID,
		"colour":    colour.MatchString,
		"zone":      func(s string) bool { _, err := loadZone(s); return err == nil },
		"schedule":  func(s string) bool { return checkSchedule(s) == nil },
		"endpoint":  func(s string) bool { return checkEndpoint(s) == nil },
		"rule":      func(s string) bool { return len(o.KnownRules) == 0 || slices.Contains(o.KnownRules, s) },
		"kind":      func(s string) bool { return slices.Contains(snapshot.Kinds, snapshot.Kind(s)) },
		"threshold": func(s string) bool { return len(o.KnownThresholds) == 0 || slices.Contains(o.KnownThresholds, s) },
	} {
		if err := v.RegisterValidation(tag, func(f validator.FieldLevel) bool { return good(f.Field().String()) }); err != nil {
			panic(err) // a tag without a name
		}
	}
	return v
}

// checkTags reports what the tags of a struct say against it. at is the struct's path.
func checkTags(v *validator.Validate, d *document, at string, of any, o Options) {
	var found validator.ValidationErrors
	if !errors.As(v.Struct(of), &found) {
		return
	}
	for _, f := range found {
		_, path, _ := strings.Cut(f.Namespace(), ".")
		if at != "" {
			path = at + "." + path
		}
		d.faultAt(path, "%s", words(f, o))
	}
}

// words says in plain words what a tag found.
func words(f validator.FieldError, o Options) string {
	value := quote(fmt.Sprint(f.Value()))
	switch f.Tag() {
	case "required":
		return "is missing"
	case "min":
		return "must be at least " + f.Param()
	case "max":
		return "must be at most " + f.Param()
	case "oneof":
		return value + " is not " + among(strings.Fields(f.Param()))
	case "unique":
		return "names the same twice"
	case "guid":
		return value + " is not an id of the form 11111111-2222-3333-4444-555555555555"
	case "colour":
		return value + ` is not a colour; write it as "#1f4e79", in quotes`
	case "fqdn":
		return value + " is not a domain name such as example.com"
	case "email":
		return value + " is not a mail address"
	case "bcp47_language_tag":
		return value + " is not a language tag such as en or de-CH"
	case "rule":
		return fmt.Sprintf("there is no rule %s; countersign rules lists them", value)
	case "kind":
		return fmt.Sprintf("there is no kind of evidence %s; countersign snapshot show lists them", value)
	case "threshold":
		return fmt.Sprintf("there is no threshold %s; there are %s", value, strings.Join(o.KnownThresholds, ", "))
	case "endpoint":
		return checkEndpoint(f.Value().(string)).Error()
	case "schedule":
		return value + " " + checkSchedule(f.Value().(string)).Error()
	case "zone":
		_, err := loadZone(f.Value().(string))
		return value + " " + err.Error()
	}
	return value + " is not a host name or address"
}

// checkEndpoint holds an override to what the Graph client will accept.
func checkEndpoint(text string) error {
	_, err := graph.Endpoints{}.Override(graph.Endpoints{Graph: text})
	return errors.Unwrap(err) // without the field's name, which is not always graph
}

// validate reports what tags cannot say, of the configuration file as a whole.
func (c *Config) validate(d *document) {
	cred := c.Credential
	type field struct {
		path  string
		given bool
	}
	need := map[string][2][]string{ // by kind: needed, allowed
		"certificate":       {{"client_id", "certificate"}, {"certificate_password"}},
		"secret":            {{"client_id", "secret"}, nil},
		"workload-identity": {{"client_id"}, {"token_file"}},
		"managed-identity":  {nil, {"client_id"}},
		"azure-cli":         {},
		"token":             {{"token"}, nil},
	}
	if rules, known := need[cred.Kind]; known {
		for _, f := range []field{
			{"client_id", cred.ClientID != ""}, {"certificate", !cred.Certificate.IsZero()},
			{"certificate_password", !cred.CertificatePassword.IsZero()}, {"secret", !cred.Secret.IsZero()},
			{"token", !cred.Token.IsZero()}, {"token_file", cred.TokenFile != ""},
		} {
			needed := slices.Contains(rules[0], f.path)
			switch {
			case needed && !f.given:
				d.faultAt("credential."+f.path, "is missing; kind %s needs it", cred.Kind)
			case f.given && !needed && !slices.Contains(rules[1], f.path):
				d.faultAt("credential."+f.path, "is not used by kind %s; remove it, or change kind", cred.Kind)
			}
		}
	}
	if strings.HasPrefix(c.Endpoints.Login, "http://") && cred.Kind != "secret" && cred.Kind != "token" {
		d.faultAt("endpoints.login", "plain http is for credential kind secret only")
	}
	for _, s := range c.secrets() {
		switch {
		case s.secret.Env != "" && !variable.MatchString(s.secret.Env):
			d.faultAt(s.name+".env", "is not the name of an environment variable")
		case strings.ContainsAny(s.secret.File, "\r\n"):
			d.faultAt(s.name+".file", "is not a path")
		}
	}
	if c.MSP.Logo != "" {
		info, err := os.Stat(c.MSP.Logo)
		switch ext := strings.ToLower(filepath.Ext(c.MSP.Logo)); {
		case ext != ".png" && ext != ".jpg" && ext != ".jpeg":
			d.faultAt("msp.logo", "must be a .png or .jpg file")
		case err != nil || !info.Mode().IsRegular():
			d.faultAt("msp.logo", "there is no file %s", printable(c.MSP.Logo))
		}
	}
	if info, err := os.Stat(c.Rules.Custom); errors.Is(err, fs.ErrNotExist) && d.at["rules.custom"] == nil {
		c.Rules.Custom = ""
	} else if err != nil || !info.IsDir() {
		d.faultAt("rules.custom", "there is no folder %s", printable(c.Rules.Custom))
	}
	for _, f := range []struct {
		kind, path string
		given      bool
	}{
		{"folder", "dir", c.Delivery.Dir != ""}, {"smtp", "host", c.Delivery.Host != ""}, {"smtp", "from", c.Delivery.From != ""},
	} {
		if f.kind == c.Delivery.Kind && !f.given {
			d.faultAt("delivery."+f.path, "is missing; kind %s needs it", f.kind)
		}
	}
	if (c.Delivery.Username == "") != c.Delivery.Password.IsZero() {
		d.faultAt("delivery.username", "username and password go together; give both or neither")
	}
}

// keys of the configuration file that name a path, as pointers to it.
func (c *Config) paths() map[string]*string {
	paths := map[string]*string{
		"msp.logo": &c.MSP.Logo, "credential.token_file": &c.Credential.TokenFile, "store.path": &c.Store.Path,
		"output.dir": &c.Output.Dir, "customers": &c.CustomersFile, "staff": &c.StaffFile, "records": &c.RecordsFile,
		"groups": &c.GroupsFile, "templates": &c.TemplatesFile, "waivers": &c.WaiversFile,
		"rules.custom": &c.Rules.Custom, "delivery.dir": &c.Delivery.Dir,
	}
	for _, s := range c.secrets() {
		paths[s.name+".file"] = &s.secret.File
	}
	return paths
}
