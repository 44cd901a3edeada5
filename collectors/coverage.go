package collectors

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
)

// judge says how much of a part was seen, from what ended its collection, and words
// the reason. ours: the trouble is not the service's. Reasons are sealed, so they
// hold no request-id, no number of tries and no address.
func judge(err error, from Source, some bool) (state snapshot.State, reason string, ours bool) {
	var said *graph.Error
	var row *rowError
	var shrunk *shrunkError
	var shut *shutError
	var notShown *notShownError
	hidden := errors.Is(err, errHidden)
	switch {
	case err == nil:
		return snapshot.Complete, "", false
	case errors.As(err, &shrunk):
		return snapshot.Partial, shrunk.Error(), false
	case errors.As(err, &shut):
		return snapshot.Failed, shut.Error(), false
	case hidden:
		return snapshot.NotPermitted, errHidden.Error() + ": the list comes empty; the app needs the application permission Member.Read.Hidden beside " + from.Permission, false
	case errors.Is(err, errRestart):
		return snapshot.Partial, errRestart.Error() + "; collect again when less is changed in the tenant", false
	case errors.As(err, &row):
		return snapshot.Partial, "a row cannot be read: " + row.Error() + "; nothing of the list was kept: collect again, or with a newer version", false
	case !errors.As(err, &said):
		return "", "", true
	}
	words := wording(said)
	if errors.As(err, &notShown) {
		return snapshot.NotPermitted, words + "; the subscription was delegated and is not shown any more: ask the customer, and collect with --accept-shrink if the delegation has ended", false
	}
	switch said.Reason {
	case graph.NotPermitted:
		return snapshot.NotPermitted, words + "; " + from.cure(), false
	case graph.NoConsent:
		return snapshot.NotPermitted, words + "; an administrator of this tenant must consent to the app: send them to https://login.microsoftonline.com/organizations/adminconsent?client_id= with the app's id; " + otherClouds, false
	case graph.NotLicensed:
		return snapshot.NotLicensed, words + "; the tenant lacks the licence that Microsoft asks for here: " + cmp.Or(from.Licence, "Microsoft Entra ID P1 or P2") + "; buy it for this tenant, or do without", false
	case graph.NotFound:
		return snapshot.Partial, words + "; it went away while the snapshot was taken, or may not be seen: collect again", false
	case graph.Unauthorized:
		words += "; the credential no longer holds: check it with doctor"
	case graph.Untrusted:
		words += "; the server's certificate or its TLS is not accepted: look at the clock, and at the proxy that stands between"
	case graph.Throttled, graph.Broken:
		words += "; the service was in trouble: collect again later"
	default:
		words += "; the service does not answer as Microsoft documents it: collect again later, or with a newer version"
	}
	if some {
		return snapshot.Partial, words, false
	}
	return snapshot.Failed, words, false
}

// otherClouds are the login servers of those that are not the global one.
// https://learn.microsoft.com/graph/deployments
const otherClouds = "the host is login.microsoftonline.us in the clouds of the US Government, login.chinacloudapi.cn in China"

// wording is what an error says, without what differs from one try to the next.
// Messages of an unanswered request name addresses, and those of Graph may hold
// times and ids; what we say ourselves of an answer that came does not.
func wording(e *graph.Error) string {
	words := []string{string(e.Reason)}
	if e.Page > 1 {
		words = append(words, fmt.Sprintf("page %d", e.Page))
	}
	if e.Status == 0 && e.Reason == graph.Broken {
		words = append(words, "no answer came")
	}
	if e.Status != 0 {
		words = append(words, strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, e.Code)))
	}
	if e.Status == 200 && e.Code == "" {
		words = append(words, e.Message)
	}
	return strings.Join(words, ": ")
}
