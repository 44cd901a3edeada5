-- +goose Up

-- A part's rows are merged when the part is finished, under the number of the open
-- snapshot, which no view shows. So what an unsealed snapshot opened or closed may be
-- taken back, what a sealed one did may not; and the stage tables are gone. Runs that
-- are unfinished now have to be made again.

DROP TABLE stage_customer;
DROP TABLE stage_relationship;
DROP TABLE stage_relationship_role;
DROP TABLE stage_relationship_update;
DROP TABLE stage_access_assignment;
DROP TABLE stage_access_assignment_role;
DROP TABLE stage_directory_group;
DROP TABLE stage_group_owner;
DROP TABLE stage_group_member;
DROP TABLE stage_group_eligibility;
DROP TABLE stage_group_assignment;
DROP TABLE stage_group_policy;
DROP TABLE stage_directory_user;
DROP TABLE stage_user_activity;
DROP TABLE stage_mfa_registration;
DROP TABLE stage_activation;
DROP TABLE stage_sign_in;
DROP TABLE stage_membership;
DROP TABLE stage_effective_membership;

DELETE FROM evidence WHERE snapshot IN (SELECT id FROM snapshot WHERE state = 'open');
DELETE FROM part_seen WHERE snapshot IN (SELECT id FROM snapshot WHERE state = 'open');
UPDATE snapshot SET state = 'discarded' WHERE state = 'open';

-- From which the salts of an open snapshot follow; forgotten when it is over.
ALTER TABLE snapshot ADD COLUMN key BLOB;

-- Rows of unfinished parts, where they are too many for memory: name is that of the
-- table without prefix, key sorts as its key does, row is a JSON list of its columns.
CREATE TABLE staged (
	part INTEGER NOT NULL,
	name TEXT NOT NULL,
	key  BLOB NOT NULL,
	row  BLOB NOT NULL,
	PRIMARY KEY (part, name, key)
) STRICT, WITHOUT ROWID;

-- A text about a person has its salt and digest from the first. One that no seal
-- knows may go.
DROP TRIGGER label_kept;
-- +goose StatementBegin
CREATE TRIGGER label_kept BEFORE DELETE ON label
WHEN OLD.digest IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'label: recorded evidence is never deleted'); END;
-- +goose StatementEnd
DROP INDEX label_unsealed;
DELETE FROM label WHERE digest IS NULL;

DROP TRIGGER part_digest_closed;
DROP TRIGGER part_digest_kept;
-- +goose StatementBegin
CREATE TRIGGER part_digest_closed BEFORE UPDATE OF seen_until ON part_digest
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'part_digest: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER part_digest_kept BEFORE DELETE ON part_digest
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'part_digest: recorded evidence is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER part_digest_opened BEFORE INSERT ON part_digest
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'part_digest: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd

