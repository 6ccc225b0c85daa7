package config

import (
	"net/url"
	"slices"
	"strings"
)

// oauth2 wants an endpoint, a client, and something that proves who asks, in
// the form that the two large providers insist on.
func (r *report) oauth2(path string, o *OAuth2) {
	r.need(path+".token_url", o.TokenURL == "", "write where your provider gives out tokens, as in https://login.acme.example/token")
	r.need(path+".client_id", o.ClientID == "", "write the id your provider gave this client")
	if o.RefreshTokenFile != "" || r.refused[path+".refresh_token_file"] {
		return
	}
	if o.ClientSecretFile == "" {
		r.refuse(path+".client_secret_file", "%s has neither `refresh_token_file` nor `client_secret_file`, so nothing proves who asks; name the file with the refresh token, or for the client's own credentials the one with its secret", name(path))
		return
	}
	switch provider(o.TokenURL) {
	case "Google":
		r.refuse(path+".refresh_token_file", "%s is missing; Google gives no tokens for a client's own credentials: name the file with the refresh token of the mailbox's account", name(path+".refresh_token_file"))
	case "Microsoft":
		other := func(scope string) bool { return !strings.HasSuffix(scope, "/.default") }
		if len(o.Scopes) == 0 || slices.ContainsFunc(o.Scopes, other) {
			r.refuse(path+".scopes", "%s: without a refresh token Microsoft wants the one scope that stands for all of the client's permissions; write [https://outlook.office365.com/.default]", name(path+".scopes"))
		}
	}
}

// provider names whose endpoint it is, where that matters.
func provider(tokenURL string) string {
	u, err := url.Parse(tokenURL)
	if err != nil {
		return ""
	}
	switch host := strings.ToLower(u.Hostname()); {
	case host == "oauth2.googleapis.com", host == "accounts.google.com", host == "www.googleapis.com":
		return "Google"
	case host == "login.microsoftonline.com":
		return "Microsoft"
	}
	return ""
}
