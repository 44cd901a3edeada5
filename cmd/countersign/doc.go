// Countersign shows who of a managed service provider could do what in which
// customer's tenant, through which chain, was it used, what for, should it stay,
// who decided that, and was the decision carried out.
//
// This is the program: one file a command, each of them thin. It is the only
// place for flags, the environment, exit codes and the clock; what a command does
// stands in the rooms below.
package main