DROP TRIGGER fact_customer_closed;
DROP TRIGGER fact_customer_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_customer_closed BEFORE UPDATE OF seen_until ON fact_customer
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_customer: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_customer_kept BEFORE DELETE ON fact_customer
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_customer: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER fact_relationship_closed;
DROP TRIGGER fact_relationship_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_closed BEFORE UPDATE OF seen_until ON fact_relationship
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_relationship: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_kept BEFORE DELETE ON fact_relationship
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_relationship: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER fact_relationship_role_closed;
DROP TRIGGER fact_relationship_role_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_role_closed BEFORE UPDATE OF seen_until ON fact_relationship_role
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_relationship_role: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_role_kept BEFORE DELETE ON fact_relationship_role
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_relationship_role: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER fact_relationship_update_closed;
DROP TRIGGER fact_relationship_update_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_update_closed BEFORE UPDATE OF seen_until ON fact_relationship_update
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_relationship_update: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_update_kept BEFORE DELETE ON fact_relationship_update
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_relationship_update: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER fact_access_assignment_closed;
DROP TRIGGER fact_access_assignment_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_access_assignment_closed BEFORE UPDATE OF seen_until ON fact_access_assignment
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_assignment: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_assignment_kept BEFORE DELETE ON fact_access_assignment
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_assignment: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER fact_access_assignment_role_closed;
DROP TRIGGER fact_access_assignment_role_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_access_assignment_role_closed BEFORE UPDATE OF seen_until ON fact_access_assignment_role
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_assignment_role: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_assignment_role_kept BEFORE DELETE ON fact_access_assignment_role
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_assignment_role: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER fact_directory_group_closed;
DROP TRIGGER fact_directory_group_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_directory_group_closed BEFORE UPDATE OF seen_until ON fact_directory_group
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_directory_group: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_directory_group_kept BEFORE DELETE ON fact_directory_group
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_directory_group: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER fact_group_owner_closed;
DROP TRIGGER fact_group_owner_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_group_owner_closed BEFORE UPDATE OF seen_until ON fact_group_owner
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_owner: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_owner_kept BEFORE DELETE ON fact_group_owner
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_owner: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER fact_group_member_closed;
DROP TRIGGER fact_group_member_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_group_member_closed BEFORE UPDATE OF seen_until ON fact_group_member
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_member: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_member_kept BEFORE DELETE ON fact_group_member
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_member: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER fact_group_policy_closed;
DROP TRIGGER fact_group_policy_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_group_policy_closed BEFORE UPDATE OF seen_until ON fact_group_policy
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_policy: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_policy_kept BEFORE DELETE ON fact_group_policy
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_policy: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER fact_directory_user_closed;
DROP TRIGGER fact_directory_user_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_directory_user_closed BEFORE UPDATE OF seen_until ON fact_directory_user
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_directory_user: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_directory_user_kept BEFORE DELETE ON fact_directory_user
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_directory_user: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER fact_user_activity_closed;
DROP TRIGGER fact_user_activity_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_user_activity_closed BEFORE UPDATE OF seen_until ON fact_user_activity
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_user_activity: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_user_activity_kept BEFORE DELETE ON fact_user_activity
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_user_activity: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER fact_mfa_registration_closed;
DROP TRIGGER fact_mfa_registration_kept;
-- +goose StatementBegin
CREATE TRIGGER fact_mfa_registration_closed BEFORE UPDATE OF seen_until ON fact_mfa_registration
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_mfa_registration: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_mfa_registration_kept BEFORE DELETE ON fact_mfa_registration
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_mfa_registration: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER derived_membership_closed;
DROP TRIGGER derived_membership_kept;
-- +goose StatementBegin
CREATE TRIGGER derived_membership_closed BEFORE UPDATE OF seen_until ON derived_membership
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'derived_membership: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER derived_membership_kept BEFORE DELETE ON derived_membership
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'derived_membership: recorded evidence is never deleted'); END;
-- +goose StatementEnd

DROP TRIGGER derived_effective_membership_closed;
DROP TRIGGER derived_effective_membership_kept;
-- +goose StatementBegin
CREATE TRIGGER derived_effective_membership_closed BEFORE UPDATE OF seen_until ON derived_effective_membership
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'derived_effective_membership: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER derived_effective_membership_kept BEFORE DELETE ON derived_effective_membership
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'derived_effective_membership: recorded evidence is never deleted'); END;
-- +goose StatementEnd

-- An id that names nothing but its row stands there as text, in lower case: interned,
-- it would cost two more entries, and a search among the ids of all rows.

