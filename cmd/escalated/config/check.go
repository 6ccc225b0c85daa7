package config

import (
	"fmt"
	"os"
	"runtime"
)

// Check reads every file and variable that a running service needs and
// contacts nobody. The error is of type [Mistakes].
func (c *Config) Check() error {
	found := newReport()
	if c.found != nil { // nil in a Config that no file was read for
		found.places = c.found.places
	}
	c.checkFiles(found)
	return found.err()
}

func (c *Config) checkFiles(r *report) {
	r.secrets("mailbox", c.Mailbox.Credentials)
	r.authority("mailbox.ca_file", c.Mailbox.CAFile)
	r.secrets("smtp", c.SMTP.Credentials)
	r.authority("smtp.ca_file", c.SMTP.CAFile)
	for i, relay := range c.SMTP.Fallback {
		path := fmt.Sprintf("smtp.fallback[%d]", i)
		if !relay.inherits {
			r.secrets(path, relay.Credentials)
		}
		r.authority(path+".ca_file", relay.CAFile)
	}
	if c.Templates != "" {
		if info, err := os.Stat(c.Templates); err != nil || !info.IsDir() {
			r.refuse("templates", "`templates`: %s is not a folder that can be read; create it, or take the line out", c.Templates)
		}
	}
}

// secrets tries to read whatever a way to log in is made of.
func (r *report) secrets(path string, c Credentials) {
	key := path + ".password_file"
	if c.PasswordEnv != "" {
		key = path + ".password_env"
	}
	if _, err := c.Secret(); err != nil {
		r.refuse(key, "%s: %v", name(key), err)
	}
	if c.OAuth2 == nil {
		return
	}
	if _, err := c.OAuth2.ClientSecret(); err != nil {
		r.refuse(path+".oauth2.client_secret_file", "%s: %v", name(path+".oauth2.client_secret_file"), err)
	}
	if _, err := c.OAuth2.RefreshToken(); err != nil {
		r.refuse(path+".oauth2.refresh_token_file", "%s: %v", name(path+".oauth2.refresh_token_file"), err)
	}
}

// authority reads a CA file, where the file names one here.
func (r *report) authority(path, file string) {
	if file == "" || !r.given(path) {
		return
	}
	if err := checkCA(file); err != nil {
		r.refuse(path, "%s: %v", name(path), err)
	}
}

// Warnings are what is worth saying at every start: settings that are allowed
// and weaken a promise.
func (c *Config) Warnings() []string {
	var warnings []string
	warn := func(when bool, format string, args ...any) {
		if when {
			warnings = append(warnings, fmt.Sprintf(format, args...))
		}
	}
	warn(c.Trust.InsecureFromOnly, "trust.insecure_from_only is true: whoever writes an agent's address into From can command this service; set trust.authserv_id instead")
	warn(c.Trust.AuthservID == "", "trust.authserv_id is empty: no mail counts as authenticated, agents' commands need a reply token or a confirmation")
	warn(!c.Trust.SubAddress, "trust.subaddress is false: replies and bounces are recognised by their references only, which some relays rewrite")
	warn(c.SMTP.RedirectTo != "", "smtp.redirect_to is set: customers get no mail, all of it goes to %s", c.SMTP.RedirectTo)
	warn(c.Mailbox.Server.Insecure(), "mailbox.server is %s: not encrypted, for this machine only", c.Mailbox.Server)
	warn(c.SMTP.Server.Insecure(), "smtp.server is %s: not encrypted, for this machine only", c.SMTP.Server)
	for _, file := range c.secretFiles() {
		warn(exposed(file), "%s can be read by every user of this machine; chmod it 0600", file)
	}
	strangers := c.strangeCSMs()
	warn(strangers > 0, "%d of the customers name a csm who is not in people: they are told of nothing", strangers)
	return warnings
}

// secretFiles are all files that hold a secret, each once.
func (c *Config) secretFiles() []string {
	var files []string
	seen := map[string]bool{"": true}
	add := func(file string) {
		if !seen[file] {
			files = append(files, file)
		}
		seen[file] = true
	}
	accounts := []Credentials{c.Mailbox.Credentials, c.SMTP.Credentials}
	for _, relay := range c.SMTP.Fallback {
		accounts = append(accounts, relay.Credentials)
	}
	for _, account := range accounts {
		add(account.PasswordFile)
		if account.OAuth2 != nil {
			add(account.OAuth2.ClientSecretFile)
			add(account.OAuth2.RefreshTokenFile)
		}
	}
	add(c.Trust.KeyFile)
	return files
}

// exposed reports a file that others may read. Windows has no such bits.
func exposed(file string) bool {
	info, err := os.Stat(file)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0
}

// strangeCSMs counts the customers whose csm is none of ours.
func (c *Config) strangeCSMs() int {
	people, strangers := c.Directory(), 0
	for _, customer := range c.Customers {
		if _, ours := people.Person(customer.CSM); customer.CSM != "" && !ours {
			strangers++
		}
	}
	return strangers
}
