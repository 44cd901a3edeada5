-- +goose Up

-- Most parts say the same every day: what is said of one, and what its requests gave,
-- stands from one snapshot until another, and only when it was asked is kept for
-- each. part_seen and evidence are views now and show what they held as tables.

DROP VIEW part_coverage;
DROP INDEX part_seen_part;
ALTER TABLE part_seen RENAME TO wide_part_seen;
ALTER TABLE evidence RENAME TO wide_evidence;
ALTER TABLE part_digest RENAME TO text_part_digest;

-- How much of a part the snapshots saw that asked it, from one until another. rows:
-- received; repeated: of them seen before in the same part; passed_over: not kept, being
-- outside what was asked. asked: where the table asked cannot say it.
CREATE TABLE coverage (
	part        INTEGER NOT NULL REFERENCES part,
	state       TEXT NOT NULL CHECK (state IN ('complete', 'partial', 'failed', 'not-permitted', 'not-licensed', 'not-configured', 'not-asked')),
	reason      TEXT NOT NULL,
	asked       TEXT CHECK (asked GLOB '????-??-??T??:??:??Z'),
	requests    INTEGER NOT NULL,
	pages       INTEGER NOT NULL,
	rows        INTEGER NOT NULL,
	repeated    INTEGER NOT NULL,
	passed_over INTEGER NOT NULL,
	since       TEXT CHECK (since GLOB '????-??-??T??:??:??Z'),
	until       TEXT CHECK (until GLOB '????-??-??T??:??:??Z'),
	seen_from   INTEGER NOT NULL REFERENCES snapshot,
	seen_until  INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, seen_from)
) STRICT, WITHOUT ROWID;

-- What was asked and what came back, request by request, without host or token.
-- asked: NULL if that is when its part was asked.
CREATE TABLE answer (
	part       INTEGER NOT NULL REFERENCES part,
	seq        INTEGER NOT NULL,
	path       INTEGER NOT NULL REFERENCES ident,
	status     INTEGER NOT NULL,
	asked      TEXT CHECK (asked GLOB '????-??-??T??:??:??Z'),
	rows       INTEGER NOT NULL,
	sha256     BLOB NOT NULL CHECK (length(sha256) = 32),
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, seq, seen_from)
) STRICT, WITHOUT ROWID;

-- When a snapshot asked the 256 parts from 256 * block on, a character each: a space for
-- one that it did not ask, else the character of code 33 + the seconds since the
-- snapshot's instant. So a part costs one byte a day, or two after a minute and a half.
CREATE TABLE asked (
	snapshot INTEGER NOT NULL REFERENCES snapshot,
	block    INTEGER NOT NULL,
	seconds  TEXT NOT NULL CHECK (length(seconds) = 256),
	PRIMARY KEY (snapshot, block)
) STRICT, WITHOUT ROWID;

-- The salted digest of a part's rows, from the snapshot that changed them on: of facts
-- until the next one, of a log for good, as it is of the rows of that snapshot alone.
CREATE TABLE part_digest (
	part      INTEGER NOT NULL REFERENCES part,
	log       INTEGER NOT NULL CHECK (log IN (0, 1)),
	seen_from INTEGER NOT NULL REFERENCES snapshot,
	salt      BLOB NOT NULL CHECK (length(salt) = 16),
	digest    BLOB NOT NULL CHECK (length(digest) = 32),
	PRIMARY KEY (part, log, seen_from)
) STRICT, WITHOUT ROWID;

INSERT INTO coverage (part, state, reason, asked, requests, pages, rows, repeated, passed_over, since, until, seen_from, seen_until)
SELECT part, state, reason, asked, requests, pages, rows, repeated, passed_over, since, until, snapshot, lead(snapshot) OVER (PARTITION BY part ORDER BY snapshot)
FROM   wide_part_seen;
INSERT INTO answer (part, seq, path, status, asked, rows, sha256, seen_from, seen_until)
SELECT e.part, e.seq, e.path, e.status, nullif(e.asked, c.asked), e.rows, e.sha256, c.seen_from, c.seen_until
FROM   wide_evidence e JOIN coverage c ON c.part = e.part AND c.seen_from = e.snapshot;
WITH RECURSIVE place (n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM place WHERE n < 255)
INSERT INTO asked (snapshot, block, seconds)
SELECT b.snapshot, b.block, group_concat(CASE WHEN w.part IS NULL THEN ' ' ELSE '!' END, '' ORDER BY n)
FROM   (SELECT DISTINCT snapshot, part / 256 AS block FROM wide_part_seen) b JOIN place
LEFT   JOIN wide_part_seen w ON w.snapshot = b.snapshot AND w.part = 256 * b.block + n
GROUP  BY b.snapshot, b.block;
INSERT INTO part_digest (part, log, seen_from, salt, digest)
SELECT part, log, seen_from, salt, unhex(digest) FROM text_part_digest;