DROP VIEW group_eligibility;
ALTER TABLE fact_group_eligibility RENAME TO interned_group_eligibility;
CREATE TABLE fact_group_eligibility (
	part        INTEGER NOT NULL REFERENCES part,
	id          TEXT NOT NULL CHECK (id = lower(id)),
	group_id    INTEGER REFERENCES ident,
	principal   INTEGER REFERENCES ident,
	access      TEXT NOT NULL,
	member_type TEXT NOT NULL,
	starts      TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends        TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	seen_from   INTEGER NOT NULL REFERENCES snapshot,
	seen_until  INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;
INSERT INTO fact_group_eligibility (part, id, group_id, principal, access, member_type, starts, ends, seen_from, seen_until)
SELECT part, (SELECT value FROM ident WHERE ident.id = f.id), group_id, principal, access, member_type, starts, ends, seen_from, seen_until
FROM   interned_group_eligibility f;
DROP TABLE interned_group_eligibility;
-- +goose StatementBegin
CREATE TRIGGER fact_group_eligibility_frozen BEFORE UPDATE OF part, id, group_id, principal, access, member_type, starts, ends, seen_from ON fact_group_eligibility
BEGIN SELECT RAISE(ABORT, 'fact_group_eligibility: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_eligibility_closed BEFORE UPDATE OF seen_until ON fact_group_eligibility
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_eligibility: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_eligibility_opened BEFORE INSERT ON fact_group_eligibility
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_eligibility: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_eligibility_kept BEFORE DELETE ON fact_group_eligibility
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_eligibility: recorded evidence is never deleted'); END;
-- +goose StatementEnd
CREATE VIEW group_eligibility AS
SELECT s.id AS snapshot,
	f.id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.group_id), '') AS group_id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.principal), '') AS principal,
	f.access,
	f.member_type,
	f.starts,
	f.ends,
	(SELECT min(b.at) FROM fact_group_eligibility e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_group_eligibility f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

DROP VIEW group_assignment;
ALTER TABLE fact_group_assignment RENAME TO interned_group_assignment;
CREATE TABLE fact_group_assignment (
	part            INTEGER NOT NULL REFERENCES part,
	id              TEXT NOT NULL CHECK (id = lower(id)),
	group_id        INTEGER REFERENCES ident,
	principal       INTEGER REFERENCES ident,
	access          TEXT NOT NULL,
	member_type     TEXT NOT NULL,
	assignment_type TEXT NOT NULL,
	starts          TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends            TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	seen_from       INTEGER NOT NULL REFERENCES snapshot,
	seen_until      INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;
INSERT INTO fact_group_assignment (part, id, group_id, principal, access, member_type, assignment_type, starts, ends, seen_from, seen_until)
SELECT part, (SELECT value FROM ident WHERE ident.id = f.id), group_id, principal, access, member_type, assignment_type, starts, ends, seen_from, seen_until
FROM   interned_group_assignment f;
DROP TABLE interned_group_assignment;
-- +goose StatementBegin
CREATE TRIGGER fact_group_assignment_frozen BEFORE UPDATE OF part, id, group_id, principal, access, member_type, assignment_type, starts, ends, seen_from ON fact_group_assignment
BEGIN SELECT RAISE(ABORT, 'fact_group_assignment: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_assignment_closed BEFORE UPDATE OF seen_until ON fact_group_assignment
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_assignment: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_assignment_opened BEFORE INSERT ON fact_group_assignment
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_assignment: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_assignment_kept BEFORE DELETE ON fact_group_assignment
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_assignment: recorded evidence is never deleted'); END;
-- +goose StatementEnd
CREATE VIEW group_assignment AS
SELECT s.id AS snapshot,
	f.id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.group_id), '') AS group_id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.principal), '') AS principal,
	f.access,
	f.member_type,
	f.assignment_type,
	f.starts,
	f.ends,
	(SELECT min(b.at) FROM fact_group_assignment e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_group_assignment f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

DROP VIEW activation;
ALTER TABLE log_activation RENAME TO interned_activation;
CREATE TABLE log_activation (
	part            INTEGER NOT NULL REFERENCES part,
	id              TEXT NOT NULL CHECK (id = lower(id)),
	group_id        INTEGER REFERENCES ident,
	principal       INTEGER REFERENCES ident,
	access          TEXT NOT NULL,
	action          TEXT NOT NULL,
	status          TEXT NOT NULL,
	created         TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	completed       TEXT CHECK (completed GLOB '????-??-??T??:??:??Z'),
	starts          TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends            TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	justification   INTEGER REFERENCES label,
	ticket          INTEGER REFERENCES label,
	ticket_system   TEXT NOT NULL,
	approval        TEXT CHECK (approval = lower(approval)),
	created_by      INTEGER REFERENCES ident,
	validation_only INTEGER CHECK (validation_only IN (0, 1)),
	seen_from       INTEGER NOT NULL REFERENCES snapshot,
	seen_until      INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;
INSERT INTO log_activation (part, id, group_id, principal, access, action, status, created, completed, starts, ends, justification, ticket, ticket_system, approval, created_by, validation_only, seen_from, seen_until)
SELECT part, (SELECT value FROM ident WHERE ident.id = f.id), group_id, principal, access, action, status, created, completed, starts, ends, justification, ticket, ticket_system, (SELECT value FROM ident WHERE ident.id = f.approval), created_by, validation_only, seen_from, seen_until
FROM   interned_activation f;
DROP TABLE interned_activation;
-- +goose StatementBegin
CREATE TRIGGER log_activation_frozen BEFORE UPDATE OF part, id, group_id, principal, access, action, status, created, completed, starts, ends, justification, ticket, ticket_system, approval, created_by, validation_only, seen_from ON log_activation
BEGIN SELECT RAISE(ABORT, 'log_activation: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_activation_closed BEFORE UPDATE OF seen_until ON log_activation
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_activation: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_activation_opened BEFORE INSERT ON log_activation
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_activation: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_activation_kept BEFORE DELETE ON log_activation
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_activation: recorded evidence is never deleted'); END;
-- +goose StatementEnd
CREATE VIEW activation AS
SELECT s.id AS snapshot,
	f.id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.group_id), '') AS group_id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.principal), '') AS principal,
	f.access,
	f.action,
	f.status,
	f.created,
	f.completed,
	f.starts,
	f.ends,
	coalesce((SELECT text FROM label WHERE label.id = f.justification), '') AS justification,
	coalesce((SELECT text FROM label WHERE label.id = f.ticket), '') AS ticket,
	f.ticket_system,
	coalesce(f.approval, '') AS approval,
	coalesce((SELECT value FROM ident WHERE ident.id = f.created_by), '') AS created_by,
	f.validation_only,
	(SELECT min(b.at) FROM log_activation e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   log_activation f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

DROP VIEW sign_in;
ALTER TABLE log_sign_in RENAME TO interned_sign_in;
CREATE TABLE log_sign_in (
	part         INTEGER NOT NULL REFERENCES part,
	id           TEXT NOT NULL CHECK (id = lower(id)),
	principal    INTEGER REFERENCES ident,
	upn          INTEGER REFERENCES label,
	name         INTEGER REFERENCES label,
	customer     INTEGER REFERENCES ident,
	at           TEXT CHECK (at GLOB '????-??-??T??:??:??Z'),
	app          TEXT NOT NULL,
	resource     TEXT NOT NULL,
	interactive  INTEGER CHECK (interactive IN (0, 1)),
	error_code   INTEGER,
	cross_tenant TEXT NOT NULL,
	requirement  TEXT NOT NULL,
	correlation  TEXT CHECK (correlation = lower(correlation)),
	seen_from    INTEGER NOT NULL REFERENCES snapshot,
	seen_until   INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;
INSERT INTO log_sign_in (part, id, principal, upn, name, customer, at, app, resource, interactive, error_code, cross_tenant, requirement, correlation, seen_from, seen_until)
SELECT part, (SELECT value FROM ident WHERE ident.id = f.id), principal, upn, name, customer, at, app, resource, interactive, error_code, cross_tenant, requirement, (SELECT value FROM ident WHERE ident.id = f.correlation), seen_from, seen_until
FROM   interned_sign_in f;
DROP TABLE interned_sign_in;
-- +goose StatementBegin
CREATE TRIGGER log_sign_in_frozen BEFORE UPDATE OF part, id, principal, upn, name, customer, at, app, resource, interactive, error_code, cross_tenant, requirement, correlation, seen_from ON log_sign_in
BEGIN SELECT RAISE(ABORT, 'log_sign_in: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_sign_in_closed BEFORE UPDATE OF seen_until ON log_sign_in
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_until) IS NOT NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_sign_in: an interval is closed or opened again by an unsealed snapshot alone'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_sign_in_opened BEFORE INSERT ON log_sign_in
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_sign_in: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_sign_in_kept BEFORE DELETE ON log_sign_in
WHEN (SELECT seal FROM snapshot WHERE id = OLD.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_sign_in: recorded evidence is never deleted'); END;
-- +goose StatementEnd
CREATE VIEW sign_in AS
SELECT s.id AS snapshot,
	f.id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.principal), '') AS principal,
	coalesce((SELECT text FROM label WHERE label.id = f.upn), '') AS upn,
	coalesce((SELECT text FROM label WHERE label.id = f.name), '') AS name,
	coalesce((SELECT value FROM ident WHERE ident.id = f.customer), '') AS customer,
	f.at,
	f.app,
	f.resource,
	f.interactive,
	f.error_code,
	f.cross_tenant,
	f.requirement,
	coalesce(f.correlation, '') AS correlation,
	(SELECT min(b.at) FROM log_sign_in e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   log_sign_in f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';
