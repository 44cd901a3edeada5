-- +goose Up

-- Facts of the other sources, in the pattern of 00002, and their views, in that of
-- 00003. Ids of log entries are not interned: each is met once.

CREATE TABLE log_audit_event (
	part          INTEGER NOT NULL REFERENCES part,
	tenant        INTEGER NOT NULL REFERENCES ident,
	id            TEXT NOT NULL,
	at            TEXT CHECK (at GLOB '????-??-??T??:??:??Z'),
	activity      TEXT NOT NULL,
	category      TEXT NOT NULL,
	service       TEXT NOT NULL,
	operation     TEXT NOT NULL,
	result        TEXT NOT NULL,
	reason        INTEGER REFERENCES label,
	actor         INTEGER REFERENCES ident,
	actor_type    TEXT NOT NULL,
	actor_name    INTEGER REFERENCES label,
	actor_home    INTEGER REFERENCES ident,
	ip            INTEGER REFERENCES label,
	target        INTEGER REFERENCES ident,
	target_type   TEXT NOT NULL,
	target_name   INTEGER REFERENCES label,
	targets       TEXT NOT NULL,
	group_id      INTEGER REFERENCES ident,
	subject       INTEGER REFERENCES ident,
	role          INTEGER REFERENCES ident,
	request       TEXT NOT NULL,
	justification INTEGER REFERENCES label,
	ticket        INTEGER REFERENCES label,
	ticket_system INTEGER REFERENCES label,
	starts        TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends          TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	correlation   TEXT NOT NULL,
	seen_from     INTEGER NOT NULL REFERENCES snapshot,
	seen_until    INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_audit_event (
	part          INTEGER NOT NULL,
	tenant        INTEGER NOT NULL,
	id            TEXT NOT NULL,
	at            TEXT CHECK (at GLOB '????-??-??T??:??:??Z'),
	activity      TEXT NOT NULL,
	category      TEXT NOT NULL,
	service       TEXT NOT NULL,
	operation     TEXT NOT NULL,
	result        TEXT NOT NULL,
	reason        INTEGER,
	actor         INTEGER,
	actor_type    TEXT NOT NULL,
	actor_name    INTEGER,
	actor_home    INTEGER,
	ip            INTEGER,
	target        INTEGER,
	target_type   TEXT NOT NULL,
	target_name   INTEGER,
	targets       TEXT NOT NULL,
	group_id      INTEGER,
	subject       INTEGER,
	role          INTEGER,
	request       TEXT NOT NULL,
	justification INTEGER,
	ticket        INTEGER,
	ticket_system INTEGER,
	starts        TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends          TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	correlation   TEXT NOT NULL,
	PRIMARY KEY (part, tenant, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER log_audit_event_frozen BEFORE UPDATE OF part, tenant, id, at, activity, category, service, operation, result, reason, actor, actor_type, actor_name, actor_home, ip, target, target_type, target_name, targets, group_id, subject, role, request, justification, ticket, ticket_system, starts, ends, correlation, seen_from ON log_audit_event
BEGIN SELECT RAISE(ABORT, 'log_audit_event: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_audit_event_closed BEFORE UPDATE OF seen_until ON log_audit_event
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_audit_event: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_audit_event_opened BEFORE INSERT ON log_audit_event
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_audit_event: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_audit_event_kept BEFORE DELETE ON log_audit_event
BEGIN SELECT RAISE(ABORT, 'log_audit_event: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_role_instance (
	part           INTEGER NOT NULL REFERENCES part,
	tenant         INTEGER NOT NULL REFERENCES ident,
	state          TEXT NOT NULL,
	id             INTEGER NOT NULL REFERENCES ident,
	principal      INTEGER REFERENCES ident,
	principal_type TEXT NOT NULL,
	principal_name INTEGER REFERENCES label,
	principal_upn  INTEGER REFERENCES label,
	principal_home INTEGER REFERENCES ident,
	role           INTEGER REFERENCES ident,
	scope          TEXT NOT NULL,
	member_type    TEXT NOT NULL,
	starts         TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends           TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	seen_from      INTEGER NOT NULL REFERENCES snapshot,
	seen_until     INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, state, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_role_instance (
	part           INTEGER NOT NULL,
	tenant         INTEGER NOT NULL,
	state          TEXT NOT NULL,
	id             INTEGER NOT NULL,
	principal      INTEGER,
	principal_type TEXT NOT NULL,
	principal_name INTEGER,
	principal_upn  INTEGER,
	principal_home INTEGER,
	role           INTEGER,
	scope          TEXT NOT NULL,
	member_type    TEXT NOT NULL,
	starts         TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends           TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, tenant, state, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_role_instance_frozen BEFORE UPDATE OF part, tenant, state, id, principal, principal_type, principal_name, principal_upn, principal_home, role, scope, member_type, starts, ends, seen_from ON fact_role_instance
BEGIN SELECT RAISE(ABORT, 'fact_role_instance: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_role_instance_closed BEFORE UPDATE OF seen_until ON fact_role_instance
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_role_instance: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_role_instance_opened BEFORE INSERT ON fact_role_instance
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_role_instance: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_role_instance_kept BEFORE DELETE ON fact_role_instance
BEGIN SELECT RAISE(ABORT, 'fact_role_instance: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_role_definition (
	part       INTEGER NOT NULL REFERENCES part,
	tenant     INTEGER NOT NULL REFERENCES ident,
	id         INTEGER NOT NULL REFERENCES ident,
	template   INTEGER REFERENCES ident,
	name       TEXT NOT NULL,
	built_in   INTEGER CHECK (built_in IN (0, 1)),
	enabled    INTEGER CHECK (enabled IN (0, 1)),
	actions    TEXT NOT NULL,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_role_definition (
	part       INTEGER NOT NULL,
	tenant     INTEGER NOT NULL,
	id         INTEGER NOT NULL,
	template   INTEGER,
	name       TEXT NOT NULL,
	built_in   INTEGER CHECK (built_in IN (0, 1)),
	enabled    INTEGER CHECK (enabled IN (0, 1)),
	actions    TEXT NOT NULL,
	PRIMARY KEY (part, tenant, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_role_definition_frozen BEFORE UPDATE OF part, tenant, id, template, name, built_in, enabled, actions, seen_from ON fact_role_definition
BEGIN SELECT RAISE(ABORT, 'fact_role_definition: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_role_definition_closed BEFORE UPDATE OF seen_until ON fact_role_definition
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_role_definition: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_role_definition_opened BEFORE INSERT ON fact_role_definition
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_role_definition: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_role_definition_kept BEFORE DELETE ON fact_role_definition
BEGIN SELECT RAISE(ABORT, 'fact_role_definition: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_role_group (
	part            INTEGER NOT NULL REFERENCES part,
	group_id        INTEGER NOT NULL REFERENCES ident,
	name            TEXT NOT NULL,
	agents          TEXT NOT NULL,
	role_assignable INTEGER CHECK (role_assignable IN (0, 1)),
	seen_from       INTEGER NOT NULL REFERENCES snapshot,
	seen_until      INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, group_id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_role_group (
	part            INTEGER NOT NULL,
	group_id        INTEGER NOT NULL,
	name            TEXT NOT NULL,
	agents          TEXT NOT NULL,
	role_assignable INTEGER CHECK (role_assignable IN (0, 1)),
	PRIMARY KEY (part, group_id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_role_group_frozen BEFORE UPDATE OF part, group_id, name, agents, role_assignable, seen_from ON fact_role_group
BEGIN SELECT RAISE(ABORT, 'fact_role_group: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_role_group_closed BEFORE UPDATE OF seen_until ON fact_role_group
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_role_group: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_role_group_opened BEFORE INSERT ON fact_role_group
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_role_group: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_role_group_kept BEFORE DELETE ON fact_role_group
BEGIN SELECT RAISE(ABORT, 'fact_role_group: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_policy_rule (
	part       INTEGER NOT NULL REFERENCES part,
	tenant     INTEGER NOT NULL REFERENCES ident,
	subject    INTEGER NOT NULL REFERENCES ident,
	access     TEXT NOT NULL,
	rule       TEXT NOT NULL,
	type       TEXT NOT NULL,
	caller     TEXT NOT NULL,
	level      TEXT NOT NULL,
	demanded   INTEGER CHECK (demanded IN (0, 1)),
	duration   TEXT NOT NULL,
	details    INTEGER REFERENCES label,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, subject, access, rule, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_policy_rule (
	part       INTEGER NOT NULL,
	tenant     INTEGER NOT NULL,
	subject    INTEGER NOT NULL,
	access     TEXT NOT NULL,
	rule       TEXT NOT NULL,
	type       TEXT NOT NULL,
	caller     TEXT NOT NULL,
	level      TEXT NOT NULL,
	demanded   INTEGER CHECK (demanded IN (0, 1)),
	duration   TEXT NOT NULL,
	details    INTEGER,
	PRIMARY KEY (part, tenant, subject, access, rule)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_policy_rule_frozen BEFORE UPDATE OF part, tenant, subject, access, rule, type, caller, level, demanded, duration, details, seen_from ON fact_policy_rule
BEGIN SELECT RAISE(ABORT, 'fact_policy_rule: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_policy_rule_closed BEFORE UPDATE OF seen_until ON fact_policy_rule
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_policy_rule: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_policy_rule_opened BEFORE INSERT ON fact_policy_rule
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_policy_rule: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_policy_rule_kept BEFORE DELETE ON fact_policy_rule
BEGIN SELECT RAISE(ABORT, 'fact_policy_rule: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_role_policy (
	part                   INTEGER NOT NULL REFERENCES part,
	tenant                 INTEGER NOT NULL REFERENCES ident,
	role                   INTEGER NOT NULL REFERENCES ident,
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
	PRIMARY KEY (part, tenant, role, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_role_policy (
	part                   INTEGER NOT NULL,
	tenant                 INTEGER NOT NULL,
	role                   INTEGER NOT NULL,
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
	PRIMARY KEY (part, tenant, role)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_role_policy_frozen BEFORE UPDATE OF part, tenant, role, max_activation, mfa, authentication_context, justification, ticket, approval, approvers, eligibility_expires, max_eligibility, assignment_expires, max_assignment, modified, seen_from ON fact_role_policy
BEGIN SELECT RAISE(ABORT, 'fact_role_policy: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_role_policy_closed BEFORE UPDATE OF seen_until ON fact_role_policy
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_role_policy: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_role_policy_opened BEFORE INSERT ON fact_role_policy
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_role_policy: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_role_policy_kept BEFORE DELETE ON fact_role_policy
BEGIN SELECT RAISE(ABORT, 'fact_role_policy: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_subscribed_sku (
	part        INTEGER NOT NULL REFERENCES part,
	tenant      INTEGER NOT NULL REFERENCES ident,
	sku         INTEGER NOT NULL REFERENCES ident,
	part_number TEXT NOT NULL,
	status      TEXT NOT NULL,
	applies_to  TEXT NOT NULL,
	enabled     INTEGER NOT NULL,
	consumed    INTEGER NOT NULL,
	seen_from   INTEGER NOT NULL REFERENCES snapshot,
	seen_until  INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, sku, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_subscribed_sku (
	part        INTEGER NOT NULL,
	tenant      INTEGER NOT NULL,
	sku         INTEGER NOT NULL,
	part_number TEXT NOT NULL,
	status      TEXT NOT NULL,
	applies_to  TEXT NOT NULL,
	enabled     INTEGER NOT NULL,
	consumed    INTEGER NOT NULL,
	PRIMARY KEY (part, tenant, sku)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_subscribed_sku_frozen BEFORE UPDATE OF part, tenant, sku, part_number, status, applies_to, enabled, consumed, seen_from ON fact_subscribed_sku
BEGIN SELECT RAISE(ABORT, 'fact_subscribed_sku: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_subscribed_sku_closed BEFORE UPDATE OF seen_until ON fact_subscribed_sku
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_subscribed_sku: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_subscribed_sku_opened BEFORE INSERT ON fact_subscribed_sku
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_subscribed_sku: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_subscribed_sku_kept BEFORE DELETE ON fact_subscribed_sku
BEGIN SELECT RAISE(ABORT, 'fact_subscribed_sku: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_service_plan (
	part       INTEGER NOT NULL REFERENCES part,
	tenant     INTEGER NOT NULL REFERENCES ident,
	sku        INTEGER NOT NULL REFERENCES ident,
	plan       INTEGER NOT NULL REFERENCES ident,
	name       TEXT NOT NULL,
	status     TEXT NOT NULL,
	applies_to TEXT NOT NULL,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, sku, plan, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_service_plan (
	part       INTEGER NOT NULL,
	tenant     INTEGER NOT NULL,
	sku        INTEGER NOT NULL,
	plan       INTEGER NOT NULL,
	name       TEXT NOT NULL,
	status     TEXT NOT NULL,
	applies_to TEXT NOT NULL,
	PRIMARY KEY (part, tenant, sku, plan)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_service_plan_frozen BEFORE UPDATE OF part, tenant, sku, plan, name, status, applies_to, seen_from ON fact_service_plan
BEGIN SELECT RAISE(ABORT, 'fact_service_plan: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_service_plan_closed BEFORE UPDATE OF seen_until ON fact_service_plan
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_service_plan: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_service_plan_opened BEFORE INSERT ON fact_service_plan
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_service_plan: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_service_plan_kept BEFORE DELETE ON fact_service_plan
BEGIN SELECT RAISE(ABORT, 'fact_service_plan: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_risky_user (
	part       INTEGER NOT NULL REFERENCES part,
	principal  INTEGER NOT NULL REFERENCES ident,
	name       INTEGER REFERENCES label,
	upn        INTEGER REFERENCES label,
	level      TEXT NOT NULL,
	state      TEXT NOT NULL,
	detail     TEXT NOT NULL,
	updated    TEXT CHECK (updated GLOB '????-??-??T??:??:??Z'),
	deleted    INTEGER CHECK (deleted IN (0, 1)),
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, principal, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_risky_user (
	part       INTEGER NOT NULL,
	principal  INTEGER NOT NULL,
	name       INTEGER,
	upn        INTEGER,
	level      TEXT NOT NULL,
	state      TEXT NOT NULL,
	detail     TEXT NOT NULL,
	updated    TEXT CHECK (updated GLOB '????-??-??T??:??:??Z'),
	deleted    INTEGER CHECK (deleted IN (0, 1)),
	PRIMARY KEY (part, principal)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_risky_user_frozen BEFORE UPDATE OF part, principal, name, upn, level, state, detail, updated, deleted, seen_from ON fact_risky_user
BEGIN SELECT RAISE(ABORT, 'fact_risky_user: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_risky_user_closed BEFORE UPDATE OF seen_until ON fact_risky_user
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_risky_user: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_risky_user_opened BEFORE INSERT ON fact_risky_user
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_risky_user: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_risky_user_kept BEFORE DELETE ON fact_risky_user
BEGIN SELECT RAISE(ABORT, 'fact_risky_user: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_access_policy (
	part           INTEGER NOT NULL REFERENCES part,
	tenant         INTEGER NOT NULL REFERENCES ident,
	id             INTEGER NOT NULL REFERENCES ident,
	name           TEXT NOT NULL,
	state          TEXT NOT NULL,
	created        TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	modified       TEXT CHECK (modified GLOB '????-??-??T??:??:??Z'),
	include_users  TEXT NOT NULL,
	exclude_users  TEXT NOT NULL,
	include_groups TEXT NOT NULL,
	exclude_groups TEXT NOT NULL,
	include_roles  TEXT NOT NULL,
	exclude_roles  TEXT NOT NULL,
	include_guests TEXT NOT NULL,
	exclude_guests TEXT NOT NULL,
	include_apps   TEXT NOT NULL,
	exclude_apps   TEXT NOT NULL,
	client_apps    TEXT NOT NULL,
	sign_in_risks  TEXT NOT NULL,
	user_risks     TEXT NOT NULL,
	operator       TEXT NOT NULL,
	grants         TEXT NOT NULL,
	strength       TEXT NOT NULL,
	narrowed       TEXT NOT NULL,
	seen_from      INTEGER NOT NULL REFERENCES snapshot,
	seen_until     INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_access_policy (
	part           INTEGER NOT NULL,
	tenant         INTEGER NOT NULL,
	id             INTEGER NOT NULL,
	name           TEXT NOT NULL,
	state          TEXT NOT NULL,
	created        TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	modified       TEXT CHECK (modified GLOB '????-??-??T??:??:??Z'),
	include_users  TEXT NOT NULL,
	exclude_users  TEXT NOT NULL,
	include_groups TEXT NOT NULL,
	exclude_groups TEXT NOT NULL,
	include_roles  TEXT NOT NULL,
	exclude_roles  TEXT NOT NULL,
	include_guests TEXT NOT NULL,
	exclude_guests TEXT NOT NULL,
	include_apps   TEXT NOT NULL,
	exclude_apps   TEXT NOT NULL,
	client_apps    TEXT NOT NULL,
	sign_in_risks  TEXT NOT NULL,
	user_risks     TEXT NOT NULL,
	operator       TEXT NOT NULL,
	grants         TEXT NOT NULL,
	strength       TEXT NOT NULL,
	narrowed       TEXT NOT NULL,
	PRIMARY KEY (part, tenant, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_access_policy_frozen BEFORE UPDATE OF part, tenant, id, name, state, created, modified, include_users, exclude_users, include_groups, exclude_groups, include_roles, exclude_roles, include_guests, exclude_guests, include_apps, exclude_apps, client_apps, sign_in_risks, user_risks, operator, grants, strength, narrowed, seen_from ON fact_access_policy
BEGIN SELECT RAISE(ABORT, 'fact_access_policy: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_policy_closed BEFORE UPDATE OF seen_until ON fact_access_policy
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_policy: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_policy_opened BEFORE INSERT ON fact_access_policy
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_policy: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_policy_kept BEFORE DELETE ON fact_access_policy
BEGIN SELECT RAISE(ABORT, 'fact_access_policy: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_cross_tenant_access (
	part             INTEGER NOT NULL REFERENCES part,
	tenant           INTEGER NOT NULL REFERENCES ident,
	partner          INTEGER NOT NULL REFERENCES ident,
	service_provider INTEGER CHECK (service_provider IN (0, 1)),
	trusts_mfa       INTEGER CHECK (trusts_mfa IN (0, 1)),
	trusts_compliant INTEGER CHECK (trusts_compliant IN (0, 1)),
	trusts_hybrid    INTEGER CHECK (trusts_hybrid IN (0, 1)),
	guests           TEXT NOT NULL,
	seen_from        INTEGER NOT NULL REFERENCES snapshot,
	seen_until       INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, partner, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_cross_tenant_access (
	part             INTEGER NOT NULL,
	tenant           INTEGER NOT NULL,
	partner          INTEGER NOT NULL,
	service_provider INTEGER CHECK (service_provider IN (0, 1)),
	trusts_mfa       INTEGER CHECK (trusts_mfa IN (0, 1)),
	trusts_compliant INTEGER CHECK (trusts_compliant IN (0, 1)),
	trusts_hybrid    INTEGER CHECK (trusts_hybrid IN (0, 1)),
	guests           TEXT NOT NULL,
	PRIMARY KEY (part, tenant, partner)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_cross_tenant_access_frozen BEFORE UPDATE OF part, tenant, partner, service_provider, trusts_mfa, trusts_compliant, trusts_hybrid, guests, seen_from ON fact_cross_tenant_access
BEGIN SELECT RAISE(ABORT, 'fact_cross_tenant_access: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_cross_tenant_access_closed BEFORE UPDATE OF seen_until ON fact_cross_tenant_access
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_cross_tenant_access: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_cross_tenant_access_opened BEFORE INSERT ON fact_cross_tenant_access
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_cross_tenant_access: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_cross_tenant_access_kept BEFORE DELETE ON fact_cross_tenant_access
BEGIN SELECT RAISE(ABORT, 'fact_cross_tenant_access: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_security_defaults (
	part       INTEGER NOT NULL REFERENCES part,
	tenant     INTEGER NOT NULL REFERENCES ident,
	enabled    INTEGER CHECK (enabled IN (0, 1)),
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_security_defaults (
	part       INTEGER NOT NULL,
	tenant     INTEGER NOT NULL,
	enabled    INTEGER CHECK (enabled IN (0, 1)),
	PRIMARY KEY (part, tenant)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_security_defaults_frozen BEFORE UPDATE OF part, tenant, enabled, seen_from ON fact_security_defaults
BEGIN SELECT RAISE(ABORT, 'fact_security_defaults: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_security_defaults_closed BEFORE UPDATE OF seen_until ON fact_security_defaults
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_security_defaults: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_security_defaults_opened BEFORE INSERT ON fact_security_defaults
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_security_defaults: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_security_defaults_kept BEFORE DELETE ON fact_security_defaults
BEGIN SELECT RAISE(ABORT, 'fact_security_defaults: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_access_package (
	part       INTEGER NOT NULL REFERENCES part,
	id         INTEGER NOT NULL REFERENCES ident,
	name       TEXT NOT NULL,
	catalog    INTEGER REFERENCES ident,
	hidden     INTEGER CHECK (hidden IN (0, 1)),
	created    TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	modified   TEXT CHECK (modified GLOB '????-??-??T??:??:??Z'),
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_access_package (
	part       INTEGER NOT NULL,
	id         INTEGER NOT NULL,
	name       TEXT NOT NULL,
	catalog    INTEGER,
	hidden     INTEGER CHECK (hidden IN (0, 1)),
	created    TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	modified   TEXT CHECK (modified GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_access_package_frozen BEFORE UPDATE OF part, id, name, catalog, hidden, created, modified, seen_from ON fact_access_package
BEGIN SELECT RAISE(ABORT, 'fact_access_package: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_closed BEFORE UPDATE OF seen_until ON fact_access_package
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_package: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_opened BEFORE INSERT ON fact_access_package
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_package: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_kept BEFORE DELETE ON fact_access_package
BEGIN SELECT RAISE(ABORT, 'fact_access_package: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_access_package_group (
	part       INTEGER NOT NULL REFERENCES part,
	package    INTEGER NOT NULL REFERENCES ident,
	group_id   INTEGER NOT NULL REFERENCES ident,
	access     TEXT NOT NULL,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, package, group_id, access, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_access_package_group (
	part       INTEGER NOT NULL,
	package    INTEGER NOT NULL,
	group_id   INTEGER NOT NULL,
	access     TEXT NOT NULL,
	PRIMARY KEY (part, package, group_id, access)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_access_package_group_frozen BEFORE UPDATE OF part, package, group_id, access, seen_from ON fact_access_package_group
BEGIN SELECT RAISE(ABORT, 'fact_access_package_group: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_group_closed BEFORE UPDATE OF seen_until ON fact_access_package_group
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_package_group: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_group_opened BEFORE INSERT ON fact_access_package_group
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_package_group: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_group_kept BEFORE DELETE ON fact_access_package_group
BEGIN SELECT RAISE(ABORT, 'fact_access_package_group: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_access_package_policy (
	part          INTEGER NOT NULL REFERENCES part,
	id            INTEGER NOT NULL REFERENCES ident,
	package       INTEGER REFERENCES ident,
	name          TEXT NOT NULL,
	requestors    TEXT NOT NULL,
	self_request  INTEGER CHECK (self_request IN (0, 1)),
	approval      INTEGER CHECK (approval IN (0, 1)),
	approvers     TEXT NOT NULL,
	justification INTEGER CHECK (justification IN (0, 1)),
	duration      TEXT NOT NULL,
	until         TEXT CHECK (until GLOB '????-??-??T??:??:??Z'),
	reviewed      INTEGER CHECK (reviewed IN (0, 1)),
	seen_from     INTEGER NOT NULL REFERENCES snapshot,
	seen_until    INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_access_package_policy (
	part          INTEGER NOT NULL,
	id            INTEGER NOT NULL,
	package       INTEGER,
	name          TEXT NOT NULL,
	requestors    TEXT NOT NULL,
	self_request  INTEGER CHECK (self_request IN (0, 1)),
	approval      INTEGER CHECK (approval IN (0, 1)),
	approvers     TEXT NOT NULL,
	justification INTEGER CHECK (justification IN (0, 1)),
	duration      TEXT NOT NULL,
	until         TEXT CHECK (until GLOB '????-??-??T??:??:??Z'),
	reviewed      INTEGER CHECK (reviewed IN (0, 1)),
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_access_package_policy_frozen BEFORE UPDATE OF part, id, package, name, requestors, self_request, approval, approvers, justification, duration, until, reviewed, seen_from ON fact_access_package_policy
BEGIN SELECT RAISE(ABORT, 'fact_access_package_policy: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_policy_closed BEFORE UPDATE OF seen_until ON fact_access_package_policy
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_package_policy: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_policy_opened BEFORE INSERT ON fact_access_package_policy
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_package_policy: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_policy_kept BEFORE DELETE ON fact_access_package_policy
BEGIN SELECT RAISE(ABORT, 'fact_access_package_policy: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_access_package_target (
	part       INTEGER NOT NULL REFERENCES part,
	policy     INTEGER NOT NULL REFERENCES ident,
	principal  INTEGER NOT NULL REFERENCES ident,
	type       TEXT NOT NULL,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, policy, principal, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_access_package_target (
	part       INTEGER NOT NULL,
	policy     INTEGER NOT NULL,
	principal  INTEGER NOT NULL,
	type       TEXT NOT NULL,
	PRIMARY KEY (part, policy, principal)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_access_package_target_frozen BEFORE UPDATE OF part, policy, principal, type, seen_from ON fact_access_package_target
BEGIN SELECT RAISE(ABORT, 'fact_access_package_target: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_target_closed BEFORE UPDATE OF seen_until ON fact_access_package_target
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_package_target: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_target_opened BEFORE INSERT ON fact_access_package_target
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_package_target: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_target_kept BEFORE DELETE ON fact_access_package_target
BEGIN SELECT RAISE(ABORT, 'fact_access_package_target: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_access_package_assignment (
	part       INTEGER NOT NULL REFERENCES part,
	id         INTEGER NOT NULL REFERENCES ident,
	package    INTEGER REFERENCES ident,
	policy     INTEGER REFERENCES ident,
	principal  INTEGER REFERENCES ident,
	name       INTEGER REFERENCES label,
	upn        INTEGER REFERENCES label,
	state      TEXT NOT NULL,
	starts     TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends       TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_access_package_assignment (
	part       INTEGER NOT NULL,
	id         INTEGER NOT NULL,
	package    INTEGER,
	policy     INTEGER,
	principal  INTEGER,
	name       INTEGER,
	upn        INTEGER,
	state      TEXT NOT NULL,
	starts     TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends       TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_access_package_assignment_frozen BEFORE UPDATE OF part, id, package, policy, principal, name, upn, state, starts, ends, seen_from ON fact_access_package_assignment
BEGIN SELECT RAISE(ABORT, 'fact_access_package_assignment: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_assignment_closed BEFORE UPDATE OF seen_until ON fact_access_package_assignment
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_package_assignment: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_assignment_opened BEFORE INSERT ON fact_access_package_assignment
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_access_package_assignment: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_access_package_assignment_kept BEFORE DELETE ON fact_access_package_assignment
BEGIN SELECT RAISE(ABORT, 'fact_access_package_assignment: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE log_access_package_request (
	part          INTEGER NOT NULL REFERENCES part,
	id            TEXT NOT NULL,
	package       INTEGER REFERENCES ident,
	assignment    TEXT NOT NULL,
	principal     INTEGER REFERENCES ident,
	name          INTEGER REFERENCES label,
	upn           INTEGER REFERENCES label,
	type          TEXT NOT NULL,
	state         TEXT NOT NULL,
	status        TEXT NOT NULL,
	created       TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	completed     TEXT CHECK (completed GLOB '????-??-??T??:??:??Z'),
	starts        TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends          TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	justification INTEGER REFERENCES label,
	seen_from     INTEGER NOT NULL REFERENCES snapshot,
	seen_until    INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_access_package_request (
	part          INTEGER NOT NULL,
	id            TEXT NOT NULL,
	package       INTEGER,
	assignment    TEXT NOT NULL,
	principal     INTEGER,
	name          INTEGER,
	upn           INTEGER,
	type          TEXT NOT NULL,
	state         TEXT NOT NULL,
	status        TEXT NOT NULL,
	created       TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	completed     TEXT CHECK (completed GLOB '????-??-??T??:??:??Z'),
	starts        TEXT CHECK (starts GLOB '????-??-??T??:??:??Z'),
	ends          TEXT CHECK (ends GLOB '????-??-??T??:??:??Z'),
	justification INTEGER,
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER log_access_package_request_frozen BEFORE UPDATE OF part, id, package, assignment, principal, name, upn, type, state, status, created, completed, starts, ends, justification, seen_from ON log_access_package_request
BEGIN SELECT RAISE(ABORT, 'log_access_package_request: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_access_package_request_closed BEFORE UPDATE OF seen_until ON log_access_package_request
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_access_package_request: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_access_package_request_opened BEFORE INSERT ON log_access_package_request
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_access_package_request: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_access_package_request_kept BEFORE DELETE ON log_access_package_request
BEGIN SELECT RAISE(ABORT, 'log_access_package_request: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_lighthouse_tenant (
	part        INTEGER NOT NULL REFERENCES part,
	tenant      INTEGER NOT NULL REFERENCES ident,
	name        TEXT NOT NULL,
	privilege   TEXT NOT NULL,
	contract    TEXT NOT NULL,
	onboarding  TEXT NOT NULL,
	eligibility TEXT NOT NULL,
	created     TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	seen_from   INTEGER NOT NULL REFERENCES snapshot,
	seen_until  INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_lighthouse_tenant (
	part        INTEGER NOT NULL,
	tenant      INTEGER NOT NULL,
	name        TEXT NOT NULL,
	privilege   TEXT NOT NULL,
	contract    TEXT NOT NULL,
	onboarding  TEXT NOT NULL,
	eligibility TEXT NOT NULL,
	created     TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, tenant)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_lighthouse_tenant_frozen BEFORE UPDATE OF part, tenant, name, privilege, contract, onboarding, eligibility, created, seen_from ON fact_lighthouse_tenant
BEGIN SELECT RAISE(ABORT, 'fact_lighthouse_tenant: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_lighthouse_tenant_closed BEFORE UPDATE OF seen_until ON fact_lighthouse_tenant
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_lighthouse_tenant: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_lighthouse_tenant_opened BEFORE INSERT ON fact_lighthouse_tenant
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_lighthouse_tenant: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_lighthouse_tenant_kept BEFORE DELETE ON fact_lighthouse_tenant
BEGIN SELECT RAISE(ABORT, 'fact_lighthouse_tenant: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_partner_customer (
	part         INTEGER NOT NULL REFERENCES part,
	tenant       INTEGER NOT NULL REFERENCES ident,
	name         TEXT NOT NULL,
	domain       TEXT NOT NULL,
	relationship TEXT NOT NULL,
	delegated    INTEGER CHECK (delegated IN (0, 1)),
	seen_from    INTEGER NOT NULL REFERENCES snapshot,
	seen_until   INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_partner_customer (
	part         INTEGER NOT NULL,
	tenant       INTEGER NOT NULL,
	name         TEXT NOT NULL,
	domain       TEXT NOT NULL,
	relationship TEXT NOT NULL,
	delegated    INTEGER CHECK (delegated IN (0, 1)),
	PRIMARY KEY (part, tenant)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_partner_customer_frozen BEFORE UPDATE OF part, tenant, name, domain, relationship, delegated, seen_from ON fact_partner_customer
BEGIN SELECT RAISE(ABORT, 'fact_partner_customer: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_partner_customer_closed BEFORE UPDATE OF seen_until ON fact_partner_customer
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_partner_customer: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_partner_customer_opened BEFORE INSERT ON fact_partner_customer
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_partner_customer: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_partner_customer_kept BEFORE DELETE ON fact_partner_customer
BEGIN SELECT RAISE(ABORT, 'fact_partner_customer: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE log_partner_audit (
	part          INTEGER NOT NULL REFERENCES part,
	id            TEXT NOT NULL,
	at            TEXT CHECK (at GLOB '????-??-??T??:??:??Z'),
	customer      INTEGER REFERENCES ident,
	customer_name TEXT NOT NULL,
	actor         INTEGER REFERENCES label,
	app           TEXT NOT NULL,
	resource      TEXT NOT NULL,
	operation     TEXT NOT NULL,
	status        TEXT NOT NULL,
	details       INTEGER REFERENCES label,
	seen_from     INTEGER NOT NULL REFERENCES snapshot,
	seen_until    INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_partner_audit (
	part          INTEGER NOT NULL,
	id            TEXT NOT NULL,
	at            TEXT CHECK (at GLOB '????-??-??T??:??:??Z'),
	customer      INTEGER,
	customer_name TEXT NOT NULL,
	actor         INTEGER,
	app           TEXT NOT NULL,
	resource      TEXT NOT NULL,
	operation     TEXT NOT NULL,
	status        TEXT NOT NULL,
	details       INTEGER,
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER log_partner_audit_frozen BEFORE UPDATE OF part, id, at, customer, customer_name, actor, app, resource, operation, status, details, seen_from ON log_partner_audit
BEGIN SELECT RAISE(ABORT, 'log_partner_audit: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_partner_audit_closed BEFORE UPDATE OF seen_until ON log_partner_audit
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_partner_audit: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_partner_audit_opened BEFORE INSERT ON log_partner_audit
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_partner_audit: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_partner_audit_kept BEFORE DELETE ON log_partner_audit
BEGIN SELECT RAISE(ABORT, 'log_partner_audit: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE log_provider_sign_in (
	part         INTEGER NOT NULL REFERENCES part,
	tenant       INTEGER NOT NULL REFERENCES ident,
	id           TEXT NOT NULL,
	home         INTEGER REFERENCES ident,
	principal    INTEGER REFERENCES ident,
	name         INTEGER REFERENCES label,
	upn          INTEGER REFERENCES label,
	at           TEXT CHECK (at GLOB '????-??-??T??:??:??Z'),
	app          TEXT NOT NULL,
	resource     TEXT NOT NULL,
	interactive  INTEGER CHECK (interactive IN (0, 1)),
	error_code   INTEGER NOT NULL,
	cross_tenant TEXT NOT NULL,
	requirement  TEXT NOT NULL,
	ip           INTEGER REFERENCES label,
	country      TEXT NOT NULL,
	correlation  TEXT NOT NULL,
	seen_from    INTEGER NOT NULL REFERENCES snapshot,
	seen_until   INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_provider_sign_in (
	part         INTEGER NOT NULL,
	tenant       INTEGER NOT NULL,
	id           TEXT NOT NULL,
	home         INTEGER,
	principal    INTEGER,
	name         INTEGER,
	upn          INTEGER,
	at           TEXT CHECK (at GLOB '????-??-??T??:??:??Z'),
	app          TEXT NOT NULL,
	resource     TEXT NOT NULL,
	interactive  INTEGER CHECK (interactive IN (0, 1)),
	error_code   INTEGER NOT NULL,
	cross_tenant TEXT NOT NULL,
	requirement  TEXT NOT NULL,
	ip           INTEGER,
	country      TEXT NOT NULL,
	correlation  TEXT NOT NULL,
	PRIMARY KEY (part, tenant, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER log_provider_sign_in_frozen BEFORE UPDATE OF part, tenant, id, home, principal, name, upn, at, app, resource, interactive, error_code, cross_tenant, requirement, ip, country, correlation, seen_from ON log_provider_sign_in
BEGIN SELECT RAISE(ABORT, 'log_provider_sign_in: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_provider_sign_in_closed BEFORE UPDATE OF seen_until ON log_provider_sign_in
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_provider_sign_in: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_provider_sign_in_opened BEFORE INSERT ON log_provider_sign_in
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_provider_sign_in: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_provider_sign_in_kept BEFORE DELETE ON log_provider_sign_in
BEGIN SELECT RAISE(ABORT, 'log_provider_sign_in: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE log_sign_in_context (
	part            INTEGER NOT NULL REFERENCES part,
	id              TEXT NOT NULL,
	ip              INTEGER REFERENCES label,
	country         TEXT NOT NULL,
	city            INTEGER REFERENCES label,
	client          TEXT NOT NULL,
	system          TEXT NOT NULL,
	trust           TEXT NOT NULL,
	compliant       INTEGER CHECK (compliant IN (0, 1)),
	managed         INTEGER CHECK (managed IN (0, 1)),
	risk            TEXT NOT NULL,
	access_policies TEXT NOT NULL,
	seen_from       INTEGER NOT NULL REFERENCES snapshot,
	seen_until      INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_sign_in_context (
	part            INTEGER NOT NULL,
	id              TEXT NOT NULL,
	ip              INTEGER,
	country         TEXT NOT NULL,
	city            INTEGER,
	client          TEXT NOT NULL,
	system          TEXT NOT NULL,
	trust           TEXT NOT NULL,
	compliant       INTEGER CHECK (compliant IN (0, 1)),
	managed         INTEGER CHECK (managed IN (0, 1)),
	risk            TEXT NOT NULL,
	access_policies TEXT NOT NULL,
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER log_sign_in_context_frozen BEFORE UPDATE OF part, id, ip, country, city, client, system, trust, compliant, managed, risk, access_policies, seen_from ON log_sign_in_context
BEGIN SELECT RAISE(ABORT, 'log_sign_in_context: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_sign_in_context_closed BEFORE UPDATE OF seen_until ON log_sign_in_context
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_sign_in_context: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_sign_in_context_opened BEFORE INSERT ON log_sign_in_context
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_sign_in_context: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_sign_in_context_kept BEFORE DELETE ON log_sign_in_context
BEGIN SELECT RAISE(ABORT, 'log_sign_in_context: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_customer_user (
	part       INTEGER NOT NULL REFERENCES part,
	tenant     INTEGER NOT NULL REFERENCES ident,
	id         INTEGER NOT NULL REFERENCES ident,
	name       INTEGER REFERENCES label,
	upn        INTEGER REFERENCES label,
	mail       INTEGER REFERENCES label,
	enabled    INTEGER CHECK (enabled IN (0, 1)),
	type       TEXT NOT NULL,
	invitation TEXT NOT NULL,
	synced     INTEGER CHECK (synced IN (0, 1)),
	created    TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	because    TEXT NOT NULL,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_customer_user (
	part       INTEGER NOT NULL,
	tenant     INTEGER NOT NULL,
	id         INTEGER NOT NULL,
	name       INTEGER,
	upn        INTEGER,
	mail       INTEGER,
	enabled    INTEGER CHECK (enabled IN (0, 1)),
	type       TEXT NOT NULL,
	invitation TEXT NOT NULL,
	synced     INTEGER CHECK (synced IN (0, 1)),
	created    TEXT CHECK (created GLOB '????-??-??T??:??:??Z'),
	because    TEXT NOT NULL,
	PRIMARY KEY (part, tenant, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_customer_user_frozen BEFORE UPDATE OF part, tenant, id, name, upn, mail, enabled, type, invitation, synced, created, because, seen_from ON fact_customer_user
BEGIN SELECT RAISE(ABORT, 'fact_customer_user: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_customer_user_closed BEFORE UPDATE OF seen_until ON fact_customer_user
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_customer_user: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_customer_user_opened BEFORE INSERT ON fact_customer_user
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_customer_user: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_customer_user_kept BEFORE DELETE ON fact_customer_user
BEGIN SELECT RAISE(ABORT, 'fact_customer_user: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_customer_user_activity (
	part                 INTEGER NOT NULL REFERENCES part,
	tenant               INTEGER NOT NULL REFERENCES ident,
	principal            INTEGER NOT NULL REFERENCES ident,
	last_sign_in         TEXT CHECK (last_sign_in GLOB '????-??-??T??:??:??Z'),
	last_non_interactive TEXT CHECK (last_non_interactive GLOB '????-??-??T??:??:??Z'),
	last_successful      TEXT CHECK (last_successful GLOB '????-??-??T??:??:??Z'),
	seen_from            INTEGER NOT NULL REFERENCES snapshot,
	seen_until           INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, tenant, principal, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_customer_user_activity (
	part                 INTEGER NOT NULL,
	tenant               INTEGER NOT NULL,
	principal            INTEGER NOT NULL,
	last_sign_in         TEXT CHECK (last_sign_in GLOB '????-??-??T??:??:??Z'),
	last_non_interactive TEXT CHECK (last_non_interactive GLOB '????-??-??T??:??:??Z'),
	last_successful      TEXT CHECK (last_successful GLOB '????-??-??T??:??:??Z'),
	PRIMARY KEY (part, tenant, principal)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_customer_user_activity_frozen BEFORE UPDATE OF part, tenant, principal, last_sign_in, last_non_interactive, last_successful, seen_from ON fact_customer_user_activity
BEGIN SELECT RAISE(ABORT, 'fact_customer_user_activity: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_customer_user_activity_closed BEFORE UPDATE OF seen_until ON fact_customer_user_activity
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_customer_user_activity: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_customer_user_activity_opened BEFORE INSERT ON fact_customer_user_activity
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_customer_user_activity: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_customer_user_activity_kept BEFORE DELETE ON fact_customer_user_activity
BEGIN SELECT RAISE(ABORT, 'fact_customer_user_activity: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_azure_subscription (
	part       INTEGER NOT NULL REFERENCES part,
	id         INTEGER NOT NULL REFERENCES ident,
	customer   INTEGER REFERENCES ident,
	name       TEXT NOT NULL,
	state      TEXT NOT NULL,
	seen_from  INTEGER NOT NULL REFERENCES snapshot,
	seen_until INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_azure_subscription (
	part       INTEGER NOT NULL,
	id         INTEGER NOT NULL,
	customer   INTEGER,
	name       TEXT NOT NULL,
	state      TEXT NOT NULL,
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_azure_subscription_frozen BEFORE UPDATE OF part, id, customer, name, state, seen_from ON fact_azure_subscription
BEGIN SELECT RAISE(ABORT, 'fact_azure_subscription: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_azure_subscription_closed BEFORE UPDATE OF seen_until ON fact_azure_subscription
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_azure_subscription: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_azure_subscription_opened BEFORE INSERT ON fact_azure_subscription
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_azure_subscription: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_azure_subscription_kept BEFORE DELETE ON fact_azure_subscription
BEGIN SELECT RAISE(ABORT, 'fact_azure_subscription: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_azure_delegation (
	part         INTEGER NOT NULL REFERENCES part,
	id           INTEGER NOT NULL REFERENCES ident,
	subscription INTEGER REFERENCES ident,
	customer     INTEGER REFERENCES ident,
	managing     INTEGER REFERENCES ident,
	definition   INTEGER REFERENCES ident,
	name         TEXT NOT NULL,
	plan         TEXT NOT NULL,
	state        TEXT NOT NULL,
	seen_from    INTEGER NOT NULL REFERENCES snapshot,
	seen_until   INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_azure_delegation (
	part         INTEGER NOT NULL,
	id           INTEGER NOT NULL,
	subscription INTEGER,
	customer     INTEGER,
	managing     INTEGER,
	definition   INTEGER,
	name         TEXT NOT NULL,
	plan         TEXT NOT NULL,
	state        TEXT NOT NULL,
	PRIMARY KEY (part, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_azure_delegation_frozen BEFORE UPDATE OF part, id, subscription, customer, managing, definition, name, plan, state, seen_from ON fact_azure_delegation
BEGIN SELECT RAISE(ABORT, 'fact_azure_delegation: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_azure_delegation_closed BEFORE UPDATE OF seen_until ON fact_azure_delegation
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_azure_delegation: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_azure_delegation_opened BEFORE INSERT ON fact_azure_delegation
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_azure_delegation: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_azure_delegation_kept BEFORE DELETE ON fact_azure_delegation
BEGIN SELECT RAISE(ABORT, 'fact_azure_delegation: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_azure_authorisation (
	part            INTEGER NOT NULL REFERENCES part,
	delegation      INTEGER NOT NULL REFERENCES ident,
	principal       INTEGER NOT NULL REFERENCES ident,
	role            INTEGER NOT NULL REFERENCES ident,
	eligible        INTEGER NOT NULL CHECK (eligible IN (0, 1)),
	principal_name  INTEGER REFERENCES label,
	delegated_roles TEXT NOT NULL,
	mfa             TEXT NOT NULL,
	max_activation  TEXT NOT NULL,
	approvers       TEXT NOT NULL,
	seen_from       INTEGER NOT NULL REFERENCES snapshot,
	seen_until      INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, delegation, principal, role, eligible, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_azure_authorisation (
	part            INTEGER NOT NULL,
	delegation      INTEGER NOT NULL,
	principal       INTEGER NOT NULL,
	role            INTEGER NOT NULL,
	eligible        INTEGER NOT NULL CHECK (eligible IN (0, 1)),
	principal_name  INTEGER,
	delegated_roles TEXT NOT NULL,
	mfa             TEXT NOT NULL,
	max_activation  TEXT NOT NULL,
	approvers       TEXT NOT NULL,
	PRIMARY KEY (part, delegation, principal, role, eligible)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_azure_authorisation_frozen BEFORE UPDATE OF part, delegation, principal, role, eligible, principal_name, delegated_roles, mfa, max_activation, approvers, seen_from ON fact_azure_authorisation
BEGIN SELECT RAISE(ABORT, 'fact_azure_authorisation: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_azure_authorisation_closed BEFORE UPDATE OF seen_until ON fact_azure_authorisation
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_azure_authorisation: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_azure_authorisation_opened BEFORE INSERT ON fact_azure_authorisation
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_azure_authorisation: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_azure_authorisation_kept BEFORE DELETE ON fact_azure_authorisation
BEGIN SELECT RAISE(ABORT, 'fact_azure_authorisation: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE log_azure_event (
	part          INTEGER NOT NULL REFERENCES part,
	subscription  INTEGER NOT NULL REFERENCES ident,
	id            TEXT NOT NULL,
	at            TEXT CHECK (at GLOB '????-??-??T??:??:??Z'),
	caller        INTEGER REFERENCES label,
	caller_id     INTEGER REFERENCES ident,
	caller_home   INTEGER REFERENCES ident,
	operation     TEXT NOT NULL,
	category      TEXT NOT NULL,
	event         TEXT NOT NULL,
	status        TEXT NOT NULL,
	resource      INTEGER REFERENCES ident,
	correlation   TEXT NOT NULL,
	ip            INTEGER REFERENCES label,
	justification INTEGER REFERENCES label,
	seen_from     INTEGER NOT NULL REFERENCES snapshot,
	seen_until    INTEGER REFERENCES snapshot,
	PRIMARY KEY (part, subscription, id, seen_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_azure_event (
	part          INTEGER NOT NULL,
	subscription  INTEGER NOT NULL,
	id            TEXT NOT NULL,
	at            TEXT CHECK (at GLOB '????-??-??T??:??:??Z'),
	caller        INTEGER,
	caller_id     INTEGER,
	caller_home   INTEGER,
	operation     TEXT NOT NULL,
	category      TEXT NOT NULL,
	event         TEXT NOT NULL,
	status        TEXT NOT NULL,
	resource      INTEGER,
	correlation   TEXT NOT NULL,
	ip            INTEGER,
	justification INTEGER,
	PRIMARY KEY (part, subscription, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER log_azure_event_frozen BEFORE UPDATE OF part, subscription, id, at, caller, caller_id, caller_home, operation, category, event, status, resource, correlation, ip, justification, seen_from ON log_azure_event
BEGIN SELECT RAISE(ABORT, 'log_azure_event: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_azure_event_closed BEFORE UPDATE OF seen_until ON log_azure_event
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_azure_event: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_azure_event_opened BEFORE INSERT ON log_azure_event
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'log_azure_event: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_azure_event_kept BEFORE DELETE ON log_azure_event
BEGIN SELECT RAISE(ABORT, 'log_azure_event: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE fact_pim_principal (
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

CREATE TABLE stage_pim_principal (
	part       INTEGER NOT NULL,
	group_id   INTEGER NOT NULL,
	principal  INTEGER NOT NULL,
	type       TEXT NOT NULL,
	name       INTEGER,
	upn        INTEGER,
	PRIMARY KEY (part, group_id, principal)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER fact_pim_principal_frozen BEFORE UPDATE OF part, group_id, principal, type, name, upn, seen_from ON fact_pim_principal
BEGIN SELECT RAISE(ABORT, 'fact_pim_principal: recorded evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_pim_principal_closed BEFORE UPDATE OF seen_until ON fact_pim_principal
WHEN OLD.seen_until IS NOT NULL OR NEW.seen_until IS NULL OR (SELECT seal FROM snapshot WHERE id = NEW.seen_until) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_pim_principal: an interval is closed once, by an unsealed snapshot'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_pim_principal_opened BEFORE INSERT ON fact_pim_principal
WHEN (SELECT seal FROM snapshot WHERE id = NEW.seen_from) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'fact_pim_principal: a sealed snapshot takes no more evidence'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER fact_pim_principal_kept BEFORE DELETE ON fact_pim_principal
BEGIN SELECT RAISE(ABORT, 'fact_pim_principal: recorded evidence is never deleted'); END;
-- +goose StatementEnd

CREATE VIEW audit_event AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	f.id,
	f.at,
	f.activity,
	f.category,
	f.service,
	f.operation,
	f.result,
	coalesce((SELECT text FROM label WHERE label.id = f.reason), '') AS reason,
	coalesce((SELECT value FROM ident WHERE ident.id = f.actor), '') AS actor,
	f.actor_type,
	coalesce((SELECT text FROM label WHERE label.id = f.actor_name), '') AS actor_name,
	coalesce((SELECT value FROM ident WHERE ident.id = f.actor_home), '') AS actor_home,
	coalesce((SELECT text FROM label WHERE label.id = f.ip), '') AS ip,
	coalesce((SELECT value FROM ident WHERE ident.id = f.target), '') AS target,
	f.target_type,
	coalesce((SELECT text FROM label WHERE label.id = f.target_name), '') AS target_name,
	f.targets,
	coalesce((SELECT value FROM ident WHERE ident.id = f.group_id), '') AS group_id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.subject), '') AS subject,
	coalesce((SELECT value FROM ident WHERE ident.id = f.role), '') AS role,
	f.request,
	coalesce((SELECT text FROM label WHERE label.id = f.justification), '') AS justification,
	coalesce((SELECT text FROM label WHERE label.id = f.ticket), '') AS ticket,
	coalesce((SELECT text FROM label WHERE label.id = f.ticket_system), '') AS ticket_system,
	f.starts,
	f.ends,
	f.correlation,
	(SELECT min(b.at) FROM log_audit_event e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   log_audit_event f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW role_instance AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	f.state,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.principal), '') AS principal,
	f.principal_type,
	coalesce((SELECT text FROM label WHERE label.id = f.principal_name), '') AS principal_name,
	coalesce((SELECT text FROM label WHERE label.id = f.principal_upn), '') AS principal_upn,
	coalesce((SELECT value FROM ident WHERE ident.id = f.principal_home), '') AS principal_home,
	coalesce((SELECT value FROM ident WHERE ident.id = f.role), '') AS role,
	f.scope,
	f.member_type,
	f.starts,
	f.ends,
	(SELECT min(b.at) FROM fact_role_instance e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.state = f.state AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_role_instance f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW role_definition AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.template), '') AS template,
	f.name,
	f.built_in,
	f.enabled,
	f.actions,
	(SELECT min(b.at) FROM fact_role_definition e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_role_definition f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW role_group AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.group_id) AS group_id,
	f.name,
	f.agents,
	f.role_assignable,
	(SELECT min(b.at) FROM fact_role_group e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.group_id = f.group_id) AS first_seen
FROM   snapshot s
JOIN   fact_role_group f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW policy_rule AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	(SELECT value FROM ident WHERE ident.id = f.subject) AS subject,
	f.access,
	f.rule,
	f.type,
	f.caller,
	f.level,
	f.demanded,
	f.duration,
	coalesce((SELECT text FROM label WHERE label.id = f.details), '') AS details,
	(SELECT min(b.at) FROM fact_policy_rule e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.subject = f.subject AND e.access = f.access AND e.rule = f.rule) AS first_seen
FROM   snapshot s
JOIN   fact_policy_rule f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW role_policy AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	(SELECT value FROM ident WHERE ident.id = f.role) AS role,
	f.max_activation,
	f.mfa,
	f.authentication_context,
	f.justification,
	f.ticket,
	f.approval,
	f.approvers,
	f.eligibility_expires,
	f.max_eligibility,
	f.assignment_expires,
	f.max_assignment,
	f.modified,
	(SELECT min(b.at) FROM fact_role_policy e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.role = f.role) AS first_seen
FROM   snapshot s
JOIN   fact_role_policy f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW subscribed_sku AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	(SELECT value FROM ident WHERE ident.id = f.sku) AS sku,
	f.part_number,
	f.status,
	f.applies_to,
	f.enabled,
	f.consumed,
	(SELECT min(b.at) FROM fact_subscribed_sku e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.sku = f.sku) AS first_seen
FROM   snapshot s
JOIN   fact_subscribed_sku f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW service_plan AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	(SELECT value FROM ident WHERE ident.id = f.sku) AS sku,
	(SELECT value FROM ident WHERE ident.id = f.plan) AS plan,
	f.name,
	f.status,
	f.applies_to,
	(SELECT min(b.at) FROM fact_service_plan e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.sku = f.sku AND e.plan = f.plan) AS first_seen
FROM   snapshot s
JOIN   fact_service_plan f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW risky_user AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.principal) AS principal,
	coalesce((SELECT text FROM label WHERE label.id = f.name), '') AS name,
	coalesce((SELECT text FROM label WHERE label.id = f.upn), '') AS upn,
	f.level,
	f.state,
	f.detail,
	f.updated,
	f.deleted,
	(SELECT min(b.at) FROM fact_risky_user e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.principal = f.principal) AS first_seen
FROM   snapshot s
JOIN   fact_risky_user f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW access_policy AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	f.name,
	f.state,
	f.created,
	f.modified,
	f.include_users,
	f.exclude_users,
	f.include_groups,
	f.exclude_groups,
	f.include_roles,
	f.exclude_roles,
	f.include_guests,
	f.exclude_guests,
	f.include_apps,
	f.exclude_apps,
	f.client_apps,
	f.sign_in_risks,
	f.user_risks,
	f.operator,
	f.grants,
	f.strength,
	f.narrowed,
	(SELECT min(b.at) FROM fact_access_policy e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_access_policy f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW cross_tenant_access AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	(SELECT value FROM ident WHERE ident.id = f.partner) AS partner,
	f.service_provider,
	f.trusts_mfa,
	f.trusts_compliant,
	f.trusts_hybrid,
	f.guests,
	(SELECT min(b.at) FROM fact_cross_tenant_access e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.partner = f.partner) AS first_seen
FROM   snapshot s
JOIN   fact_cross_tenant_access f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW security_defaults AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	f.enabled,
	(SELECT min(b.at) FROM fact_security_defaults e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant) AS first_seen
FROM   snapshot s
JOIN   fact_security_defaults f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW access_package AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	f.name,
	coalesce((SELECT value FROM ident WHERE ident.id = f.catalog), '') AS catalog,
	f.hidden,
	f.created,
	f.modified,
	(SELECT min(b.at) FROM fact_access_package e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_access_package f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW access_package_group AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.package) AS package,
	(SELECT value FROM ident WHERE ident.id = f.group_id) AS group_id,
	f.access,
	(SELECT min(b.at) FROM fact_access_package_group e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.package = f.package AND e.group_id = f.group_id AND e.access = f.access) AS first_seen
FROM   snapshot s
JOIN   fact_access_package_group f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW access_package_policy AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.package), '') AS package,
	f.name,
	f.requestors,
	f.self_request,
	f.approval,
	f.approvers,
	f.justification,
	f.duration,
	f.until,
	f.reviewed,
	(SELECT min(b.at) FROM fact_access_package_policy e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_access_package_policy f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW access_package_target AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.policy) AS policy,
	(SELECT value FROM ident WHERE ident.id = f.principal) AS principal,
	f.type,
	(SELECT min(b.at) FROM fact_access_package_target e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.policy = f.policy AND e.principal = f.principal) AS first_seen
FROM   snapshot s
JOIN   fact_access_package_target f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW access_package_assignment AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.package), '') AS package,
	coalesce((SELECT value FROM ident WHERE ident.id = f.policy), '') AS policy,
	coalesce((SELECT value FROM ident WHERE ident.id = f.principal), '') AS principal,
	coalesce((SELECT text FROM label WHERE label.id = f.name), '') AS name,
	coalesce((SELECT text FROM label WHERE label.id = f.upn), '') AS upn,
	f.state,
	f.starts,
	f.ends,
	(SELECT min(b.at) FROM fact_access_package_assignment e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_access_package_assignment f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW access_package_request AS
SELECT s.id AS snapshot,
	f.id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.package), '') AS package,
	f.assignment,
	coalesce((SELECT value FROM ident WHERE ident.id = f.principal), '') AS principal,
	coalesce((SELECT text FROM label WHERE label.id = f.name), '') AS name,
	coalesce((SELECT text FROM label WHERE label.id = f.upn), '') AS upn,
	f.type,
	f.state,
	f.status,
	f.created,
	f.completed,
	f.starts,
	f.ends,
	coalesce((SELECT text FROM label WHERE label.id = f.justification), '') AS justification,
	(SELECT min(b.at) FROM log_access_package_request e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   log_access_package_request f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW lighthouse_tenant AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	f.name,
	f.privilege,
	f.contract,
	f.onboarding,
	f.eligibility,
	f.created,
	(SELECT min(b.at) FROM fact_lighthouse_tenant e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant) AS first_seen
FROM   snapshot s
JOIN   fact_lighthouse_tenant f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW partner_customer AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	f.name,
	f.domain,
	f.relationship,
	f.delegated,
	(SELECT min(b.at) FROM fact_partner_customer e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant) AS first_seen
FROM   snapshot s
JOIN   fact_partner_customer f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW partner_audit AS
SELECT s.id AS snapshot,
	f.id,
	f.at,
	coalesce((SELECT value FROM ident WHERE ident.id = f.customer), '') AS customer,
	f.customer_name,
	coalesce((SELECT text FROM label WHERE label.id = f.actor), '') AS actor,
	f.app,
	f.resource,
	f.operation,
	f.status,
	coalesce((SELECT text FROM label WHERE label.id = f.details), '') AS details,
	(SELECT min(b.at) FROM log_partner_audit e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   log_partner_audit f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW provider_sign_in AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	f.id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.home), '') AS home,
	coalesce((SELECT value FROM ident WHERE ident.id = f.principal), '') AS principal,
	coalesce((SELECT text FROM label WHERE label.id = f.name), '') AS name,
	coalesce((SELECT text FROM label WHERE label.id = f.upn), '') AS upn,
	f.at,
	f.app,
	f.resource,
	f.interactive,
	f.error_code,
	f.cross_tenant,
	f.requirement,
	coalesce((SELECT text FROM label WHERE label.id = f.ip), '') AS ip,
	f.country,
	f.correlation,
	(SELECT min(b.at) FROM log_provider_sign_in e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   log_provider_sign_in f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW sign_in_context AS
SELECT s.id AS snapshot,
	f.id,
	coalesce((SELECT text FROM label WHERE label.id = f.ip), '') AS ip,
	f.country,
	coalesce((SELECT text FROM label WHERE label.id = f.city), '') AS city,
	f.client,
	f.system,
	f.trust,
	f.compliant,
	f.managed,
	f.risk,
	f.access_policies,
	(SELECT min(b.at) FROM log_sign_in_context e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   log_sign_in_context f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW customer_user AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	coalesce((SELECT text FROM label WHERE label.id = f.name), '') AS name,
	coalesce((SELECT text FROM label WHERE label.id = f.upn), '') AS upn,
	coalesce((SELECT text FROM label WHERE label.id = f.mail), '') AS mail,
	f.enabled,
	f.type,
	f.invitation,
	f.synced,
	f.created,
	f.because,
	(SELECT min(b.at) FROM fact_customer_user e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_customer_user f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW customer_user_activity AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	(SELECT value FROM ident WHERE ident.id = f.principal) AS principal,
	f.last_sign_in,
	f.last_non_interactive,
	f.last_successful,
	(SELECT min(b.at) FROM fact_customer_user_activity e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant AND e.principal = f.principal) AS first_seen
FROM   snapshot s
JOIN   fact_customer_user_activity f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW azure_subscription AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.customer), '') AS customer,
	f.name,
	f.state,
	(SELECT min(b.at) FROM fact_azure_subscription e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_azure_subscription f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW azure_delegation AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.subscription), '') AS subscription,
	coalesce((SELECT value FROM ident WHERE ident.id = f.customer), '') AS customer,
	coalesce((SELECT value FROM ident WHERE ident.id = f.managing), '') AS managing,
	coalesce((SELECT value FROM ident WHERE ident.id = f.definition), '') AS definition,
	f.name,
	f.plan,
	f.state,
	(SELECT min(b.at) FROM fact_azure_delegation e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_azure_delegation f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW azure_authorisation AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.delegation) AS delegation,
	(SELECT value FROM ident WHERE ident.id = f.principal) AS principal,
	(SELECT value FROM ident WHERE ident.id = f.role) AS role,
	f.eligible,
	coalesce((SELECT text FROM label WHERE label.id = f.principal_name), '') AS principal_name,
	f.delegated_roles,
	f.mfa,
	f.max_activation,
	f.approvers,
	(SELECT min(b.at) FROM fact_azure_authorisation e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.delegation = f.delegation AND e.principal = f.principal AND e.role = f.role AND e.eligible = f.eligible) AS first_seen
FROM   snapshot s
JOIN   fact_azure_authorisation f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW azure_event AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.subscription) AS subscription,
	f.id,
	f.at,
	coalesce((SELECT text FROM label WHERE label.id = f.caller), '') AS caller,
	coalesce((SELECT value FROM ident WHERE ident.id = f.caller_id), '') AS caller_id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.caller_home), '') AS caller_home,
	f.operation,
	f.category,
	f.event,
	f.status,
	coalesce((SELECT value FROM ident WHERE ident.id = f.resource), '') AS resource,
	f.correlation,
	coalesce((SELECT text FROM label WHERE label.id = f.ip), '') AS ip,
	coalesce((SELECT text FROM label WHERE label.id = f.justification), '') AS justification,
	(SELECT min(b.at) FROM log_azure_event e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.subscription = f.subscription AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   log_azure_event f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW pim_principal AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.group_id) AS group_id,
	(SELECT value FROM ident WHERE ident.id = f.principal) AS principal,
	f.type,
	coalesce((SELECT text FROM label WHERE label.id = f.name), '') AS name,
	coalesce((SELECT text FROM label WHERE label.id = f.upn), '') AS upn,
	(SELECT min(b.at) FROM fact_pim_principal e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.group_id = f.group_id AND e.principal = f.principal) AS first_seen
FROM   snapshot s
JOIN   fact_pim_principal f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';
