package graph

// SafeTransport is the transport of the program, for tests that meet it.
var SafeTransport = safeTransport
