// Package term asks about GDAP relationships: what they allow, how long they
// last, whether anybody was given access under them.
package term
