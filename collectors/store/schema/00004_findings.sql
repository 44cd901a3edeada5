-- +goose Up

-- Between which snapshots a finding was seen, by its fingerprint. It says since
-- when something has been known, and is no evidence: whether a finding holds
-- follows from the snapshots alone.
CREATE TABLE finding_seen (
	fingerprint    TEXT PRIMARY KEY CHECK (length(fingerprint) = 32),
	rule           TEXT NOT NULL,
	first_snapshot INTEGER NOT NULL REFERENCES snapshot,
	last_snapshot  INTEGER NOT NULL REFERENCES snapshot
) STRICT, WITHOUT ROWID;
