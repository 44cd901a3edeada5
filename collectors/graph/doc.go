// Package graph is the only door to Microsoft Graph and its neighbours, Azure
// Resource Manager and Partner Center: tokens, paging, batching, retries and
// throttling.
//
// It may touch the network and a clock that is handed in; it knows no SQL and no
// rule. It promises that
//   - nothing but a GET, or a $batch of GETs, can leave (and the token request
//     of a credential);
//   - a bearer token goes to the configured origin only: a nextLink or redirect
//     that leads elsewhere is refused and no request is sent there;
//   - a list ends without error only if its last page was seen whole;
//   - every wait ends when the context does, and every request has a last try;
//   - no token or secret stands in an error, a log line or a printed value.
package graph
