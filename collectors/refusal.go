package collectors

import (
	"errors"

	"countersign/collectors/graph"
)

// said is what a service said, of an error that is its own; of any other it is nothing.
func said(err error) graph.Error {
	if e := (*graph.Error)(nil); errors.As(err, &e) {
		return *e
	}
	return graph.Error{}
}

// shutOut reports that there is no service to speak of, or no token for the tenant:
// asking for everything else would only repeat that, for hours.
func shutOut(err error) bool {
	e := said(err)
	unanswered := e.Reason != "" && e.Reason != graph.Throttled && e.Status == 0
	return unanswered || e.Reason == graph.Unauthorized || e.Reason == graph.NoConsent
}

// refusesAll reports that the app may not read a log, or the tenant has none: the next
// window would be answered alike.
func refusesAll(err error) bool {
	reason := said(err).Reason
	return reason == graph.NotPermitted || reason == graph.NoConsent || reason == graph.NotLicensed
}

func notFound(err error) bool { return said(err).Reason == graph.NotFound }

// unlicensed reports that a list was refused before its first page because the tenant
// lacks the licence for it.
func unlicensed(err error) bool {
	e := said(err)
	return e.Reason == graph.NotLicensed && e.Page <= 1
}

// optionRefused reports that a list was refused before its first page for how it was
// asked, so that it may be asked otherwise.
func optionRefused(err error) bool {
	e := said(err)
	return e.Status == 400 && e.Reason == graph.Rejected && e.Page <= 1
}

// foreignTenant reports Azure's answer of a subscription whose tenant delegates nothing
// to the one that the token is of.
func foreignTenant(err error) bool {
	e := said(err)
	return e.Reason == graph.Unauthorized && e.Code == "InvalidAuthenticationTokenTenant"
}
