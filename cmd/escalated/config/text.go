package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/language"
)

// checkText holds text against a rule and returns it in its one spelling.
func checkText(rule, text string) (string, error) {
	switch rule {
	case "address":
		return checkAddress(text)
	case "domain":
		return checkDomain(text)
	case "path":
		return text, checkPath(text)
	case "env":
		return text, checkVariable(text)
	case "url":
		return text, checkURL(text)
	case "listen":
		return text, checkListen(text)
	case "language":
		return checkLanguage(text)
	case "filled":
		if strings.TrimSpace(text) == "" {
			return text, errors.New("is empty; fill it in, or take the line out")
		}
	}
	return text, nil
}

// checkAddress wants a bare addr-spec (RFC 5322 §3.4.1) and writes its domain small.
func checkAddress(text string) (string, error) {
	parsed, err := mail.ParseAddress(text)
	if err == nil && parsed.Address != text {
		return "", fmt.Errorf("%s is more than an address; write only %s", quote(text), parsed.Address)
	}
	cut := strings.LastIndex(text, "@")
	if err != nil || cut < 0 || len(text) > 254 {
		return "", fmt.Errorf("%s is not a mail address; write it as name@host.example", quote(text))
	}
	domain, err := checkDomain(text[cut+1:])
	if err != nil {
		return "", fmt.Errorf("%s is not a mail address: %w", quote(text), err)
	}
	return text[:cut+1] + domain, nil
}

// checkDomain wants a host name (RFC 1123 §2.1; other scripts' letters too).
func checkDomain(text string) (string, error) {
	if after, found := strings.CutPrefix(text, "@"); found {
		return "", fmt.Errorf("%s begins with @; write only %s", quote(text), clip(after))
	}
	domain := strings.ToLower(text)
	for label := range strings.SplitSeq(domain, ".") {
		odd := strings.IndexFunc(label, func(c rune) bool {
			return c != '-' && c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c)
		})
		if label == "" || odd >= 0 || strings.HasPrefix(label, "-") || len(label) > 63 {
			return "", fmt.Errorf("%s is not a domain; write it as northwind.example", quote(text))
		}
	}
	return domain, nil
}

func checkPath(text string) error {
	switch {
	case strings.Contains(text, "${") || strings.HasPrefix(text, "$"):
		return fmt.Errorf("%s holds a variable, and none is expanded here; write the path out", quote(text))
	case strings.HasPrefix(text, "~"):
		return fmt.Errorf("%s begins with ~, which only shells know; write the path out", quote(text))
	}
	return nil
}

func checkVariable(text string) error {
	if inner := strings.Trim(text, "${}"); inner != text {
		return fmt.Errorf("%s is not the name of a variable; write only %s", quote(text), clip(inner))
	}
	bad := strings.ContainsFunc(text, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	})
	if bad || text[0] >= '0' && text[0] <= '9' {
		// What stands here may be the secret itself: don't repeat it.
		return errors.New("this is not the name of an environment variable; write its name, not its value")
	}
	return nil
}

// checkURL wants https, or http to this machine.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsFunc(text, unicode.IsSpace) {
		return errors.New("this is not a web address; write it as https://portal.acme.example/ without user and password")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return fmt.Errorf("%s is not safe; write https:// in front (http:// serves for this machine only)", quote(u.Redacted()))
	}
	return nil
}

func checkListen(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%s is not an address to listen on; write host:port as in 127.0.0.1:9099, or \"\" for none", quote(text))
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%s is not a port; write a number up to 65535", quote(port))
	}
	return nil
}

func checkLanguage(text string) (string, error) {
	tag, err := language.Parse(text)
	if err != nil {
		return "", fmt.Errorf("%s is not a language; write its code, such as en, de or pt-BR", quote(text))
	}
	return tag.String(), nil
}
