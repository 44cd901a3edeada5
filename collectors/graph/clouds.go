package graph

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Endpoints are the base URLs of one cloud: scheme, host and port, no path. Empty:
// not offered there.
type Endpoints struct{ Graph, Login, ARM, PartnerCenter string }

// clouds: https://learn.microsoft.com/graph/deployments (Graph, login), the resource
// manager endpoints of azcore's cloud package (ARM) and
// https://learn.microsoft.com/partner-center/developer/partner-center-rest-urls,
// which names one host for commercial and US Government partners and none for DoD.
var clouds = map[string]Endpoints{
	"global": {"https://graph.microsoft.com", "https://login.microsoftonline.com", "https://management.azure.com",
		"https://api.partnercenter.microsoft.com"},
	"usgov": {"https://graph.microsoft.us", "https://login.microsoftonline.us", "https://management.usgovcloudapi.net",
		"https://api.partnercenter.microsoft.com"},
	"usgov-dod": {"https://dod-graph.microsoft.us", "https://login.microsoftonline.us", "https://management.usgovcloudapi.net", ""},
	"china": {"https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn",
		"https://partner.partnercenterapi.microsoftonline.cn"},
}

// CloudEndpoints gives the endpoints of global (also ""), usgov, usgov-dod or china.
func CloudEndpoints(cloud string) (Endpoints, error) {
	if cloud == "" {
		cloud = "global"
	}
	e, ok := clouds[cloud]
	if !ok {
		return Endpoints{}, fmt.Errorf("cloud %q is not global, usgov, usgov-dod or china", cloud)
	}
	return e, nil
}

// Override gives e with the non-empty fields of with in place of its own. Each
// must be an https base URL, or http on a loopback address.
func (e Endpoints) Override(with Endpoints) (Endpoints, error) {
	for _, f := range []struct {
		name string
		to   *string
		from string
	}{{"graph", &e.Graph, with.Graph}, {"login", &e.Login, with.Login}, {"arm", &e.ARM, with.ARM}, {"partner_center", &e.PartnerCenter, with.PartnerCenter}} {
		if f.from == "" {
			continue
		}
		u, err := baseURL(f.from)
		if err != nil {
			return Endpoints{}, fmt.Errorf("endpoints.%s: %w", f.name, err)
		}
		*f.to = u.String()
	}
	return e, nil
}

// baseURL parses a base URL that a credential may be sent to.
func baseURL(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not a URL", text)
	case u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("%q is not a base URL of scheme and host alone", text)
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u)):
		return nil, fmt.Errorf("%q must be https; plain http is for loopback addresses only", text)
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return strings.EqualFold(u.Hostname(), "localhost") || ip != nil && ip.IsLoopback()
}
