-- +goose Up

-- By how many seconds the clock that dated a snapshot was ahead of the service's: 0 where
-- that is too little to matter, NULL where it was not measured, as of exports and of
-- snapshots before this. What is not 0 stands in the snapshot's record too, so that those
-- sealed before it give their hashes as they did.
ALTER TABLE snapshot ADD COLUMN skew INTEGER;

DROP VIEW sealed_snapshot;
CREATE VIEW sealed_snapshot AS
SELECT s.id, s.at, (SELECT value FROM ident WHERE ident.id = s.tenant) AS tenant, s.request, l.seq AS seal, l.hash, s.skew
FROM   snapshot s
JOIN   seal l ON l.seq = s.seal
WHERE  s.state = 'sealed';
