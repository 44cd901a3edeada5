// Package leastprivilege asks whether anybody was given more than the work needs.
package leastprivilege
