package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"

	"countersign/collectors/graph"
)

// Secret says where a secret stands; the secret itself is never kept. The zero
// value means none.
type Secret struct {
	Env  string `yaml:"env,omitempty"`  // name of an environment variable
	File string `yaml:"file,omitempty"` // path of a file that only its owner may read

	getenv func(string) string
}

// maxSecret bounds a secret file, in bytes: a certificate chain with its key is some 10 KB.
const maxSecret = 1 << 20

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// IsZero reports that no secret is configured.
func (s Secret) IsZero() bool { return s.Env == "" && s.File == "" }

// String is the reference as the file has it: {env: NAME} or {file: PATH}.
func (s Secret) String() string {
	switch {
	case s.Env != "":
		return "{env: " + s.Env + "}"
	case s.File != "":
		return "{file: " + s.File + "}"
	}
	return "{}"
}

// Reveal reads the secret; the text that it returns prints as ***. Of a text file
// one line end is left off. An error names the variable or file and the cure.
func (s Secret) Reveal() (graph.Secret, error) {
	if s.Env != "" {
		if s.getenv != nil && s.getenv(s.Env) != "" {
			return graph.Secret(s.getenv(s.Env)), nil
		}
		return "", fmt.Errorf("environment variable %s is not set; set it or name another", s.Env)
	}
	if s.File == "" {
		return "", errors.New("no secret is configured; write {env: NAME} or {file: PATH}")
	}
	f, err := os.Open(s.File)
	if err != nil {
		return "", fmt.Errorf("secret file: %w; put the secret there, for its owner alone to read, or name another file", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", fmt.Errorf("secret file: %w", err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("secret file %s is not a plain file", s.File)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("secret file %s may be read by others (mode %04o); run chmod 600 on it", s.File, info.Mode().Perm())
	}
	content, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("secret file: %w", err)
	case len(content) == 0:
		return "", fmt.Errorf("secret file %s is empty", s.File)
	case len(content) > maxSecret:
		return "", fmt.Errorf("secret file %s is larger than 1 MB", s.File)
	case isText(content):
		content = []byte(strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r"))
	}
	return graph.Secret(content), nil
}

// CheckSecrets reads every configured secret and forgets it again: an error for
// each that is missing or readable by others, joined. Nothing is printed or kept.
func (c *Config) CheckSecrets() error {
	var faults []error
	for _, s := range c.secrets() {
		if s.secret.IsZero() {
			continue
		}
		if _, err := s.secret.Reveal(); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(faults...)
}

type namedSecret struct {
	name   string
	secret *Secret
}

func (c *Config) secrets() []namedSecret {
	return []namedSecret{
		{"credential.certificate", &c.Credential.Certificate},
		{"credential.certificate_password", &c.Credential.CertificatePassword},
		{"credential.secret", &c.Credential.Secret},
		{"credential.token", &c.Credential.Token},
		{"store.signing_key", &c.Store.SigningKey},
		{"delivery.password", &c.Delivery.Password},
	}
}
