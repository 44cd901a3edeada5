-- +goose Up

-- GDAP templates, which no API shows: as the MSP's own file has them.
CREATE TABLE fact_gdap_template (
	part       INTEGER NOT NULL REFERENCES part,
	name       TEXT NOT NULL,
	group_id   INTEGER NOT NULL REFERENCES ident,
	role       TEXT NOT NULL,
	jit        INTEGER CHECK (jit IN (0, 1)),
	customers  TEXT NOT NULL,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, name, group_id, role, seen_from)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_gdap_template_frozen BEFORE UPDATE OF part, name, group_id, role, jit, customers, seen_from ON fact_gdap_template
BEGIN SELECT RAISE(ABORT, 'fact_gdap_template: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_gdap_template_closed BEFORE UPDATE OF seen_until ON fact_gdap_template
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_gdap_template: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_gdap_template_opened BEFORE INSERT ON fact_gdap_template
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_gdap_template: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_gdap_template_kept BEFORE DELETE ON fact_gdap_template
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_gdap_template: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE VIEW gdap_template AS
SELECT s.id AS snapshot,
	f.name,
	(SELECT value FROM ident WHERE ident.id = f.group_id) AS group_id,
	f.role,
	f.jit,
	f.customers,
	(SELECT min(b.at) FROM fact_gdap_template e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.name = f.name AND e.group_id = f.group_id AND e.role = f.role) AS first_seen
FROM   snapshot s
JOIN   fact_gdap_template f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';
