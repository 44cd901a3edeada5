// Package standing asks who holds access all the time instead of just in time.
package standing
