package auth

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseResults(t *testing.T) {
	r := func(method, value string, props ...string) result {
		p := map[string]string{}
		for i := 0; i < len(props); i += 2 {
			p[props[i]] = props[i+1]
		}
		return result{method, value, p}
	}
	for field, want := range map[string][]result{
		"mx.acme.example; none":                                                 nil,
		"mx.acme.example 1; none":                                               nil,
		"mx.acme.example 1 (c) ; none (c);":                                     nil,
		"\"mx.acme.example\"; none":                                             nil,
		"mx.acme.example; SPF=Pass smtp.MailFrom=a.example":                     {r("spf", "pass", "smtp.mailfrom", "a.example")},
		"mx.acme.example;dkim=pass;spf=fail":                                    {r("dkim", "pass"), r("spf", "fail")},
		"mx.acme.example; dkim/1=pass header.d=a.example":                       {r("dkim", "pass", "header.d", "a.example")},
		"mx.acme.example; dkim = pass header (x) . (y) d = (z) a.example":       {r("dkim", "pass", "header.d", "a.example")},
		"(a (nested \\) ; \"q) b) mx.acme.example(c); (d) spf(e)=(f)pass(g)":    {r("spf", "pass")},
		"mx.acme.example; dkim=pass reason=\"good; dmarc=pass\" header.i=@a.b":  {r("dkim", "pass", "reason", "good; dmarc=pass", "header.i", "@a.b")},
		"mx.acme.example; spf=pass smtp.mailfrom=\"a; b \\\" c\"@d.example":     {r("spf", "pass", "smtp.mailfrom", "a; b \" c@d.example")},
		"mx.acme.example; spf=none smtp.mailfrom=; dkim=none":                   {r("spf", "none", "smtp.mailfrom", ""), r("dkim", "none")},
		"mx.acme.example; spf=pass smtp.mailfrom=<a@b.example>":                 {r("spf", "pass", "smtp.mailfrom", "<a@b.example>")},
		"mx.acme.example; dkim=pass (2048-bit key) header.b=Ab+/9= x-bits=2048": {r("dkim", "pass", "header.b", "Ab+/9=", "x-bits", "2048")},
		"mx.acme.example; dmarc=pass(p=REJECT) header.from=a.example;":          {r("dmarc", "pass", "header.from", "a.example")},
		"mx.acme.example; x-tls=pass smtp.bits=256/256 policy.is_org=yes":       {r("x-tls", "pass", "smtp.bits", "256/256", "policy.is_org", "yes")},
	} {
		id, results, err := parseResults(field)
		if err != nil || id != "mx.acme.example" {
			t.Errorf("%s: id %q, %v", field, id, err)
		}
		if diff := cmp.Diff(want, results, cmp.AllowUnexported(result{})); diff != "" {
			t.Errorf("%s:\n%s", field, diff)
		}
	}
}

func TestParseResultsRefuses(t *testing.T) {
	for _, field := range []string{
		"", ";", "mx.acme.example", "mx.acme.example 2; none", "mx.acme.example 1 1; none", "mx.acme.example spf=pass",
		"mx.acme.example; none; spf=pass", "mx.acme.example; none spf=pass", "mx.acme.example; spf=pass; none",
		"mx.acme.example; spf", "mx.acme.example; spf=", "mx.acme.example; =pass", "mx.acme.example; spf=pass;=",
		"mx.acme.example; spf=pass(unclosed", "mx.acme.example; (spf=pass", "mx.acme.example; spf=pass) dkim=pass",
		`mx.acme.example; spf=pass reason="unclosed`, `mx.acme.example; spf=pass reason="x\`, `"mx.acme.example; none`,
		`mx.acme.example; spf=pass reason="x"y`, `mx.acme.example; spf=pass smtp.mailfrom=a"b`, `mx.acme.example; spf="pass"`,
		"mx.acme.example; dmarc=pass@evil.example", "mx.acme.example; spf=pass smtp.mailfrom=x y@a.example",
		"mx.acme.example; spf=pass smtp.=a", "mx.acme.example; spf=pass .mailfrom=a", "mx.acme.example; dkim/2=pass",
		"mx.acme.example; dmarc=pass header.from=a.example header.from=b.example", "mx.acme.example; spf=pass smtp.mailfrom=a\\;b",
		"mx.acme.example; spf=pass\x00", "mx.acme.example; spf=pаss",
	} {
		if _, results, err := parseResults(field); err == nil {
			t.Errorf("%q was read as %v", field, results)
		}
	}
}

func FuzzParseResults(f *testing.F) {
	for _, seed := range []string{
		"mx.acme.example; none", `mx.acme.example 1; dkim=pass (a(b)) reason="x;y" header.d=a.example; spf=fail smtp.mailfrom="q;"@b.example`,
		`mx.acme.example; dmarc=pass header.from=a.example (`, "((((", `"`, `a;b/1=c d.e.f=`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		id, results, err := parseResults(field)
		if named, ok := authserv(field); err == nil && (!ok || named != id) {
			t.Errorf("parsed as by %q, attributed to %q (%v)", id, named, ok)
		}
		// A quoted string may hold anything and must not change what is around it.
		_, again, err2 := parseResults(field + `; x-fuzz=pass reason="; dmarc=pass ("`)
		if err == nil && len(results) > 0 && (err2 != nil || len(again) != len(results)+1) {
			t.Errorf("%d results and one more are %d: %v", len(results), len(again), err2)
		}
		for _, r := range results {
			if r.method == "" || r.value == "" {
				t.Errorf("empty result among %v", results)
			}
		}
	})
}
