// Package reports gathers the value of each document from the views of one sealed
// snapshot and from a campaign, hands it to the folders below for rendering, and
// puts the files where they belong.
//
// It reads no clock and no network and decides no layout. A value for one
// customer is built from that customer's evidence alone: what would name another
// customer is left out or masked here, before anything is rendered.
package reports
