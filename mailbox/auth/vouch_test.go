package auth

import (
	"strings"
	"testing"

	"github.com/id8labs/escalated/mailbox"
)

var trust = Trust{
	AuthservID: "mx.acme.example",
	Own:        []string{"escalations@acme.example", "urgent@acme.example"},
	Host:       "acme.example",
}

const (
	ours     = "Authentication-Results: mx.acme.example; "
	border   = "Received: from mail.a.example (mail.a.example [203.0.113.9]) by mx1.acme.example (Postfix) with ESMTPS id 1; Mon, 1 Jun 2026 10:00:00 +0000\n"
	lmtp     = "Received: from mx1.acme.example by imap.hoster.example (Dovecot) with LMTP id 2; Mon, 1 Jun 2026 10:00:01 +0000\n"
	stranger = "Received: from pc.a.example by mail.a.example with ESMTPA id 3; Mon, 1 Jun 2026 09:59:59 +0000\n"
	from     = "From: Ann <ann@a.example>\n"
	dmarc    = ours + "dmarc=pass header.from=a.example\n"
	nodmarc  = ours + "dmarc=none header.from=a.example\n"
)

func TestAuthenticated(t *testing.T) {
	const pass, fail, none = mailbox.Pass, mailbox.Fail, mailbox.None
	for name, test := range map[string]struct {
		want   mailbox.Result
		header string
	}{
		// What the methods say.
		"dmarc pass":                      {pass, dmarc + border + from},
		"dmarc fail":                      {fail, ours + "dmarc=fail header.from=a.example\n" + from},
		"dmarc fail, spf aligned":         {fail, ours + "dmarc=fail header.from=a.example; spf=pass smtp.mailfrom=a.example\n" + from},
		"dmarc pass, spf and dkim fail":   {pass, ours + "spf=fail smtp.mailfrom=x@b.example; dkim=fail header.d=a.example; dmarc=pass header.from=a.example\n" + from},
		"dmarc none, nothing else":        {none, nodmarc + from},
		"dmarc for another":               {none, ours + "dmarc=pass header.from=b.example\n" + from},
		"dmarc for another, dkim aligned": {none, ours + "dmarc=pass header.from=b.example; dkim=pass header.d=a.example\n" + from},
		"dmarc for another, spf fails":    {none, ours + "dmarc=pass header.from=b.example; spf=fail smtp.mailfrom=a.example\n" + from},
		"dmarc for a sub-domain":          {none, ours + "dmarc=pass header.from=mail.a.example\n" + from},
		"dmarc for whom":                  {none, ours + "dmarc=pass\n" + from},
		"dmarc for whom, dkim says":       {pass, ours + "dmarc=pass; dkim=pass header.d=a.example\n" + from},
		"dmarc temporary error":           {none, ours + "dmarc=temperror header.from=a.example; spf=pass smtp.mailfrom=a.example\n" + from},
		"dmarc case":                      {pass, ours + "DMARC=PASS Header.From=A.Example\n" + from},
		"dmarc trailing dot":              {pass, ours + "dmarc=pass header.from=a.example.\n" + from},
		"spf aligned":                     {pass, ours + "spf=pass smtp.mailfrom=ann@a.example\n" + from},
		"spf aligned, bare domain":        {pass, ours + "spf=pass smtp.mailfrom=a.example\n" + from},
		"spf aligned, relaxed":            {pass, ours + "spf=pass smtp.mailfrom=x@bounces.a.example\n" + from},
		"spf aligned, angle brackets":     {pass, ours + "spf=pass smtp.mailfrom=<ann@a.example>\n" + from},
		"spf aligned, dmarc none":         {pass, nodmarc[:len(nodmarc)-1] + "; spf=pass smtp.mailfrom=a.example\n" + from},
		"spf of another":                  {none, ours + "spf=pass smtp.mailfrom=b.example\n" + from},
		"spf of an ending":                {none, ours + "spf=pass smtp.mailfrom=evil-a.example\n" + from},
		"spf of the helo":                 {none, ours + "spf=pass smtp.helo=a.example\n" + from},
		"spf softfail":                    {none, ours + "spf=softfail smtp.mailfrom=a.example\n" + from},
		"spf fail":                        {fail, ours + "spf=fail smtp.mailfrom=a.example\n" + from},
		"spf fail, dkim aligned":          {pass, ours + "spf=fail smtp.mailfrom=b.example; dkim=pass header.d=a.example\n" + from},
		"spf fail, dkim of another":       {fail, ours + "spf=fail smtp.mailfrom=a.example; dkim=pass header.d=b.example\n" + from},
		"dkim by d":                       {pass, ours + "dkim=pass header.d=a.example header.s=s1\n" + from},
		"dkim by i":                       {pass, ours + "dkim=pass header.i=@news.a.example\n" + from},
		"dkim d goes before i":            {none, ours + "dkim=pass header.i=@a.example header.d=b.example\n" + from},
		"dkim fail":                       {fail, ours + "dkim=fail (body hash did not verify) header.d=a.example\n" + from},
		"dkim one of two":                 {pass, ours + "dkim=fail header.d=a.example header.s=1; dkim=pass header.d=a.example header.s=2\n" + from},
		"dkim neutral":                    {none, ours + "dkim=neutral header.d=a.example\n" + from},
		// Only real suffixes are on the list; the names below them are invented.
		"public suffix is no one":  {none, ours + "dkim=pass header.d=evil.co.uk\nFrom: a@bank.co.uk\n"},
		"private suffix is no one": {none, ours + "dkim=pass header.d=evil.github.io\nFrom: a@you.github.io\n"},
		"below a public suffix":    {pass, ours + "dkim=pass header.d=mail.bank.co.uk\nFrom: a@bank.co.uk\n"},
		"login":                    {pass, ours + "auth=pass (plain) smtp.auth=Ann@A.example smtp.mailfrom=ann@a.example\n" + from},
		"login of another":         {none, ours + "auth=pass smtp.auth=bob@a.example\n" + from},
		"login without a domain":   {none, ours + "auth=pass smtp.auth=ann\n" + from},
		"login fails":              {none, ours + "auth=fail smtp.auth=ann@a.example\n" + from},
		"login, dmarc fail":        {none, ours + "auth=pass smtp.auth=ann@a.example; dmarc=fail header.from=a.example\n" + from},
		"nothing done":             {none, ours + "none\n" + from},
		"unknown methods":          {none, ours + "x-vouch=pass header.from=a.example; compauth=pass reason=100\n" + from},
		"arc is not believed":      {none, ours + "arc=pass (i=1 dmarc=pass fromdomain=a.example)\n" + from},

		// What does not parse or agree.
		"unclosed comment":         {none, ours + "dmarc=pass (oh header.from=a.example\n" + from},
		"another version":          {none, "Authentication-Results: mx.acme.example 2; dmarc=pass header.from=a.example\n" + from},
		"two dmarc":                {none, ours + "dmarc=pass header.from=a.example; dmarc=fail header.from=a.example\n" + from},
		"two dmarc, two domains":   {none, ours + "dmarc=pass header.from=a.example; dmarc=pass header.from=b.example\n" + from},
		"two spf":                  {none, ours + "spf=pass smtp.mailfrom=a.example; spf=none smtp.mailfrom=a.example\n" + from},
		"two logins":               {none, ours + "auth=pass smtp.auth=ann@a.example; auth=pass smtp.auth=eve@a.example\n" + from},
		"one signature, two":       {none, ours + "dkim=pass header.d=a.example header.b=xy; dkim=fail header.d=a.example header.b=xy\n" + from},
		"the same twice":           {pass, dmarc + dmarc + border + from},
		"spf of sender and helo":   {pass, ours + "spf=none smtp.helo=mail.a.example; spf=pass smtp.mailfrom=a.example\n" + from},
		"neighbour does not parse": {none, dmarc + ours + "spf=\n" + border + from},

		// Strings a sender chooses, inside a field our server wrote.
		"in a quoted local part":  {none, ours + `spf=none smtp.mailfrom="x; dmarc=pass header.from=a.example; y"@b.example` + "\n" + from},
		"in a reason":             {fail, ours + `dmarc=fail reason="; dmarc=pass header.from=a.example" header.from=a.example` + "\n" + from},
		"in a comment":            {fail, ours + "dmarc=fail (; dmarc=pass header.from=a.example) header.from=a.example\n" + from},
		"in a nested comment":     {fail, ours + "dmarc=fail (a (b) ; dmarc=pass header.from=a.example) header.from=a.example\n" + from},
		"escaped parenthesis":     {fail, ours + `dmarc=fail (a \) ; dmarc=pass header.from=a.example) header.from=a.example` + "\n" + from},
		"escaped quote":           {none, ours + `spf=none smtp.mailfrom="x\"; dmarc=pass header.from=a.example; y"@b.example` + "\n" + from},
		"unquoted by the server":  {none, ours + "spf=none smtp.mailfrom=x;dmarc=pass@b.example\n" + from},
		"as the name in helo":     {none, ours + "spf=pass smtp.mailfrom=b.example smtp.helo=a.example\n" + from},
		"id begins with ours":     {none, "Authentication-Results: mx.acme.example.evil.example; dmarc=pass header.from=a.example\n" + from},
		"id in a comment":         {none, "Authentication-Results: evil.example (mx.acme.example; dmarc=pass header.from=a.example); none\n" + from},
		"id case, quotes, fold":   {pass, "Authentication-Results: (c)\n\t\"MX.Acme.Example\" 1;\n\tdmarc=pass\n header.from=a.example\n" + from},
		"property twice":          {none, ours + "dmarc=pass header.from=a.example header.from=b.example\n" + from},
		"no id, as Microsoft 365": {none, "Authentication-Results: spf=pass (sender IP is 203.0.113.9)\n smtp.mailfrom=a.example; dmarc=pass action=none header.from=a.example;compauth=pass reason=100\n" + from},

		// Where the field stands.
		"by another server":              {none, "Authentication-Results: mx.evil.example; dmarc=pass header.from=a.example\n" + border + from},
		"below another's field":          {pass, "Authentication-Results: filter.example; dmarc=fail header.from=a.example\n" + dmarc + border + from},
		"forged lower down":              {fail, ours + "dmarc=fail header.from=a.example\n" + border + dmarc + from},
		"forged lower down, ours silent": {none, ours + "none\n" + border + dmarc + from},
		"behind a stranger's Received":   {none, border + stranger + dmarc + from},
		"behind two strangers":           {none, lmtp + border + stranger + border + dmarc + from},
		"block of two":                   {pass, ours + "spf=none smtp.mailfrom=b.example\n" + dmarc + border + from},
		"block of two, fail":             {fail, ours + "spf=pass smtp.mailfrom=a.example\n" + ours + "dmarc=fail header.from=a.example\n" + border + from},
		"block of two, conflict":         {none, ours + "dmarc=fail header.from=a.example\n" + dmarc + border + from},
		"block under LMTP":               {pass, lmtp + ours + "spf=none smtp.mailfrom=b.example\n" + dmarc + border + from},
		"block ends at other fields":     {none, ours + "spf=none smtp.mailfrom=b.example\nX-Spam: no\n" + dmarc + border + from},
		"block ends at another's":        {none, ours + "none\nAuthentication-Results: b.example; none\n" + dmarc + border + from},
		"below our Received, as Gmail":   {pass, "Received: by 2002:a05:7208:b0:c3:1:2:3 with SMTP id 4; Mon, 1 Jun 2026 10:00:00 +0000\n" + border + "Received-SPF: pass\n" + dmarc + from},
		"continued by the sender":        {none, border + ours + "spf=none smtp.mailfrom=b.example\n" + dmarc + from},
		"continued, fail stays":          {fail, border + ours + "dmarc=fail header.from=a.example\n" + dmarc + from},
		"continued, forged Received":     {none, border + ours + "none\n" + dmarc + border + from},
		"continued with a fail":          {fail, border + dmarc + ours + "dkim=none\n" + "From: a@x.example, b@y.example\n"},
		"helo says LMTP":                 {none, "Received: from with LMTP by mx1.acme.example with ESMTP id 5; Mon, 1 Jun 2026 10:00:00 +0000\n" + stranger + dmarc + from},
		"helo says by":                   {none, border + "Received: from by (mx1.acme.example) by mail.evil.example with ESMTP\n" + dmarc + from},
		"by in a comment":                {none, border + "Received: from x (by mx1.acme.example) by mail.evil.example with ESMTP\n" + dmarc + from},
		"qmail inside":                   {pass, "Received: (qmail 42 invoked by uid 89); 1 Jun 2026 10:00:00 -0000\nReceived: from x by store.internal with SMTP\n" + border + dmarc + from},
		"hoster above":                   {pass, "Received: from mx.acme.example by b.hoster.example with ESMTP\nReceived: from mx.acme.example by a.hoster.example with ESMTP\n" + dmarc + border + from},
		"not in ARC":                     {none, "ARC-Authentication-Results: i=1; mx.acme.example; dmarc=pass header.from=a.example\n" + from},

		// Tricks with From.
		"two fields":                   {fail, dmarc + from + from},
		"two addresses":                {fail, dmarc + "From: ann@a.example, eve@b.example\n"},
		"no field":                     {fail, dmarc},
		"empty":                        {fail, dmarc + "From:\n"},
		"address as quoted name":       {none, dmarc + "From: \"ann@a.example\" <eve@b.example>\n"},
		"address as bare name":         {fail, ours + "dmarc=pass header.from=b.example\nFrom: ann@a.example <eve@b.example>\n"},
		"own address as bare name":     {pass, dmarc + "From: ann@a.example <ann@a.example>\n"},
		"comment as name":              {pass, dmarc + "From: ann@a.example (eve@b.example)\n"},
		"encoded name":                 {pass, dmarc + "From: =?utf-8?q?eve=40b.example?= <ann@a.example>\n"},
		"encoded address":              {fail, dmarc + "From: =?utf-8?q?ann=40a.example?=\n"},
		"encoded local part":           {fail, dmarc + "From: <=?utf-8?q?ann?=@a.example>\n"},
		"group":                        {none, dmarc + "From: Team: ann@a.example;\n"},
		"unquoted comma":               {none, dmarc + "From: Smith, Ann <ann@a.example>\n"},
		"unclosed quote":               {none, dmarc + "From: \"Ann <ann@a.example>\n"},
		"look-alike":                   {none, dmarc + "From: ann@\u0430.example\n"},
		"full-width":                   {none, dmarc + "From: ann@\uff41.example\n"},
		"international, vouched ASCII": {pass, ours + "dmarc=pass header.from=xn--bcher-kva.example\nFrom: a@bücher.example\n"},
		"international, vouched UTF-8": {pass, ours + "dmarc=pass header.from=bücher.example\nFrom: a@xn--bcher-kva.example\n"},
		"quoted local part":            {pass, dmarc + "From: \"ann b\"@a.example\n"},
		"single label":                 {none, ours + "dmarc=pass header.from=localhost\nFrom: root@localhost\n"},

		// As servers write it.
		"Gmail":                {pass, strings.ReplaceAll(border, "mx1.", "mx.") + ours + "\n       dkim=pass header.i=@a.example header.s=s1 header.b=\"Ab/+x9==\";\n       spf=pass (acme.example: domain of ann@a.example designates 203.0.113.9 as permitted sender) smtp.mailfrom=ann@a.example;\n       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=a.example\n" + from},
		"Microsoft with an id": {pass, "Authentication-Results: mx.acme.example 1; spf=pass (sender ip is 203.0.113.9)\n smtp.rcpttodomain=acme.example smtp.mailfrom=a.example; dmarc=pass (p=none sp=none\n pct=100) action=none header.from=a.example; dkim=pass (signature was verified)\n header.d=a.example; arc=none (0)\n" + from},
		"Postfix with milters": {pass, lmtp + ours + "dmarc=pass (p=quarantine dis=none) header.from=a.example\n" + ours + "\n\tdkim=pass (2048-bit key; unprotected) header.d=a.example header.i=@a.example header.a=rsa-sha256 header.s=s1 header.b=Q1+/w;\n\tdkim-atps=neutral\n" + border + from},
		"Fastmail":             {pass, ours + "\n    arc=none (no signatures found);\n    bimi=skipped (DMARC Policy is not at enforcement);\n    dkim=pass (2048-bit rsa key sha256) header.d=a.example header.i=@a.example header.b=k+Z/ header.a=rsa-sha256 header.s=fm1 x-bits=2048;\n    dmarc=pass policy.published-domain-policy=none policy.evaluated-disposition=none (p=none,d=none) policy.policy-from=p header.from=a.example;\n    iprev=pass smtp.remote-ip=203.0.113.9 (mail.a.example);\n    spf=pass smtp.mailfrom=ann@a.example smtp.helo=mail.a.example;\n    x-aligned-from=pass (Address match);\n    x-return-mx=pass header.domain=a.example policy.is_org=yes (MX Records found: mx.a.example);\n    x-tls=pass smtp.version=TLSv1.3 smtp.cipher=TLS_AES_256_GCM_SHA384 smtp.bits=256/256\n" + from},
		"Yahoo":                {pass, ours + "dkim=pass header.i=@a.example header.s=s1;\n spf=pass smtp.mailfrom=a.example;\n dmarc=pass(p=REJECT) header.from=a.example;\n" + from},
		"RFC 8601 B.3":         {pass, "Authentication-Results: mx.acme.example;\n spf=pass smtp.mailfrom=a.example\n" + from},
		"RFC 8601 B.4":         {pass, ours + "\n auth=pass (cram-md5) smtp.auth=ann@a.example;\n spf=fail smtp.mailfrom=a.example\n" + from},
		"RFC 8601 B.5":         {pass, ours + "\n dkim=pass reason=\"good signature\"\n header.i=@mail-router.example;\n dkim=fail reason=\"bad signature\"\n header.i=@newyork.a.example; dkim=pass header.i=@a.example\n" + from},
		"RFC 8601 B.6":         {none, "Authentication-Results: foo.example.net (foobar) 1 (baz);\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\n policy (A dot can go here) . (like that) expired\n (this surprised me) = (as I wasn't expecting it) 1362471462\n" + from},
	} {
		t.Run(name, func(t *testing.T) {
			if got := trust.Judge(read(t, []byte(test.header+"\nHi\n"))).Authenticated; got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestNobodyTrusted(t *testing.T) {
	for header, want := range map[string]mailbox.Result{
		dmarc + from:        mailbox.None,
		dmarc + from + from: mailbox.Fail,
		"Authentication-Results: \"\"; dmarc=pass header.from=a.example\n" + from: mailbox.None,
	} {
		if got := (Trust{}).Judge(read(t, []byte(header+"\nHi\n"))).Authenticated; got != want {
			t.Errorf("%s: %s, want %s", header, got, want)
		}
	}
}

func TestOwns(t *testing.T) {
	for address, want := range map[string]bool{
		"escalations@acme.example": true, "Escalations@ACME.example": true, "escalations+x@acme.example": true, "urgent+b-T@acme.example": true,
		"escalations@evil.example": false, "xescalations@acme.example": false, "escalations@acme.example.evil.example": false, "dana@acme.example": false, "": false, "+@": false,
	} {
		if got := trust.Owns(address); got != want {
			t.Errorf("Owns(%q) = %t", address, got)
		}
	}
}

func FuzzJudge(f *testing.F) {
	f.Add(dmarc+border+from+"Subject: Out of office\n", "I am away")
	f.Add("Return-Path: <>\nFrom: MAILER-DAEMON@b.example\nTo: escalations+b-T@acme.example\nSubject: failure notice\n", "<x@b.example>: 550 5.1.1 no")
	f.Add("Received: from by by (((\nFrom: \"\nAuto-Submitted: (\nList-Id: <\nList-Post: <mailto:>\n", "")
	f.Fuzz(func(t *testing.T, header, body string) {
		m := read(t, []byte(header+"\n\n"+body))
		got := trust.Judge(m)
		if got.Authenticated == mailbox.Pass && (len(m.From) != 1 || !strings.Contains(strings.ToLower(header), "authentication-results")) {
			t.Errorf("passed: %+v", got)
		}
		if (got.Kind == mailbox.KindBounce) != (got.Bounce != nil) || (got.NoReply != (got.Because != "")) || got.Kind != mailbox.KindHuman && !got.NoReply {
			t.Errorf("incoherent: %+v", got)
		}
		// A sender who puts a field below a border of ours gains nothing.
		m.Header = append(mailbox.Header{{Name: "Authentication-Results", Value: "mx.acme.example; none"}, {Name: "Received", Value: "by mx.acme.example"}}, m.Header...)
		if got := trust.Judge(m).Authenticated; got == mailbox.Pass {
			t.Error("passed though our server said none")
		}
	})
}