DROP TABLE wide_evidence;
DROP TABLE wide_part_seen;
DROP TABLE text_part_digest;

CREATE VIEW part_seen AS
SELECT s.id AS snapshot, c.part, c.state, c.reason,
	coalesce(c.asked, strftime('%Y-%m-%dT%H:%M:%SZ', s.at, (unicode(substr(a.seconds, c.part % 256 + 1, 1)) - 33) || ' seconds')) AS asked,
	c.requests, c.pages, c.rows, c.repeated, c.passed_over, c.since, c.until
FROM   coverage c
JOIN   snapshot s ON s.id >= c.seen_from AND (c.seen_until IS NULL OR s.id < c.seen_until)
JOIN   asked a ON a.snapshot = s.id AND a.block = c.part / 256
WHERE  substr(a.seconds, c.part % 256 + 1, 1) <> ' ';

CREATE VIEW evidence AS
SELECT p.snapshot, e.part, e.seq, e.path, e.status, coalesce(e.asked, p.asked) AS asked, e.rows, e.sha256
FROM   part_seen p
JOIN   answer e ON e.part = p.part AND e.seen_from <= p.snapshot AND (e.seen_until IS NULL OR e.seen_until > p.snapshot);

CREATE VIEW part_coverage AS
SELECT p.snapshot,
	(SELECT kind FROM part WHERE part.id = p.part) AS kind,
	(SELECT value FROM ident WHERE ident.id = (SELECT scope FROM part WHERE part.id = p.part)) AS scope,
	(SELECT value FROM ident WHERE ident.id = (SELECT object FROM part WHERE part.id = p.part)) AS object,
	p.state, p.reason, p.asked, p.requests, p.pages, p.rows, p.repeated, p.passed_over, p.since, p.until,
	(SELECT max(b.at) FROM part_seen e JOIN snapshot b ON b.id = e.snapshot
	 WHERE  e.part = p.part AND e.snapshot <= p.snapshot AND e.state = 'complete' AND b.state = 'sealed') AS last_seen
FROM   snapshot s
JOIN   part_seen p ON p.snapshot = s.id
WHERE  s.state = 'sealed';

-- +goose StatementBegin
CREATE TRIGGER asked_insert BEFORE INSERT ON asked
WHEN (SELECT seal FROM snapshot WHERE id = NEW.snapshot) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'asked: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER asked_update BEFORE UPDATE ON asked
WHEN (SELECT seal FROM snapshot WHERE id = OLD.snapshot) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.snapshot) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'asked: a sealed snapshot is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER asked_delete BEFORE DELETE ON asked
WHEN (SELECT seal FROM snapshot WHERE id = OLD.snapshot) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'asked: a sealed snapshot is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER coverage_frozen BEFORE UPDATE OF part, state, reason, asked, requests, pages, rows, repeated, passed_over, since, until, seen_from ON coverage
BEGIN SELECT RAISE(ABORT, 'coverage: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER coverage_closed BEFORE UPDATE OF seen_until ON coverage
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'coverage: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER coverage_opened BEFORE INSERT ON coverage
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'coverage: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER coverage_kept BEFORE DELETE ON coverage
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'coverage: recorded evidence is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER answer_frozen BEFORE UPDATE OF part, seq, path, status, asked, rows, sha256, seen_from ON answer
BEGIN SELECT RAISE(ABORT, 'answer: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER answer_closed BEFORE UPDATE OF seen_until ON answer
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'answer: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER answer_opened BEFORE INSERT ON answer
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'answer: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER answer_kept BEFORE DELETE ON answer
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'answer: recorded evidence is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER part_digest_frozen BEFORE UPDATE ON part_digest
BEGIN SELECT RAISE(ABORT, 'part_digest: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER part_digest_opened BEFORE INSERT ON part_digest
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'part_digest: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER part_digest_kept BEFORE DELETE ON part_digest
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'part_digest: recorded evidence is never deleted'); END;
-- +goose StatementEnd
