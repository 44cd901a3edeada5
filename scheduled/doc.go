// Package scheduled decides what is due and runs it: which window of which job was
// done stands in the store, so that a window missed while the machine was off
// still runs, and none runs twice.
//
// It is the only user of gocron, which gives the ticks and reads cron
// expressions; what is due is computed from the store alone. One file a job: its
// comment states what the job promises. What a job does is handed in, the same
// function that the command of that name calls.
package scheduled
