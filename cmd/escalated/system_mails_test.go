package main

import (
	"fmt"
	"strings"
	"time"
)

// customerOf is the sender of the n-th mail.
func customerOf(n int) string { return fmt.Sprintf("eve%04d@northwind.example", n) }

// complaint is the n-th mail: each from somebody else, about something else, and
// vouched for by its domain.
func complaint(n int) []byte {
	return letter(customerOf(n), fmt.Sprintf("Checkout is down in store %04d", n), fmt.Sprintf("<complaint-%04d@northwind.example>", n))
}

func complaints(from, to int) [][]byte {
	var mails [][]byte
	for n := from; n < to; n++ {
		mails = append(mails, complaint(n))
	}
	return mails
}

func letter(from, subject, id string) []byte {
	return []byte(strings.ReplaceAll(fmt.Sprintf(`Authentication-Results: mx.acme.example; dmarc=pass header.from=northwind.example
Received: from mail.northwind.example by mx.acme.example with ESMTPS; Mon, 2 Nov 2026 08:40:05 +0000
From: Eve Adams <%s>
To: escalations@acme.example
Subject: %s
Date: Mon, 2 Nov 2026 08:40:00 +0000
Message-ID: %s
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Hello,

since about 08:40 today nobody in our store can check out a customer: the
screen stays white after the scan, on all 12 tills. We have no workaround and
are losing sales. We restarted the tills, which changed nothing.

Please call me.

Eve Adams
`, from, subject, id), "\n", "\r\n"))
}

// rerouted is the same mail come another way.
func rerouted(mail []byte) []byte {
	return append([]byte("Received: from list.northwind.example by mx2.acme.example with ESMTP; "+time.RFC1123Z+"\r\n"), mail...)
}
