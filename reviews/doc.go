// Package reviews runs campaigns: the edges of the access graph become items,
// each is given to somebody independent, the answers come back as attestations,
// and what was decided is turned into a plan and later proven by a snapshot.
//
// It reads sealed snapshots through the store's views and writes its own tables,
// which take additions alone. No network, no files, no clock: the bytes of a
// returned workbook, what it says and every instant are handed in.
//
// It promises that nobody decides on own access, that an access path counts as
// covered only when each of its edges was decided, that an item without anybody
// independent is listed as unassigned, and that every seal it appends can be
// derived again from the stored rows (Check). Names of persons stand in no table
// of its own but as labels: they are read from the snapshot.
package reviews
