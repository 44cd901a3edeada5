-- +goose Up

-- Campaigns of review. Every table takes additions alone: a decision that was
-- changed, an item that was handed on and a workbook that was issued again are new
-- rows, and the newest counts. What a seal covers is the rows; review_seal says
-- which seal covers which. Texts about persons stand in label.

CREATE TABLE campaign (
	id             INTEGER PRIMARY KEY,
	name           TEXT NOT NULL UNIQUE,
	snapshot       INTEGER NOT NULL REFERENCES snapshot,
	period         TEXT NOT NULL,
	since          TEXT NOT NULL CHECK (since GLOB '????-??-??T??:??:??Z'),
	until          TEXT NOT NULL CHECK (until GLOB '????-??-??T??:??:??Z'),
	opened         TEXT NOT NULL CHECK (opened GLOB '????-??-??T??:??:??Z'),
	due            TEXT NOT NULL CHECK (due GLOB '????-??-??T??:??:??Z'),
	incomplete     TEXT NOT NULL, -- JSON list of reasons; [] when the population is complete
	fallback       TEXT NOT NULL, -- person
	reaffirm_limit INTEGER NOT NULL,
	declared       INTEGER NOT NULL REFERENCES label -- customers, staff and groups as declared, JSON
) STRICT;

-- The seals of a campaign: opening, import, closing, verification. ref is the id
-- of the import or verification, else that of the campaign.
CREATE TABLE review_seal (
	seal     INTEGER PRIMARY KEY REFERENCES seal,
	campaign INTEGER NOT NULL REFERENCES campaign,
	kind     TEXT NOT NULL CHECK (kind IN ('opening', 'import', 'closing', 'verification')),
	ref      INTEGER NOT NULL,
	UNIQUE (kind, ref)
) STRICT;

