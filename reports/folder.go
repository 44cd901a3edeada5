package reports

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jmoiron/sqlx"
	"golang.org/x/text/unicode/norm"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/reviews"
)

// Folder is where the documents of one period go: <output>/<period>.
type Folder struct{ path string }

// File is one document that was written, as manifest.json lists it.
type File struct {
	Path   string `json:"path"` // below the period's folder, with slashes
	SHA256 string `json:"sha256"`
	Size   int    `json:"size"`
	Seal   string `json:"seal"` // head of the chain it was made from
}

// NewFolder names the folder of a period; it is made when the first document is put.
func NewFolder(output, period string) Folder { return Folder{filepath.Join(output, period)} }

// Path is the folder's path.
func (f Folder) Path() string { return f.path }

// Put writes a document under a temporary name, syncs and renames it. A document
// that exists with the same bytes is left as it is; one with other bytes went out
// already and is never overwritten: the new one gets the next free revision.
func (f Folder) Put(name string, text []byte) (File, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return File{}, fmt.Errorf("write %s: the name leaves the folder", name)
	}
	sum := sha256.Sum256(text)
	for revision := 1; ; revision++ {
		file := File{Path: revised(name, revision), SHA256: hex.EncodeToString(sum[:]), Size: len(text)}
		path := filepath.Join(f.path, filepath.FromSlash(file.Path))
		old, err := os.ReadFile(path)
		switch {
		case err == nil && bytes.Equal(old, text):
			return file, nil
		case err == nil:
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return File{}, err
		}
		return file, write(path, text)
	}
}

// revised names the revision of a document: report.pdf, report_r2.pdf ...
func revised(name string, revision int) string {
	if revision == 1 {
		return name
	}
	ext := filepath.Ext(name)
	return fmt.Sprintf("%s_r%d%s", strings.TrimSuffix(name, ext), revision, ext)
}

func write(path string, text []byte) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(folder, ".writing-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(text)
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(temp.Name()))
	}
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// List adds files to the folder's manifest.json, which names every document with
// its digest, its size and the seal it was made from.
func (f Folder) List(files []File) error {
	if len(files) == 0 {
		return nil
	}
	path := filepath.Join(f.path, "manifest.json")
	var manifest struct {
		Files []File `json:"files"`
	}
	old, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := json.Unmarshal(old, &manifest); err != nil {
			return fmt.Errorf("read %s: %w; move it away and write the documents again", path, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	for _, file := range files {
		if i := slices.IndexFunc(manifest.Files, func(have File) bool { return have.Path == file.Path }); i < 0 {
			manifest.Files = append(manifest.Files, file)
		} else if manifest.Files[i].SHA256 != file.SHA256 {
			manifest.Files[i] = file
		}
	}
	slices.SortFunc(manifest.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	text, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return err
	}
	return write(path, append(text, '\n'))
}

// slug turns any name into letters, digits and dashes that every file system
// takes; it may come out empty.
func slug(name string) string {
	var out strings.Builder
	for _, r := range strings.ToLower(norm.NFKD.String(name)) {
		switch {
		case out.Len() >= 40:
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			out.WriteRune(r)
		case !unicode.Is(unicode.Mn, r) && out.Len() > 0 && !strings.HasSuffix(out.String(), "-"):
			out.WriteByte('-')
		}
	}
	return strings.Trim(out.String(), "-")
}

// customerFolder names a customer's folder: its name as far as it can be written,
// and its tenant id, so that no two customers ever share one.
func customerFolder(name, tenant string) string {
	return cmp.Or(slug(name), "customer") + "-" + cmp.Or(slug(tenant), "unknown")
}

// SummaryFile names a customer's access summary, without its ending.
func SummaryFile(c snapshot.Customer, p snapshot.Period) string {
	return "customers/" + customerFolder(c.Name, c.Tenant) + "/access-summary_" + p.Name
}

// ReviewerFile names an issue of a reviewer's workbook.
func ReviewerFile(c reviews.Campaign, issue reviews.Issue) string {
	return fmt.Sprintf("reviews/%s_%s_r%d.xlsx", c.Name, cmp.Or(slug(issue.Reviewer.Key), "reviewer"), issue.Revision)
}

// SealRun appends to the chain that documents were made: of what, from which
// snapshot, and the digests of their bytes. It names no customer.
func SealRun(ctx context.Context, st *store.Store, at time.Time, document string, s snapshot.Sealed, p snapshot.Period, files []File) error {
	digests := make([]string, len(files))
	for i, f := range files {
		digests[i] = f.SHA256
	}
	slices.Sort(digests)
	return st.Tx(ctx, func(tx *sqlx.Tx) error {
		_, err := store.Append(ctx, tx, "report-run", at, map[string]any{"document": document, "period": p.Name, "snapshot": s.ID, "snapshot_seal": s.Seal, "files": digests})
		return err
	})
}
