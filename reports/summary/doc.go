// Package summary renders a customer's access summary from one value: as PDF
// for the customer, as text for terminals, comparison and tests.
//
// Values in, bytes out: it opens no file (its fonts are embedded), store or
// connection, reads no clock, and imports no other package of this program.
// Both renderings are made from the same blocks, so that they cannot tell two
// stories. What the value leaves out is said to be unknown, never shown as
// nothing. Equal values give equal bytes; any text gives a document. Where the
// fonts have no letter of a person's name the PDF gives the account instead, and
// marks other characters they lack; the text is whole.
package summary
