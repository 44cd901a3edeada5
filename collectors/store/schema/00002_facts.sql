-- +goose Up

-- Facts as intervals: seen from one snapshot until another, half open; a row
-- without seen_until still stands. Each has its stage twin, where the rows of a
-- run wait until its snapshot is sealed. The prefix says how a table is merged:
-- fact_ rows end when their part, seen whole, no longer holds them; log_ rows
-- never end, a new version of the same id takes over; derived_ rows follow from
-- the others by Go code and are not sealed. A column that refers to ident is
-- interned on the way in, one that refers to label is text about a person; the
-- stage, which is written and emptied all the time, leaves the check to its twin.

CREATE TABLE fact_customer (
	part       INTEGER NOT NULL REFERENCES part,
	tenant     INTEGER NOT NULL REFERENCES ident,
	name       TEXT NOT NULL,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_customer (
	part       INTEGER NOT NULL,
	tenant     INTEGER NOT NULL,
	name       TEXT NOT NULL,
	PRIMARY KEY (part, tenant)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_customer_frozen BEFORE UPDATE OF part, tenant, name, seen_from ON fact_customer
BEGIN SELECT RAISE(ABORT, 'fact_customer: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_customer_closed BEFORE UPDATE OF seen_until ON fact_customer
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_customer: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_customer_opened BEFORE INSERT ON fact_customer
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_customer: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_customer_kept BEFORE DELETE ON fact_customer
BEGIN SELECT RAISE(ABORT, 'fact_customer: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_relationship (
	part              INTEGER NOT NULL REFERENCES part,
	id                INTEGER NOT NULL REFERENCES ident,
	name              TEXT NOT NULL,
	customer          INTEGER REFERENCES ident,
	duration          TEXT NOT NULL,
	auto_extend       TEXT NOT NULL,
	status            TEXT NOT NULL,
	created           TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	activated         TEXT CHECK (activated GLOB '????-??-??T??:??:??Z'),
	ends              TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	reseller          INTEGER CHECK (reseller IN (0, 1)),
	indirect_provider INTEGER REFERENCES ident,
	consent_pending   INTEGER CHECK (consent_pending IN (0, 1)),
	seen_from         INTEGER NOT NULL REFERENCES snapshot,
	seen_until        INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_relationship (
	part              INTEGER NOT NULL,
	id                INTEGER NOT NULL,
	name              TEXT NOT NULL,
	customer          INTEGER,
	duration          TEXT NOT NULL,
	auto_extend       TEXT NOT NULL,
	status            TEXT NOT NULL,
	created           TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	activated         TEXT CHECK (activated GLOB '????-??-??T??:??:??Z'),
	ends              TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	reseller          INTEGER CHECK (reseller IN (0, 1)),
	indirect_provider INTEGER,
	consent_pending   INTEGER CHECK (consent_pending IN (0, 1)),
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_relationship_frozen BEFORE UPDATE OF part, id, name, customer, duration, auto_extend, status, created, activated, ends, reseller, indirect_provider, consent_pending, seen_from ON fact_relationship
BEGIN SELECT RAISE(ABORT, 'fact_relationship: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_closed BEFORE UPDATE OF seen_until ON fact_relationship
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_relationship: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_opened BEFORE INSERT ON fact_relationship
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_relationship: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_kept BEFORE DELETE ON fact_relationship
BEGIN SELECT RAISE(ABORT, 'fact_relationship: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_relationship_role (
	part         INTEGER NOT NULL REFERENCES part,
	relationship INTEGER NOT NULL REFERENCES ident,
	role         INTEGER NOT NULL REFERENCES ident,
	seen_from    INTEGER NOT NULL REFERENCES snapshot,
	seen_until   INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, relationship, role, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_relationship_role (
	part         INTEGER NOT NULL,
	relationship INTEGER NOT NULL,
	role         INTEGER NOT NULL,
	PRIMARY KEY (part, relationship, role)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_relationship_role_frozen BEFORE UPDATE OF part, relationship, role, seen_from ON fact_relationship_role
BEGIN SELECT RAISE(ABORT, 'fact_relationship_role: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_role_closed BEFORE UPDATE OF seen_until ON fact_relationship_role
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_relationship_role: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_role_opened BEFORE INSERT ON fact_relationship_role
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_relationship_role: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_role_kept BEFORE DELETE ON fact_relationship_role
BEGIN SELECT RAISE(ABORT, 'fact_relationship_role: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_relationship_update (
	part         INTEGER NOT NULL REFERENCES part,
	relationship INTEGER NOT NULL REFERENCES ident,
	modified     TEXT CHECK (modified GLOB '????-??-??T??:??:??Z'),
	seen_from    INTEGER NOT NULL REFERENCES snapshot,
	seen_until   INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, relationship, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_relationship_update (
	part         INTEGER NOT NULL,
	relationship INTEGER NOT NULL,
	modified     TEXT CHECK (modified GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, relationship)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_relationship_update_frozen BEFORE UPDATE OF part, relationship, modified, seen_from ON fact_relationship_update
BEGIN SELECT RAISE(ABORT, 'fact_relationship_update: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_update_closed BEFORE UPDATE OF seen_until ON fact_relationship_update
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_relationship_update: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_update_opened BEFORE INSERT ON fact_relationship_update
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_relationship_update: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_relationship_update_kept BEFORE DELETE ON fact_relationship_update
BEGIN SELECT RAISE(ABORT, 'fact_relationship_update: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_access_assignment (
	part           INTEGER NOT NULL REFERENCES part,
	id             INTEGER NOT NULL REFERENCES ident,
	relationship   INTEGER REFERENCES ident,
	mapped_group   INTEGER REFERENCES ident,
	container_type TEXT NOT NULL,
	status         TEXT NOT NULL,
	created        TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	seen_from      INTEGER NOT NULL REFERENCES snapshot,
	seen_until     INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_access_assignment (
	part           INTEGER NOT NULL,
	id             INTEGER NOT NULL,
	relationship   INTEGER,
	mapped_group   INTEGER,
	container_type TEXT NOT NULL,
	status         TEXT NOT NULL,
	created        TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_access_assignment_frozen BEFORE UPDATE OF part, id, relationship, mapped_group, container_type, status, created, seen_from ON fact_access_assignment
BEGIN SELECT RAISE(ABORT, 'fact_access_assignment: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_assignment_closed BEFORE UPDATE OF seen_until ON fact_access_assignment
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_assignment: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_assignment_opened BEFORE INSERT ON fact_access_assignment
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_assignment: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_assignment_kept BEFORE DELETE ON fact_access_assignment
BEGIN SELECT RAISE(ABORT, 'fact_access_assignment: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_access_assignment_role (
	part              INTEGER NOT NULL REFERENCES part,
	access_assignment INTEGER NOT NULL REFERENCES ident,
	role              INTEGER NOT NULL REFERENCES ident,
	seen_from         INTEGER NOT NULL REFERENCES snapshot,
	seen_until        INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, access_assignment, role, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_access_assignment_role (
	part              INTEGER NOT NULL,
	access_assignment INTEGER NOT NULL,
	role              INTEGER NOT NULL,
	PRIMARY KEY (part, access_assignment, role)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_access_assignment_role_frozen BEFORE UPDATE OF part, access_assignment, role, seen_from ON fact_access_assignment_role
BEGIN SELECT RAISE(ABORT, 'fact_access_assignment_role: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_assignment_role_closed BEFORE UPDATE OF seen_until ON fact_access_assignment_role
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_assignment_role: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_assignment_role_opened BEFORE INSERT ON fact_access_assignment_role
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_assignment_role: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_assignment_role_kept BEFORE DELETE ON fact_access_assignment_role
BEGIN SELECT RAISE(ABORT, 'fact_access_assignment_role: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_directory_group (
	part             INTEGER NOT NULL REFERENCES part,
	id               INTEGER NOT NULL REFERENCES ident,
	name             TEXT NOT NULL,
	gone             INTEGER CHECK (gone IN (0, 1)),
	role_assignable  INTEGER CHECK (role_assignable IN (0, 1)),
	security_enabled INTEGER CHECK (security_enabled IN (0, 1)),
	dynamic          INTEGER CHECK (dynamic IN (0, 1)),
	synced           INTEGER CHECK (synced IN (0, 1)),
	created          TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	seen_from        INTEGER NOT NULL REFERENCES snapshot,
	seen_until       INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_directory_group (
	part             INTEGER NOT NULL,
	id               INTEGER NOT NULL,
	name             TEXT NOT NULL,
	gone             INTEGER CHECK (gone IN (0, 1)),
	role_assignable  INTEGER CHECK (role_assignable IN (0, 1)),
	security_enabled INTEGER CHECK (security_enabled IN (0, 1)),
	dynamic          INTEGER CHECK (dynamic IN (0, 1)),
	synced           INTEGER CHECK (synced IN (0, 1)),
	created          TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_directory_group_frozen BEFORE UPDATE OF part, id, name, gone, role_assignable, security_enabled, dynamic, synced, created, seen_from ON fact_directory_group
BEGIN SELECT RAISE(ABORT, 'fact_directory_group: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_directory_group_closed BEFORE UPDATE OF seen_until ON fact_directory_group
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_directory_group: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_directory_group_opened BEFORE INSERT ON fact_directory_group
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_directory_group: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_directory_group_kept BEFORE DELETE ON fact_directory_group
BEGIN SELECT RAISE(ABORT, 'fact_directory_group: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_group_owner (
	part       INTEGER NOT NULL REFERENCES part,
	group_id   INTEGER NOT NULL REFERENCES ident,
	principal  INTEGER NOT NULL REFERENCES ident,
	type       TEXT NOT NULL,
	name       INTEGER REFERENCES label,
	upn        INTEGER REFERENCES label,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, group_id, principal, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_group_owner (
	part       INTEGER NOT NULL,
	group_id   INTEGER NOT NULL,
	principal  INTEGER NOT NULL,
	type       TEXT NOT NULL,
	name       INTEGER,
	upn        INTEGER,
	PRIMARY KEY (part, group_id, principal)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_group_owner_frozen BEFORE UPDATE OF part, group_id, principal, type, name, upn, seen_from ON fact_group_owner
BEGIN SELECT RAISE(ABORT, 'fact_group_owner: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_owner_closed BEFORE UPDATE OF seen_until ON fact_group_owner
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_owner: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_owner_opened BEFORE INSERT ON fact_group_owner
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_owner: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_owner_kept BEFORE DELETE ON fact_group_owner
BEGIN SELECT RAISE(ABORT, 'fact_group_owner: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_group_member (
	part       INTEGER NOT NULL REFERENCES part,
	group_id   INTEGER NOT NULL REFERENCES ident,
	principal  INTEGER NOT NULL REFERENCES ident,
	type       TEXT NOT NULL,
	name       INTEGER REFERENCES label,
	upn        INTEGER REFERENCES label,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, group_id, principal, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_group_member (
	part       INTEGER NOT NULL,
	group_id   INTEGER NOT NULL,
	principal  INTEGER NOT NULL,
	type       TEXT NOT NULL,
	name       INTEGER,
	upn        INTEGER,
	PRIMARY KEY (part, group_id, principal)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_group_member_frozen BEFORE UPDATE OF part, group_id, principal, type, name, upn, seen_from ON fact_group_member
BEGIN SELECT RAISE(ABORT, 'fact_group_member: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_member_closed BEFORE UPDATE OF seen_until ON fact_group_member
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_member: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_member_opened BEFORE INSERT ON fact_group_member
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_member: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_member_kept BEFORE DELETE ON fact_group_member
BEGIN SELECT RAISE(ABORT, 'fact_group_member: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_group_eligibility (
	part        INTEGER NOT NULL REFERENCES part,
	id          INTEGER NOT NULL REFERENCES ident,
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

CREATE TABLE stage_group_eligibility (
	part        INTEGER NOT NULL,
	id          INTEGER NOT NULL,
	group_id    INTEGER,
	principal   INTEGER,
	access      TEXT NOT NULL,
	member_type TEXT NOT NULL,
	starts      TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends        TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_group_eligibility_frozen BEFORE UPDATE OF part, id, group_id, principal, access, member_type, starts, ends, seen_from ON fact_group_eligibility
BEGIN SELECT RAISE(ABORT, 'fact_group_eligibility: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_eligibility_closed BEFORE UPDATE OF seen_until ON fact_group_eligibility
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_eligibility: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_eligibility_opened BEFORE INSERT ON fact_group_eligibility
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_eligibility: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_eligibility_kept BEFORE DELETE ON fact_group_eligibility
BEGIN SELECT RAISE(ABORT, 'fact_group_eligibility: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_group_assignment (
	part            INTEGER NOT NULL REFERENCES part,
	id              INTEGER NOT NULL REFERENCES ident,
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

CREATE TABLE stage_group_assignment (
	part            INTEGER NOT NULL,
	id              INTEGER NOT NULL,
	group_id        INTEGER,
	principal       INTEGER,
	access          TEXT NOT NULL,
	member_type     TEXT NOT NULL,
	assignment_type TEXT NOT NULL,
	starts          TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends            TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_group_assignment_frozen BEFORE UPDATE OF part, id, group_id, principal, access, member_type, assignment_type, starts, ends, seen_from ON fact_group_assignment
BEGIN SELECT RAISE(ABORT, 'fact_group_assignment: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_assignment_closed BEFORE UPDATE OF seen_until ON fact_group_assignment
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_assignment: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_assignment_opened BEFORE INSERT ON fact_group_assignment
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_assignment: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_assignment_kept BEFORE DELETE ON fact_group_assignment
BEGIN SELECT RAISE(ABORT, 'fact_group_assignment: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_group_policy (
	part                   INTEGER NOT NULL REFERENCES part,
	group_id               INTEGER NOT NULL REFERENCES ident,
	access                 TEXT NOT NULL,
	max_activation         TEXT NOT NULL,
	mfa                    INTEGER CHECK (mfa IN (0, 1)),
	authentication_context TEXT NOT NULL,
	justification          INTEGER CHECK (justification IN (0, 1)),
	ticket                 INTEGER CHECK (ticket IN (0, 1)),
	approval               INTEGER CHECK (approval IN (0, 1)),
	approvers              TEXT NOT NULL,
	eligibility_expires    INTEGER CHECK (eligibility_expires IN (0, 1)),
	max_eligibility        TEXT NOT NULL,
	assignment_expires     INTEGER CHECK (assignment_expires IN (0, 1)),
	max_assignment         TEXT NOT NULL,
	modified               TEXT CHECK (modified GLOB '????-??-??T??:??:??Z'),
	seen_from              INTEGER NOT NULL REFERENCES snapshot,
	seen_until             INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, group_id, access, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_group_policy (
	part                   INTEGER NOT NULL,
	group_id               INTEGER NOT NULL,
	access                 TEXT NOT NULL,
	max_activation         TEXT NOT NULL,
	mfa                    INTEGER CHECK (mfa IN (0, 1)),
	authentication_context TEXT NOT NULL,
	justification          INTEGER CHECK (justification IN (0, 1)),
	ticket                 INTEGER CHECK (ticket IN (0, 1)),
	approval               INTEGER CHECK (approval IN (0, 1)),
	approvers              TEXT NOT NULL,
	eligibility_expires    INTEGER CHECK (eligibility_expires IN (0, 1)),
	max_eligibility        TEXT NOT NULL,
	assignment_expires     INTEGER CHECK (assignment_expires IN (0, 1)),
	max_assignment         TEXT NOT NULL,
	modified               TEXT CHECK (modified GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, group_id, access)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_group_policy_frozen BEFORE UPDATE OF part, group_id, access, max_activation, mfa, authentication_context, justification, ticket, approval, approvers, eligibility_expires, max_eligibility, assignment_expires, max_assignment, modified, seen_from ON fact_group_policy
BEGIN SELECT RAISE(ABORT, 'fact_group_policy: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_policy_closed BEFORE UPDATE OF seen_until ON fact_group_policy
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_policy: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_policy_opened BEFORE INSERT ON fact_group_policy
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_group_policy: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_group_policy_kept BEFORE DELETE ON fact_group_policy
BEGIN SELECT RAISE(ABORT, 'fact_group_policy: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_directory_user (
	part       INTEGER NOT NULL REFERENCES part,
	id         INTEGER NOT NULL REFERENCES ident,
	name       INTEGER REFERENCES label,
	upn        INTEGER REFERENCES label,
	mail       INTEGER REFERENCES label,
	job        INTEGER REFERENCES label,
	enabled    INTEGER CHECK (enabled IN (0, 1)),
	type       TEXT NOT NULL,
	synced     INTEGER CHECK (synced IN (0, 1)),
	created    TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	manager    INTEGER REFERENCES ident,
	licences   TEXT NOT NULL,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_directory_user (
	part       INTEGER NOT NULL,
	id         INTEGER NOT NULL,
	name       INTEGER,
	upn        INTEGER,
	mail       INTEGER,
	job        INTEGER,
	enabled    INTEGER CHECK (enabled IN (0, 1)),
	type       TEXT NOT NULL,
	synced     INTEGER CHECK (synced IN (0, 1)),
	created    TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	manager    INTEGER,
	licences   TEXT NOT NULL,
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_directory_user_frozen BEFORE UPDATE OF part, id, name, upn, mail, job, enabled, type, synced, created, manager, licences, seen_from ON fact_directory_user
BEGIN SELECT RAISE(ABORT, 'fact_directory_user: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_directory_user_closed BEFORE UPDATE OF seen_until ON fact_directory_user
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_directory_user: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_directory_user_opened BEFORE INSERT ON fact_directory_user
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_directory_user: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_directory_user_kept BEFORE DELETE ON fact_directory_user
BEGIN SELECT RAISE(ABORT, 'fact_directory_user: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_user_activity (
	part                 INTEGER NOT NULL REFERENCES part,
	principal            INTEGER NOT NULL REFERENCES ident,
	last_sign_in         TEXT CHECK (last_sign_in GLOB '????-??-??T??:??:??Z'),
	last_non_interactive TEXT CHECK (last_non_interactive GLOB '????-??-??T??:??:??Z'),
	last_successful      TEXT CHECK (last_successful GLOB '????-??-??T??:??:??Z'),
	seen_from            INTEGER NOT NULL REFERENCES snapshot,
	seen_until           INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, principal, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_user_activity (
	part                 INTEGER NOT NULL,
	principal            INTEGER NOT NULL,
	last_sign_in         TEXT CHECK (last_sign_in GLOB '????-??-??T??:??:??Z'),
	last_non_interactive TEXT CHECK (last_non_interactive GLOB '????-??-??T??:??:??Z'),
	last_successful      TEXT CHECK (last_successful GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, principal)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_user_activity_frozen BEFORE UPDATE OF part, principal, last_sign_in, last_non_interactive, last_successful, seen_from ON fact_user_activity
BEGIN SELECT RAISE(ABORT, 'fact_user_activity: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_user_activity_closed BEFORE UPDATE OF seen_until ON fact_user_activity
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_user_activity: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_user_activity_opened BEFORE INSERT ON fact_user_activity
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_user_activity: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_user_activity_kept BEFORE DELETE ON fact_user_activity
BEGIN SELECT RAISE(ABORT, 'fact_user_activity: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_mfa_registration (
	part         INTEGER NOT NULL REFERENCES part,
	principal    INTEGER NOT NULL REFERENCES ident,
	registered   INTEGER CHECK (registered IN (0, 1)),
	capable      INTEGER CHECK (capable IN (0, 1)),
	passwordless INTEGER CHECK (passwordless IN (0, 1)),
	methods      TEXT NOT NULL,
	seen_from    INTEGER NOT NULL REFERENCES snapshot,
	seen_until   INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, principal, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_mfa_registration (
	part         INTEGER NOT NULL,
	principal    INTEGER NOT NULL,
	registered   INTEGER CHECK (registered IN (0, 1)),
	capable      INTEGER CHECK (capable IN (0, 1)),
	passwordless INTEGER CHECK (passwordless IN (0, 1)),
	methods      TEXT NOT NULL,
	PRIMARY KEY (part, principal)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_mfa_registration_frozen BEFORE UPDATE OF part, principal, registered, capable, passwordless, methods, seen_from ON fact_mfa_registration
BEGIN SELECT RAISE(ABORT, 'fact_mfa_registration: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_mfa_registration_closed BEFORE UPDATE OF seen_until ON fact_mfa_registration
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_mfa_registration: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_mfa_registration_opened BEFORE INSERT ON fact_mfa_registration
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_mfa_registration: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_mfa_registration_kept BEFORE DELETE ON fact_mfa_registration
BEGIN SELECT RAISE(ABORT, 'fact_mfa_registration: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE log_activation (
	part            INTEGER NOT NULL REFERENCES part,
	id              INTEGER NOT NULL REFERENCES ident,
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
	approval        INTEGER REFERENCES ident,
	created_by      INTEGER REFERENCES ident,
	validation_only INTEGER CHECK (validation_only IN (0, 1)),
	seen_from       INTEGER NOT NULL REFERENCES snapshot,
	seen_until      INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_activation (
	part            INTEGER NOT NULL,
	id              INTEGER NOT NULL,
	group_id        INTEGER,
	principal       INTEGER,
	access          TEXT NOT NULL,
	action          TEXT NOT NULL,
	status          TEXT NOT NULL,
	created         TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	completed       TEXT CHECK (completed GLOB '????-??-??T??:??:??Z'),
	starts          TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends            TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	justification   INTEGER,
	ticket          INTEGER,
	ticket_system   TEXT NOT NULL,
	approval        INTEGER,
	created_by      INTEGER,
	validation_only INTEGER CHECK (validation_only IN (0, 1)),
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER log_activation_frozen BEFORE UPDATE OF part, id, group_id, principal, access, action, status, created, completed, starts, ends, justification, ticket, ticket_system, approval, created_by, validation_only, seen_from ON log_activation
BEGIN SELECT RAISE(ABORT, 'log_activation: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_activation_closed BEFORE UPDATE OF seen_until ON log_activation
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_activation: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_activation_opened BEFORE INSERT ON log_activation
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_activation: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_activation_kept BEFORE DELETE ON log_activation
BEGIN SELECT RAISE(ABORT, 'log_activation: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE log_sign_in (
	part         INTEGER NOT NULL REFERENCES part,
	id           INTEGER NOT NULL REFERENCES ident,
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
	correlation  INTEGER REFERENCES ident,
	seen_from    INTEGER NOT NULL REFERENCES snapshot,
	seen_until   INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_sign_in (
	part         INTEGER NOT NULL,
	id           INTEGER NOT NULL,
	principal    INTEGER,
	upn          INTEGER,
	name         INTEGER,
	customer     INTEGER,
	at           TEXT CHECK (at GLOB '????-??-??T??:??:??Z'),
	app          TEXT NOT NULL,
	resource     TEXT NOT NULL,
	interactive  INTEGER CHECK (interactive IN (0, 1)),
	error_code   INTEGER,
	cross_tenant TEXT NOT NULL,
	requirement  TEXT NOT NULL,
	correlation  INTEGER,
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER log_sign_in_frozen BEFORE UPDATE OF part, id, principal, upn, name, customer, at, app, resource, interactive, error_code, cross_tenant, requirement, correlation, seen_from ON log_sign_in
BEGIN SELECT RAISE(ABORT, 'log_sign_in: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_sign_in_closed BEFORE UPDATE OF seen_until ON log_sign_in
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_sign_in: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_sign_in_opened BEFORE INSERT ON log_sign_in
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_sign_in: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_sign_in_kept BEFORE DELETE ON log_sign_in
BEGIN SELECT RAISE(ABORT, 'log_sign_in: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE derived_membership (
	part       INTEGER NOT NULL REFERENCES part,
	group_id   INTEGER NOT NULL REFERENCES ident,
	principal  INTEGER NOT NULL REFERENCES ident,
	state      TEXT NOT NULL,
	instance   TEXT NOT NULL,
	type       TEXT NOT NULL,
	starts     TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends       TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, group_id, principal, state, instance, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_membership (
	part       INTEGER NOT NULL,
	group_id   INTEGER NOT NULL,
	principal  INTEGER NOT NULL,
	state      TEXT NOT NULL,
	instance   TEXT NOT NULL,
	type       TEXT NOT NULL,
	starts     TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends       TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, group_id, principal, state, instance)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER derived_membership_frozen BEFORE UPDATE OF part, group_id, principal, state, instance, type, starts, ends, seen_from ON derived_membership
BEGIN SELECT RAISE(ABORT, 'derived_membership: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER derived_membership_closed BEFORE UPDATE OF seen_until ON derived_membership
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'derived_membership: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER derived_membership_opened BEFORE INSERT ON derived_membership
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'derived_membership: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER derived_membership_kept BEFORE DELETE ON derived_membership
BEGIN SELECT RAISE(ABORT, 'derived_membership: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE derived_effective_membership (
	part         INTEGER NOT NULL REFERENCES part,
	mapped_group INTEGER NOT NULL REFERENCES ident,
	principal    INTEGER NOT NULL REFERENCES ident,
	type         TEXT NOT NULL,
	state        TEXT NOT NULL,
	ends         TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	via          TEXT NOT NULL,
	seen_from    INTEGER NOT NULL REFERENCES snapshot,
	seen_until   INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, mapped_group, principal, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_effective_membership (
	part         INTEGER NOT NULL,
	mapped_group INTEGER NOT NULL,
	principal    INTEGER NOT NULL,
	type         TEXT NOT NULL,
	state        TEXT NOT NULL,
	ends         TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	via          TEXT NOT NULL,
	PRIMARY KEY (part, mapped_group, principal)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER derived_effective_membership_frozen BEFORE UPDATE OF part, mapped_group, principal, type, state, ends, via, seen_from ON derived_effective_membership
BEGIN SELECT RAISE(ABORT, 'derived_effective_membership: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER derived_effective_membership_closed BEFORE UPDATE OF seen_until ON derived_effective_membership
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'derived_effective_membership: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER derived_effective_membership_opened BEFORE INSERT ON derived_effective_membership
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'derived_effective_membership: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER derived_effective_membership_kept BEFORE DELETE ON derived_effective_membership
BEGIN SELECT RAISE(ABORT, 'derived_effective_membership: recorded evidence is never deleted'); END;
-- +goose StatementEnd
