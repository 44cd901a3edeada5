package store

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Check proves the file: SQLite's own integrity, the links and hashes of the
// chain, and that each sealed snapshot still holds the rows its record digests.
// It returns every fault it finds, in words; none means all is whole.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	var faults []string
	for _, part := range []func(context.Context) ([]string, error){s.checkSQLite, s.checkChain, s.checkTexts, s.checkParts, s.checkSnapshots} {
		found, err := part(ctx)
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", s.path, err)
		}
		faults = append(faults, found...)
	}
	return faults, nil
}

func (s *Store) checkSQLite(ctx context.Context) ([]string, error) {
	var lines []string
	if err := s.read.SelectContext(ctx, &lines, `SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'`); err != nil {
		return nil, err
	}
	var foreign []string
	err := s.read.SelectContext(ctx, &foreign, `SELECT DISTINCT 'a row of ' || "table" || ' refers to a missing row of ' || parent FROM pragma_foreign_key_check`)
	return append(lines, foreign...), err
}

func (s *Store) checkChain(ctx context.Context) ([]string, error) {
	var seals []Seal
	if err := s.read.SelectContext(ctx, &seals, `SELECT seq, kind, at, body, previous, hash FROM seal ORDER BY seq`); err != nil {
		return nil, err
	}
	var faults []string
	previous := ""
	for i, seal := range seals {
		hash, err := seal.digest()
		switch {
		case err != nil || hash != seal.Hash:
			faults = append(faults, fmt.Sprintf("seal %d (%s of %s): its text does not give its hash", seal.Seq, seal.Kind, seal.At))
		case seal.Previous != previous || seal.Seq != int64(i+1):
			faults = append(faults, fmt.Sprintf("seal %d (%s of %s): it does not follow the seal before it", seal.Seq, seal.Kind, seal.At))
		}
		previous = seal.Hash
	}
	return faults, nil
}

func (s *Store) checkTexts(ctx context.Context) ([]string, error) {
	var labels []struct {
		ID           int64
		Text, Digest string
		Salt         []byte
	}
	err := s.read.SelectContext(ctx, &labels, `SELECT id, text, salt, digest FROM label WHERE digest IS NOT NULL AND text IS NOT NULL ORDER BY id`)
	var faults []string
	for _, l := range labels {
		if saltedHex(l.Salt, []byte(l.Text)) != l.Digest {
			faults = append(faults, fmt.Sprintf("text %d about a person does not give its digest", l.ID))
		}
	}
	return faults, err
}

func (s *Store) checkParts(ctx context.Context) ([]string, error) {
	parts, err := namedParts(ctx, s.read)
	if err != nil {
		return nil, err
	}
	var digests []struct {
		Part         int64
		Log          bool
		SeenFrom     int64 `db:"seen_from"`
		Salt, Digest []byte
	}
	if err := s.read.SelectContext(ctx, &digests, `SELECT part, log, seen_from, salt, digest FROM part_digest ORDER BY seen_from, part, log`); err != nil {
		return nil, err
	}
	holdings, err := s.holdings(ctx, s.read)
	if err != nil {
		return nil, err
	}
	faults, err := s.undigested(ctx, parts)
	if err != nil {
		return nil, err
	}
	for _, d := range digests {
		part := parts[d.Part]
		got, err := partDigest(ctx, s.read, holdings[part.Kind], change{d.Part, d.Log}, d.SeenFrom, d.Salt, part.Name)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(got, d.Digest) {
			faults = append(faults, fmt.Sprintf("snapshot %d: the rows of part %s do not give their digest", d.SeenFrom, part.Name))
		}
	}
	return faults, nil
}

// undigested finds rows that were opened or closed by a snapshot that recorded no
// digest of their part.
func (s *Store) undigested(ctx context.Context, parts map[int64]namedPart) ([]string, error) {
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(s.tables)) {
		t := s.tables[name]
		if t.prefix == "derived" {
			continue
		}
		moments := `SELECT part, seen_from AS snapshot FROM ` + t.full()
		if !t.log() {
			moments += ` UNION SELECT part, seen_until FROM ` + t.full() + ` WHERE seen_until IS NOT NULL`
		}
		var found []struct{ Part, Snapshot int64 }
		err := s.read.SelectContext(ctx, &found, `
			SELECT DISTINCT m.part, m.snapshot FROM (`+moments+`) m
			WHERE  NOT EXISTS (SELECT 1 FROM part_digest d WHERE d.part = m.part AND d.log = ? AND d.seen_from = m.snapshot)
			ORDER  BY m.snapshot, m.part`, t.log())
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			faults = append(faults, fmt.Sprintf("snapshot %d: part %s holds rows of %s that were never sealed", f.Snapshot, parts[f.Part].Name, name))
		}
	}
	return faults, nil
}

func (s *Store) checkSnapshots(ctx context.Context) ([]string, error) {
	var snapshots []struct {
		ID     int64
		Sealed bool
		Body   string
	}
	err := s.read.SelectContext(ctx, &snapshots, `
		SELECT s.id, l.seq IS NOT NULL AS sealed, coalesce(l.body, '') AS body FROM snapshot s LEFT JOIN seal l ON l.seq = s.seal WHERE s.state = 'sealed' ORDER BY s.id`)
	if err != nil {
		return nil, err
	}
	var faults []string
	for _, snapshot := range snapshots {
		fault, err := checkSnapshot(ctx, s.read, snapshot.ID, snapshot.Sealed, snapshot.Body)
		if err != nil {
			return nil, err
		}
		if fault != "" {
			faults = append(faults, fault)
		}
	}
	return faults, nil
}

func checkSnapshot(ctx context.Context, q sqlx.QueryerContext, id int64, sealed bool, want string) (string, error) {
	if !sealed {
		return fmt.Sprintf("snapshot %d is marked sealed but has no seal", id), nil
	}
	body, err := snapshotBody(ctx, q, id)
	if err != nil {
		return "", err
	}
	got, err := canonical(body)
	if err != nil || strings.TrimSpace(string(got)) == want {
		return "", err
	}
	return fmt.Sprintf("snapshot %d: its parts, clock, coverage or requests are not those that were sealed", id), nil
}
