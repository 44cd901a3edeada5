-- +goose Up

-- What a setting was and became, of the entries of the audit log that are about settings,
-- in the pattern of 00008. A table of its own: rows that are sealed keep their columns.

CREATE TABLE log_audit_change (
	part       INTEGER NOT NULL REFERENCES part,
	tenant     INTEGER NOT NULL REFERENCES ident,
	id         TEXT NOT NULL,
	n          INTEGER NOT NULL,
	target     INTEGER REFERENCES ident,
	property   TEXT NOT NULL,
	old        INTEGER REFERENCES label,
	new        INTEGER REFERENCES label,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, id, n, seen_from)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER log_audit_change_frozen BEFORE UPDATE OF part, tenant, id, n, target, property, old, new, seen_from ON log_audit_change
BEGIN SELECT RAISE(ABORT, 'log_audit_change: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_audit_change_closed BEFORE UPDATE OF seen_until ON log_audit_change
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_audit_change: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_audit_change_opened BEFORE INSERT ON log_audit_change
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_audit_change: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_audit_change_kept BEFORE DELETE ON log_audit_change
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_audit_change: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE VIEW audit_change AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	f.id,
	f.n,
	coalesce((SELECT value FROM ident WHERE ident.id = f.target), '') AS target,
	f.property,
	coalesce((SELECT text FROM label WHERE label.id = f.old), '') AS old,
	coalesce((SELECT text FROM label WHERE label.id = f.new), '') AS new,
	(SELECT min(b.at) FROM log_audit_change e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.id = f.id AND e.n = f.n) AS first_seen
FROM   snapshot s
JOIN   log_audit_change f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';
