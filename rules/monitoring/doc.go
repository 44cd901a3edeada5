// Package monitoring asks how access was used.
package monitoring