-- One edge to decide. body is the item as JSON, without texts about persons.
CREATE TABLE review_item (
	campaign INTEGER NOT NULL REFERENCES campaign,
	number   INTEGER NOT NULL,
	kind     TEXT NOT NULL CHECK (kind IN ('membership', 'delegation', 'relationship')),
	key_from INTEGER NOT NULL REFERENCES ident,
	key_to   INTEGER NOT NULL REFERENCES ident,
	content  TEXT NOT NULL, -- SHA-256, hex, over what an approval covers
	body     TEXT NOT NULL,
	PRIMARY KEY (campaign, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX review_item_key ON review_item (kind, key_from, key_to, campaign);

-- The wording of the findings that touch items.
CREATE TABLE review_finding (
	campaign    INTEGER NOT NULL REFERENCES campaign,
	fingerprint TEXT NOT NULL,
	message     INTEGER NOT NULL REFERENCES label,
	PRIMARY KEY (campaign, fingerprint)
) STRICT, WITHOUT ROWID;

-- Who decides an item, from the import on that handed it over (0: the opening).
-- No reviewer: nobody independent is left. passed: JSON list of who was passed
-- over and why.
CREATE TABLE review_assignment (
	campaign INTEGER NOT NULL,
	number   INTEGER NOT NULL,
	import   INTEGER NOT NULL,
	reviewer INTEGER REFERENCES ident,
	member   INTEGER NOT NULL CHECK (member IN (0, 1)), -- the reviewer is in the group of the row
	passed   TEXT NOT NULL,
	PRIMARY KEY (campaign, number, import),
	FOREIGN KEY (campaign, number) REFERENCES review_item
) STRICT, WITHOUT ROWID;

-- One revision of a reviewer's workbook and the rows in it. The newest is open.
CREATE TABLE review_issue (
	id       INTEGER PRIMARY KEY,
	campaign INTEGER NOT NULL REFERENCES campaign,
	reviewer INTEGER NOT NULL REFERENCES ident,
	revision INTEGER NOT NULL,
	at       TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??Z'),
	import   INTEGER NOT NULL, -- that called for it; 0: the opening
	UNIQUE (campaign, reviewer, revision)
) STRICT;
CREATE TABLE review_issue_item (
	issue  INTEGER NOT NULL REFERENCES review_issue,
	number INTEGER NOT NULL,
	PRIMARY KEY (issue, number)
) STRICT, WITHOUT ROWID;

-- A returned workbook that was taken over: the attestation. file may be blanked by
-- retention; its digest stays.
CREATE TABLE review_import (
	id        INTEGER PRIMARY KEY,
	issue     INTEGER NOT NULL REFERENCES review_issue,
	at        TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??Z'),
	importer  INTEGER NOT NULL REFERENCES label,
	sha256    TEXT NOT NULL UNIQUE,
	file      BLOB,
	signed_by INTEGER NOT NULL REFERENCES label,
	signed_on TEXT NOT NULL,
	statement INTEGER NOT NULL REFERENCES label
) STRICT;

-- A returned workbook that was refused, with every fault, as JSON.
CREATE TABLE review_attempt (
	id       INTEGER PRIMARY KEY,
	campaign INTEGER NOT NULL REFERENCES campaign,
	at       TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??Z'),
	importer INTEGER REFERENCES label,
	sha256   TEXT NOT NULL,
	size     INTEGER NOT NULL,
	faults   INTEGER NOT NULL REFERENCES label
) STRICT;

-- One verdict on one item. The newest import's counts; not-sure decides nothing.
CREATE TABLE review_decision (
	campaign   INTEGER NOT NULL,
	number     INTEGER NOT NULL,
	import     INTEGER NOT NULL REFERENCES review_import,
	verdict    TEXT NOT NULL CHECK (verdict IN ('approve', 'revoke', 'change', 'not-sure')),
	change_to  TEXT NOT NULL,
	reason     INTEGER REFERENCES label,
	reaffirmed INTEGER NOT NULL CHECK (reaffirmed IN (0, 1)),
	PRIMARY KEY (campaign, number, import),
	FOREIGN KEY (campaign, number) REFERENCES review_item
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_closing (
	campaign       INTEGER PRIMARY KEY REFERENCES campaign,
	at             TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??Z'),
	items          INTEGER NOT NULL,
	decided        INTEGER NOT NULL,
	paths          INTEGER NOT NULL,
	paths_covered  INTEGER NOT NULL,
	paths_attested INTEGER NOT NULL
) STRICT;

-- Paths that a closing left uncovered, one row for all roles of a principal by an
-- access assignment. The list may be cut, the counts of the closing are not.
CREATE TABLE campaign_uncovered (
	campaign          INTEGER NOT NULL REFERENCES campaign_closing,
	seq               INTEGER NOT NULL,
	principal         INTEGER NOT NULL REFERENCES ident,
	mapped_group      INTEGER NOT NULL REFERENCES ident,
	access_assignment INTEGER NOT NULL REFERENCES ident,
	customer          INTEGER NOT NULL REFERENCES ident,
	paths             INTEGER NOT NULL,
	missing           TEXT NOT NULL, -- JSON list of items
	PRIMARY KEY (campaign, seq)
) STRICT, WITHOUT ROWID;

-- The remediation plan. body is the action as JSON, without texts about persons.
CREATE TABLE campaign_action (
	campaign INTEGER NOT NULL REFERENCES campaign_closing,
	number   INTEGER NOT NULL,
	item     INTEGER NOT NULL,
	body     TEXT NOT NULL,
	PRIMARY KEY (campaign, number),
	FOREIGN KEY (campaign, item) REFERENCES review_item
) STRICT, WITHOUT ROWID;

-- A plan held against a later snapshot.
CREATE TABLE verification (
	id       INTEGER PRIMARY KEY,
	campaign INTEGER NOT NULL REFERENCES campaign_closing,
	snapshot INTEGER NOT NULL REFERENCES snapshot,
	at       TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??Z'),
	UNIQUE (campaign, snapshot)
) STRICT;
CREATE TABLE verification_result (
	verification INTEGER NOT NULL REFERENCES verification,
	number       INTEGER NOT NULL, -- of the action
	outcome      TEXT NOT NULL CHECK (outcome IN ('gone', 'still-there', 'came-back', 'moved', 'cannot-tell')),
	detail       TEXT NOT NULL,
	days         INTEGER NOT NULL,
	PRIMARY KEY (verification, number)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER campaign_frozen BEFORE UPDATE ON campaign
BEGIN SELECT RAISE(ABORT, 'campaign: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER campaign_kept BEFORE DELETE ON campaign
BEGIN SELECT RAISE(ABORT, 'campaign: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_seal_frozen BEFORE UPDATE ON review_seal
BEGIN SELECT RAISE(ABORT, 'review_seal: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_seal_kept BEFORE DELETE ON review_seal
BEGIN SELECT RAISE(ABORT, 'review_seal: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_item_frozen BEFORE UPDATE ON review_item
BEGIN SELECT RAISE(ABORT, 'review_item: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_item_kept BEFORE DELETE ON review_item
BEGIN SELECT RAISE(ABORT, 'review_item: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_finding_frozen BEFORE UPDATE ON review_finding
BEGIN SELECT RAISE(ABORT, 'review_finding: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_finding_kept BEFORE DELETE ON review_finding
BEGIN SELECT RAISE(ABORT, 'review_finding: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_assignment_frozen BEFORE UPDATE ON review_assignment
BEGIN SELECT RAISE(ABORT, 'review_assignment: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_assignment_kept BEFORE DELETE ON review_assignment
BEGIN SELECT RAISE(ABORT, 'review_assignment: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_issue_frozen BEFORE UPDATE ON review_issue
BEGIN SELECT RAISE(ABORT, 'review_issue: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_issue_kept BEFORE DELETE ON review_issue
BEGIN SELECT RAISE(ABORT, 'review_issue: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_issue_item_frozen BEFORE UPDATE ON review_issue_item
BEGIN SELECT RAISE(ABORT, 'review_issue_item: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_issue_item_kept BEFORE DELETE ON review_issue_item
BEGIN SELECT RAISE(ABORT, 'review_issue_item: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_import_frozen BEFORE UPDATE ON review_import
WHEN NEW.file IS NOT NULL OR NEW.id IS NOT OLD.id OR NEW.issue IS NOT OLD.issue OR NEW.at IS NOT OLD.at OR NEW.importer IS NOT OLD.importer
	OR NEW.sha256 IS NOT OLD.sha256 OR NEW.signed_by IS NOT OLD.signed_by OR NEW.signed_on IS NOT OLD.signed_on OR NEW.statement IS NOT OLD.statement
BEGIN SELECT RAISE(ABORT, 'review_import: a file is blanked or kept, never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_import_kept BEFORE DELETE ON review_import
BEGIN SELECT RAISE(ABORT, 'review_import: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_attempt_frozen BEFORE UPDATE ON review_attempt
BEGIN SELECT RAISE(ABORT, 'review_attempt: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_attempt_kept BEFORE DELETE ON review_attempt
BEGIN SELECT RAISE(ABORT, 'review_attempt: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_decision_frozen BEFORE UPDATE ON review_decision
BEGIN SELECT RAISE(ABORT, 'review_decision: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_decision_kept BEFORE DELETE ON review_decision
BEGIN SELECT RAISE(ABORT, 'review_decision: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER campaign_closing_frozen BEFORE UPDATE ON campaign_closing
BEGIN SELECT RAISE(ABORT, 'campaign_closing: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER campaign_closing_kept BEFORE DELETE ON campaign_closing
BEGIN SELECT RAISE(ABORT, 'campaign_closing: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER campaign_uncovered_frozen BEFORE UPDATE ON campaign_uncovered
BEGIN SELECT RAISE(ABORT, 'campaign_uncovered: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER campaign_uncovered_kept BEFORE DELETE ON campaign_uncovered
BEGIN SELECT RAISE(ABORT, 'campaign_uncovered: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER campaign_action_frozen BEFORE UPDATE ON campaign_action
BEGIN SELECT RAISE(ABORT, 'campaign_action: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER campaign_action_kept BEFORE DELETE ON campaign_action
BEGIN SELECT RAISE(ABORT, 'campaign_action: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER verification_frozen BEFORE UPDATE ON verification
BEGIN SELECT RAISE(ABORT, 'verification: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER verification_kept BEFORE DELETE ON verification
BEGIN SELECT RAISE(ABORT, 'verification: a recorded row is never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER verification_result_frozen BEFORE UPDATE ON verification_result
BEGIN SELECT RAISE(ABORT, 'verification_result: a recorded row is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER verification_result_kept BEFORE DELETE ON verification_result
BEGIN SELECT RAISE(ABORT, 'verification_result: a recorded row is never deleted'); END;
-- +goose StatementEnd

-- A sealed opening takes no more items, a closed campaign no more answers, a
-- sealed closing or verification no more rows.
-- +goose StatementBegin
CREATE TRIGGER review_item_sealed BEFORE INSERT ON review_item
WHEN EXISTS (SELECT 1 FROM review_seal WHERE kind = 'opening' AND ref = NEW.campaign)
BEGIN SELECT RAISE(ABORT, 'review_item: the campaign is sealed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_finding_sealed BEFORE INSERT ON review_finding
WHEN EXISTS (SELECT 1 FROM review_seal WHERE kind = 'opening' AND ref = NEW.campaign)
BEGIN SELECT RAISE(ABORT, 'review_finding: the campaign is sealed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_assignment_sealed BEFORE INSERT ON review_assignment
WHEN NEW.import = 0 AND EXISTS (SELECT 1 FROM review_seal WHERE kind = 'opening' AND ref = NEW.campaign) OR NEW.import <> 0 AND EXISTS (SELECT 1 FROM review_seal WHERE kind = 'import' AND ref = NEW.import)
BEGIN SELECT RAISE(ABORT, 'review_assignment: it is sealed already'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_issue_sealed BEFORE INSERT ON review_issue
WHEN NEW.import = 0 AND EXISTS (SELECT 1 FROM review_seal WHERE kind = 'opening' AND ref = NEW.campaign) OR NEW.import <> 0 AND EXISTS (SELECT 1 FROM review_seal WHERE kind = 'import' AND ref = NEW.import)
BEGIN SELECT RAISE(ABORT, 'review_issue: it is sealed already'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_issue_item_sealed BEFORE INSERT ON review_issue_item
WHEN EXISTS (SELECT 1 FROM review_issue i JOIN review_seal s ON i.import = 0 AND s.kind = 'opening' AND s.ref = i.campaign OR i.import <> 0 AND s.kind = 'import' AND s.ref = i.import WHERE i.id = NEW.issue)
BEGIN SELECT RAISE(ABORT, 'review_issue_item: it is sealed already'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_import_closed BEFORE INSERT ON review_import
WHEN EXISTS (SELECT 1 FROM campaign_closing c JOIN review_issue i ON i.campaign = c.campaign WHERE i.id = NEW.issue)
BEGIN SELECT RAISE(ABORT, 'review_import: the campaign is closed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER review_decision_sealed BEFORE INSERT ON review_decision
WHEN EXISTS (SELECT 1 FROM review_seal WHERE kind = 'import' AND ref = NEW.import) OR EXISTS (SELECT 1 FROM campaign_closing WHERE campaign = NEW.campaign)
BEGIN SELECT RAISE(ABORT, 'review_decision: the import is sealed or the campaign closed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER campaign_uncovered_sealed BEFORE INSERT ON campaign_uncovered
WHEN EXISTS (SELECT 1 FROM review_seal WHERE kind = 'closing' AND ref = NEW.campaign)
BEGIN SELECT RAISE(ABORT, 'campaign_uncovered: the closing is sealed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER campaign_action_sealed BEFORE INSERT ON campaign_action
WHEN EXISTS (SELECT 1 FROM review_seal WHERE kind = 'closing' AND ref = NEW.campaign)
BEGIN SELECT RAISE(ABORT, 'campaign_action: the closing is sealed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER verification_result_sealed BEFORE INSERT ON verification_result
WHEN EXISTS (SELECT 1 FROM review_seal WHERE kind = 'verification' AND ref = NEW.verification)
BEGIN SELECT RAISE(ABORT, 'verification_result: the verification is sealed'); END;
-- +goose StatementEnd
