-- +goose Up

-- Outside ids and request paths, interned: facts carry the integer, every view
-- and every seal the text. Ids are folded to lower case before they come here.
CREATE TABLE ident (
	id    INTEGER PRIMARY KEY,
	value TEXT NOT NULL UNIQUE CHECK (instr(value, char(0)) = 0)
) STRICT;

-- Text that may name a person: names, addresses, justifications, tickets. Seals
-- know it by the salted digest alone, so retention can blank text and salt
-- without breaking the chain. Salt and digest are given when the text is first sealed.
CREATE TABLE label (
	id     INTEGER PRIMARY KEY,
	text   TEXT UNIQUE,
	salt   BLOB,
	digest TEXT
) STRICT;
CREATE INDEX label_unsealed ON label (text) WHERE digest IS NULL;
-- +goose StatementBegin
CREATE TRIGGER label_frozen BEFORE UPDATE ON label
WHEN OLD.digest IS NOT NULL AND (NEW.digest IS NOT OLD.digest OR NEW.text IS NOT NULL OR NEW.salt IS NOT NULL) OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'label: a text is blanked or kept, never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER label_kept BEFORE DELETE ON label
BEGIN SELECT RAISE(ABORT, 'label: recorded evidence is never deleted'); END;
-- +goose StatementEnd

-- Values made once and kept with the evidence, such as the key of check letters.
CREATE TABLE setting (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One chain over everything that was concluded: snapshots, campaign openings,
-- imports, closings, report runs. body is the exact text that was hashed.
CREATE TABLE seal (
	seq       INTEGER PRIMARY KEY,
	kind      TEXT NOT NULL,
	at        TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??Z'),
	body      TEXT NOT NULL,
	previous  TEXT NOT NULL,
	hash      TEXT NOT NULL UNIQUE,
	signature BLOB
) STRICT;
-- +goose StatementBegin
CREATE TRIGGER seal_frozen BEFORE UPDATE ON seal
BEGIN SELECT RAISE(ABORT, 'seal: a seal is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER seal_kept BEFORE DELETE ON seal
BEGIN SELECT RAISE(ABORT, 'seal: a seal is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER seal_once BEFORE INSERT ON seal
WHEN EXISTS (SELECT 1 FROM seal WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'seal: a seal is never replaced'); END;
-- +goose StatementEnd

-- One run over the MSP and its customers at one instant. Readers see it once it
-- is sealed; open: being taken; discarded: given up, left for the record.
CREATE TABLE snapshot (
	id      INTEGER PRIMARY KEY,
	at      TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??Z'),
	tenant  INTEGER NOT NULL REFERENCES ident,
	request TEXT NOT NULL,
	state   TEXT NOT NULL CHECK (state IN ('open', 'sealed', 'discarded')),
	seal    INTEGER REFERENCES seal
) STRICT;
-- +goose StatementBegin
CREATE TRIGGER snapshot_frozen BEFORE UPDATE ON snapshot
WHEN OLD.seal IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'snapshot: a sealed snapshot is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER snapshot_kept BEFORE DELETE ON snapshot
BEGIN SELECT RAISE(ABORT, 'snapshot: a snapshot is never deleted'); END;
-- +goose StatementEnd

-- Kind x scope x object: what is merged, sealed and resumed as one.
CREATE TABLE part (
	id     INTEGER PRIMARY KEY,
	kind   TEXT NOT NULL,
	scope  INTEGER NOT NULL REFERENCES ident,
	object INTEGER NOT NULL REFERENCES ident,
	UNIQUE (kind, scope, object)
) STRICT;

-- How much of a part one snapshot saw. rows: received; repeated: of them seen
-- before in the same part; passed_over: not kept, being outside what was asked.
CREATE TABLE part_seen (
	snapshot    INTEGER NOT NULL REFERENCES snapshot,
	part        INTEGER NOT NULL REFERENCES part,
	state       TEXT NOT NULL CHECK (state IN ('complete', 'partial', 'failed', 'not-permitted', 'not-licensed', 'not-configured', 'not-asked')),
	reason      TEXT NOT NULL,
	asked       TEXT NOT NULL CHECK (asked GLOB '????-??-??T??:??:??Z'),
	requests    INTEGER NOT NULL,
	pages       INTEGER NOT NULL,
	rows        INTEGER NOT NULL,
	repeated    INTEGER NOT NULL,
	passed_over INTEGER NOT NULL,
	since       TEXT CHECK (since GLOB '????-??-??T??:??:??Z'),
	until       TEXT CHECK (until GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (snapshot, part)
) STRICT, WITHOUT ROWID;

-- What was asked and what came back, request by request, without host or token.
CREATE TABLE evidence (
	snapshot INTEGER NOT NULL REFERENCES snapshot,
	part     INTEGER NOT NULL REFERENCES part,
	seq      INTEGER NOT NULL,
	path     INTEGER NOT NULL REFERENCES ident,
	status   INTEGER NOT NULL,
	asked    TEXT NOT NULL CHECK (asked GLOB '????-??-??T??:??:??Z'),
	rows     INTEGER NOT NULL,
	sha256   BLOB NOT NULL CHECK (length(sha256) = 32),
	PRIMARY KEY (snapshot, part, seq)
) STRICT, WITHOUT ROWID;

-- The salted digest of a part's rows, from the snapshot that changed them on.
CREATE TABLE part_digest (
	part       INTEGER NOT NULL REFERENCES part,
	log        INTEGER NOT NULL CHECK (log IN (0, 1)),
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	salt       BLOB NOT NULL CHECK (length(salt) = 16),
	digest     TEXT NOT NULL,
	PRIMARY KEY (part, log, seen_from)
) STRICT, WITHOUT ROWID;
-- +goose StatementBegin
CREATE TRIGGER part_seen_insert BEFORE INSERT ON part_seen
WHEN (SELECT seal FROM snapshot WHERE id = NEW.snapshot) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'part_seen: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER part_seen_update BEFORE UPDATE ON part_seen
WHEN (SELECT seal FROM snapshot WHERE id = NEW.snapshot) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'part_seen: a sealed snapshot is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER part_seen_delete BEFORE DELETE ON part_seen
WHEN (SELECT seal FROM snapshot WHERE id = OLD.snapshot) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'part_seen: a sealed snapshot is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER evidence_insert BEFORE INSERT ON evidence
WHEN (SELECT seal FROM snapshot WHERE id = NEW.snapshot) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'evidence: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER evidence_update BEFORE UPDATE ON evidence
WHEN (SELECT seal FROM snapshot WHERE id = NEW.snapshot) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'evidence: a sealed snapshot is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER evidence_delete BEFORE DELETE ON evidence
WHEN (SELECT seal FROM snapshot WHERE id = OLD.snapshot) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'evidence: a sealed snapshot is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER part_digest_frozen BEFORE UPDATE OF part, log, seen_from, salt, digest ON part_digest
BEGIN SELECT RAISE(ABORT, 'part_digest: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER part_digest_closed BEFORE UPDATE OF seen_until ON part_digest
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'part_digest: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER part_digest_kept BEFORE DELETE ON part_digest
BEGIN SELECT RAISE(ABORT, 'part_digest: recorded evidence is never deleted'); END;
-- +goose StatementEnd
CREATE INDEX part_seen_part ON part_seen (part, state, snapshot);
