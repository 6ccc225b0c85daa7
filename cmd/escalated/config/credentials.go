package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Credentials are how we log in: by exactly one of PasswordFile, PasswordEnv
// and OAuth2, or, to a relay, not at all.
type Credentials struct {
	Username     string  `yaml:"username"`                // required with any of the others
	PasswordFile string  `yaml:"password_file" is:"path"` // its content without the last line end
	PasswordEnv  string  `yaml:"password_env" is:"env"`   // the name of an environment variable
	OAuth2       *OAuth2 `yaml:"oauth2"`                  // default nil: a password
}

// OAuth2 is how to get access tokens (RFC 6749 §6).
type OAuth2 struct {
	TokenURL         string   `yaml:"token_url" is:"url"`           // required
	ClientID         string   `yaml:"client_id" is:"filled"`        // required
	ClientSecretFile string   `yaml:"client_secret_file" is:"path"` // default "": a public client
	Scopes           []string `yaml:"scopes" is:"filled"`           // default: none asked for
	RefreshTokenFile string   `yaml:"refresh_token_file" is:"path"` // default "": the client's own credentials (RFC 6749 §4.4)
}

// None reports that no way to log in is given.
func (c Credentials) None() bool {
	return c.Username == "" && c.PasswordFile == "" && c.PasswordEnv == "" && c.OAuth2 == nil
}

// Secret reads the password at each call, so that a changed one counts at the
// next login. It is "" where there is none to read. Its errors say what to do
// and never hold the secret.
func (c Credentials) Secret() (string, error) {
	switch {
	case c.PasswordFile != "":
		return readSecret(c.PasswordFile)
	case c.PasswordEnv != "":
		secret := os.Getenv(c.PasswordEnv)
		if secret == "" {
			return "", fmt.Errorf("the environment variable %s is unset or empty; set it for this service", c.PasswordEnv)
		}
		return secret, nil
	}
	return "", nil
}

// ClientSecret reads ClientSecretFile as [Credentials.Secret] does.
func (o *OAuth2) ClientSecret() (string, error) { return readSecret(o.ClientSecretFile) }

// RefreshToken reads RefreshTokenFile as [Credentials.Secret] does.
func (o *OAuth2) RefreshToken() (string, error) { return readSecret(o.RefreshTokenFile) }

// readSecret is the content of a file without the last line end; "" for no file.
func readSecret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	data, err := readFile(path, 64<<10)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if secret == "" {
		return "", fmt.Errorf("%s is empty; write the secret into it", path)
	}
	if strings.ContainsAny(secret, "\r\n\x00") {
		return "", fmt.Errorf("%s has more than one line; it must hold the secret and nothing else", path)
	}
	return secret, nil
}

// readFile reads a regular file of at most so many octets. Its errors name the
// file and say what to do.
func readFile(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s: %w; create it or correct the path", path, os.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be looked at; correct the path or its folder's permissions: %w", path, errors.Unwrap(err))
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder; name a file", path)
	case info.Size() > most:
		return nil, fmt.Errorf("%s is larger than the %d octets it may have; is it the right file?", path, most)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read; let the user this runs as read it: %w", path, errors.Unwrap(err))
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return data, nil
}

// checkCA wants at least one certificate in a PEM file.
func checkCA(path string) error {
	data, err := readFile(path, 4<<20)
	if err == nil && !x509.NewCertPool().AppendCertsFromPEM(data) {
		err = fmt.Errorf("%s holds no certificate; it must be PEM, with BEGIN CERTIFICATE in it", path)
	}
	return err
}
