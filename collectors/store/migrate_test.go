package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
)

// TestOlderEvidenceGivesItsDigests: a database from before parts were merged one by one
// keeps what was sealed, row by row, and gives up the run that was unfinished.
func TestOlderEvidenceGivesItsDigests(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := sqlx.Open("sqlite3", "file:"+path+"?_foreign_keys=on")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files, err := goose.NewProvider(goose.DialectSQLite3, db.DB, os.DirFS("schema"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.UpTo(t.Context(), 6); err != nil {
		t.Fatal(err)
	}
	const lines = `["signins","msp","msp"]` + "\n" + `["sign_in","s1",null,null,null,null,"2026-03-31T12:00:00Z","","",0,0,"","",null]` + "\n"
	sum := sha256.Sum256([]byte("0123456789abcdef" + lines))
	if _, err := db.Exec(`
		PRAGMA application_id = 0x4353474e;
		INSERT INTO ident VALUES (1, 'msp'), (2, 's1'), (3, 's2');
		INSERT INTO label (id, text) VALUES (1, 'Nobody knows');
		INSERT INTO part VALUES (1, 'signins', 1, 1), (255, 'groups', 1, 1), (256, 'groups', 1, 2), (600, 'groups', 1, 3);
		INSERT INTO snapshot (id, at, tenant, request, state) VALUES (1, '2026-03-31T12:00:00Z', 1, 'all', 'sealed'), (2, '2026-04-01T12:00:00Z', 1, 'all', 'open');
		INSERT INTO log_sign_in VALUES (1, 2, NULL, NULL, NULL, NULL, '2026-03-31T12:00:00Z', '', '', 0, 0, '', '', NULL, 1, NULL);
		INSERT INTO part_seen VALUES (1, 1, 'complete', 'as said', '2026-03-31T12:00:07Z', 3, 2, 1, 0, 4, '2026-03-30T12:00:00Z', '2026-03-31T12:00:00Z');
		INSERT INTO part_seen SELECT 1, id, 'failed', 'gone', '2026-03-31T12:00:08Z', 1, 0, 0, 0, 0, NULL, NULL FROM part WHERE id > 1;
		INSERT INTO evidence VALUES (1, 1, 1, 2, 200, '2026-03-31T12:00:07Z', 1, zeroblob(32)), (1, 1, 2, 3, 404, '2026-03-31T12:00:09Z', 0, zeroblob(32));
		INSERT INTO part_digest VALUES (1, 1, 1, NULL, CAST('0123456789abcdef' AS BLOB), ?);
		INSERT INTO stage_sign_in VALUES (1, 3, NULL, 1, NULL, NULL, '2026-03-31T12:00:00Z', '', '', 0, 0, '', '', NULL);
		INSERT INTO part_seen VALUES (2, 1, 'complete', '', '2026-04-01T12:00:00Z', 1, 1, 1, 0, 0, NULL, NULL);
		INSERT INTO seal VALUES (1, 'snapshot', '2026-03-31T12:00:00Z', '{}', '', 'made up', NULL);
		UPDATE snapshot SET seal = 1 WHERE id = 1;`, hex.EncodeToString(sum[:])); err != nil {
		t.Fatal(err)
	}
	said := func(db *sqlx.DB) string {
		var lines []string
		if err := db.Select(&lines, `
			SELECT json_array(snapshot, part, state, reason, asked, requests, pages, rows, repeated, passed_over, since, until) FROM part_seen WHERE snapshot = 1
			UNION ALL SELECT json_array(snapshot, part, seq, path, status, asked, rows, hex(sha256)) FROM evidence WHERE snapshot = 1 ORDER BY 1`); err != nil || len(lines) != 6 {
			t.Error(lines, err)
		}
		return strings.Join(lines, "\n")
	}
	before := said(db)
	st := open(t, path)
	if after := said(st.Read()); after != before {
		t.Errorf("what was said of parts is now\n%s\nand was\n%s", after, before)
	}
	faults, err := st.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		if !strings.HasPrefix(f, "seal 1 ") && !strings.HasPrefix(f, "snapshot 1: its parts") { // which were made up
			t.Error(f)
		}
	}
	var got []struct{ ID, Correlation string }
	if err := st.Read().Select(&got, `SELECT id, correlation FROM sign_in WHERE snapshot = 1`); err != nil || len(got) != 1 || got[0].ID != "s1" || got[0].Correlation != "" {
		t.Errorf("got %v, %v", got, err)
	}
	run, resumed, err := st.Begin(t.Context(), noon.AddDate(0, 0, 1), "msp", "all", time.Hour)
	if err != nil || resumed || run.ID != 3 {
		t.Errorf("run %+v, resumed %v, %v", run, resumed, err)
	}
}
