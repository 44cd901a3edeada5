-- +goose Up

-- Which window of which scheduled job was settled, and how: done, failed (tried
-- again at the next tick) or missed (too late to be caught up).
CREATE TABLE schedule_window (
	job     TEXT NOT NULL,
	due     TEXT NOT NULL CHECK (due GLOB '????-??-??T??:??:??Z'),
	state   TEXT NOT NULL CHECK (state IN ('done', 'failed', 'missed')),
	settled TEXT NOT NULL CHECK (settled GLOB '????-??-??T??:??:??Z'),
	tries   INTEGER NOT NULL,
	note    TEXT NOT NULL,
	PRIMARY KEY (job, due)
) STRICT, WITHOUT ROWID;
