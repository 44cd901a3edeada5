// Package people asks about the accounts that hold access: whether they should
// still be there and still are somebody's.
package people
