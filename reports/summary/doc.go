// Package summary renders a customer's access summary from one value: as PDF
// for the customer, as text for terminals, comparison and tests.
//
// Values in, bytes out: it opens no file (its fonts are embedded), store or
// connection, reads no clock, and imports no other package of this program.
// Both renderings are made from the same blocks, so that they cannot tell two
// stories. What the value leaves out is said to be unknown, never shown as
// nothing. Equal values give equal bytes; any text gives a document. Names in
// scripts its fonts do not cover are marked in the PDF, whole in the text.
package summary
