// Package workbook writes the spreadsheet a reviewer fills in and reads it back.
//
// Values in, bytes out: it knows no clock, store, file or network. Write and
// Read share one list of columns, so that what is issued and what is expected
// back cannot drift apart. Equal books give equal bytes.
//
// Protection, hidden columns and drop-downs help the reviewer and secure
// nothing. What is trusted on the way back is the comparison with the rows that
// were issued: a returned file is taken over whole, or refused with a complete
// list of faults. Excelize writes the file; the reader goes over the parts
// itself, in one strict pass, so that what was checked is what is read.
package workbook
