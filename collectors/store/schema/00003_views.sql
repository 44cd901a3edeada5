-- +goose Up

-- As of each sealed snapshot: what every reader uses. Tables may change, views
-- are the contract. first_seen: the instant of the snapshot that first held the
-- row's key.

CREATE VIEW customer AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.tenant) AS tenant,
	f.name,
	(SELECT min(b.at) FROM fact_customer e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.tenant = f.tenant) AS first_seen
FROM   snapshot s
JOIN   fact_customer f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW relationship AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	f.name,
	coalesce((SELECT value FROM ident WHERE ident.id = f.customer), '') AS customer,
	f.duration,
	f.auto_extend,
	f.status,
	f.created,
	f.activated,
	f.ends,
	f.reseller,
	coalesce((SELECT value FROM ident WHERE ident.id = f.indirect_provider), '') AS indirect_provider,
	f.consent_pending,
	(SELECT min(b.at) FROM fact_relationship e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_relationship f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW relationship_role AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.relationship) AS relationship,
	(SELECT value FROM ident WHERE ident.id = f.role) AS role,
	(SELECT min(b.at) FROM fact_relationship_role e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.relationship = f.relationship AND e.role = f.role) AS first_seen
FROM   snapshot s
JOIN   fact_relationship_role f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW relationship_update AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.relationship) AS relationship,
	f.modified,
	(SELECT min(b.at) FROM fact_relationship_update e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.relationship = f.relationship) AS first_seen
FROM   snapshot s
JOIN   fact_relationship_update f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW access_assignment AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	coalesce((SELECT value FROM ident WHERE ident.id = f.relationship), '') AS relationship,
	coalesce((SELECT value FROM ident WHERE ident.id = f.mapped_group), '') AS mapped_group,
	f.container_type,
	f.status,
	f.created,
	(SELECT min(b.at) FROM fact_access_assignment e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_access_assignment f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW access_assignment_role AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.access_assignment) AS access_assignment,
	(SELECT value FROM ident WHERE ident.id = f.role) AS role,
	(SELECT min(b.at) FROM fact_access_assignment_role e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.access_assignment = f.access_assignment AND e.role = f.role) AS first_seen
FROM   snapshot s
JOIN   fact_access_assignment_role f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW directory_group AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	f.name,
	f.gone,
	f.role_assignable,
	f.security_enabled,
	f.dynamic,
	f.synced,
	f.created,
	(SELECT min(b.at) FROM fact_directory_group e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_directory_group f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW group_owner AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.group_id) AS group_id,
	(SELECT value FROM ident WHERE ident.id = f.principal) AS principal,
	f.type,
	coalesce((SELECT text FROM label WHERE label.id = f.name), '') AS name,
	coalesce((SELECT text FROM label WHERE label.id = f.upn), '') AS upn,
	(SELECT min(b.at) FROM fact_group_owner e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.group_id = f.group_id AND e.principal = f.principal) AS first_seen
FROM   snapshot s
JOIN   fact_group_owner f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW group_member AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.group_id) AS group_id,
	(SELECT value FROM ident WHERE ident.id = f.principal) AS principal,
	f.type,
	coalesce((SELECT text FROM label WHERE label.id = f.name), '') AS name,
	coalesce((SELECT text FROM label WHERE label.id = f.upn), '') AS upn,
	(SELECT min(b.at) FROM fact_group_member e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.group_id = f.group_id AND e.principal = f.principal) AS first_seen
FROM   snapshot s
JOIN   fact_group_member f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW group_eligibility AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
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

CREATE VIEW group_assignment AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
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

CREATE VIEW group_policy AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.group_id) AS group_id,
	f.access,
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
	(SELECT min(b.at) FROM fact_group_policy e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.group_id = f.group_id AND e.access = f.access) AS first_seen
FROM   snapshot s
JOIN   fact_group_policy f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW directory_user AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
	coalesce((SELECT text FROM label WHERE label.id = f.name), '') AS name,
	coalesce((SELECT text FROM label WHERE label.id = f.upn), '') AS upn,
	coalesce((SELECT text FROM label WHERE label.id = f.mail), '') AS mail,
	coalesce((SELECT text FROM label WHERE label.id = f.job), '') AS job,
	f.enabled,
	f.type,
	f.synced,
	f.created,
	coalesce((SELECT value FROM ident WHERE ident.id = f.manager), '') AS manager,
	f.licences,
	(SELECT min(b.at) FROM fact_directory_user e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   fact_directory_user f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW user_activity AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.principal) AS principal,
	f.last_sign_in,
	f.last_non_interactive,
	f.last_successful,
	(SELECT min(b.at) FROM fact_user_activity e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.principal = f.principal) AS first_seen
FROM   snapshot s
JOIN   fact_user_activity f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW mfa_registration AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.principal) AS principal,
	f.registered,
	f.capable,
	f.passwordless,
	f.methods,
	(SELECT min(b.at) FROM fact_mfa_registration e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.principal = f.principal) AS first_seen
FROM   snapshot s
JOIN   fact_mfa_registration f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW activation AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
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
	coalesce((SELECT value FROM ident WHERE ident.id = f.approval), '') AS approval,
	coalesce((SELECT value FROM ident WHERE ident.id = f.created_by), '') AS created_by,
	f.validation_only,
	(SELECT min(b.at) FROM log_activation e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   log_activation f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW sign_in AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.id) AS id,
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
	coalesce((SELECT value FROM ident WHERE ident.id = f.correlation), '') AS correlation,
	(SELECT min(b.at) FROM log_sign_in e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.id = f.id) AS first_seen
FROM   snapshot s
JOIN   log_sign_in f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW membership AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.group_id) AS group_id,
	(SELECT value FROM ident WHERE ident.id = f.principal) AS principal,
	f.state,
	f.instance,
	f.type,
	f.starts,
	f.ends,
	(SELECT min(b.at) FROM derived_membership e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.group_id = f.group_id AND e.principal = f.principal AND e.state = f.state AND e.instance = f.instance) AS first_seen
FROM   snapshot s
JOIN   derived_membership f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

CREATE VIEW effective_membership AS
SELECT s.id AS snapshot,
	(SELECT value FROM ident WHERE ident.id = f.mapped_group) AS mapped_group,
	(SELECT value FROM ident WHERE ident.id = f.principal) AS principal,
	f.type,
	f.state,
	f.ends,
	f.via,
	(SELECT min(b.at) FROM derived_effective_membership e JOIN snapshot b ON b.id = e.seen_from WHERE e.part = f.part AND e.mapped_group = f.mapped_group AND e.principal = f.principal) AS first_seen
FROM   snapshot s
JOIN   derived_effective_membership f ON f.seen_from <= s.id AND (f.seen_until IS NULL OR f.seen_until > s.id)
WHERE  s.state = 'sealed';

-- A person, app or nested group in a group now, not by activation and without an end.
CREATE VIEW standing_membership AS
SELECT snapshot, mapped_group, principal, type, first_seen
FROM   effective_membership
WHERE  state = 'standing';

-- Coverage by part, with the last snapshot that saw the part whole.
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

CREATE VIEW sealed_snapshot AS
SELECT s.id, s.at, (SELECT value FROM ident WHERE ident.id = s.tenant) AS tenant, s.request, l.seq AS seal, l.hash
FROM   snapshot s
JOIN   seal l ON l.seq = s.seal
WHERE  s.state = 'sealed';
