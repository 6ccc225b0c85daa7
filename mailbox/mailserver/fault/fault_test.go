package fault

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// echo dials a server that says back what it hears.
func echo(context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		_, _ = io.Copy(server, server)
		server.Close()
	}()
	return client, nil
}

// exchange says something in a bubble and returns what comes back within an
// hour, after how long the last of it did, and how it ended.
func exchange(t *testing.T, spoil Spoil, say string) (heard string, took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &Wire{Dial: echo}
		w.Spoil(spoil)
		defer w.Close()
		c, dialled := w.Connect(t.Context())
		if dialled != nil {
			t.Fatal(dialled)
		}
		defer c.Close()
		began := time.Now()
		_ = c.SetDeadline(began.Add(time.Hour))
		go func() { _, _ = io.WriteString(c, say) }()
		b := make([]byte, 100)
		for n := 0; err == nil; heard += string(b[:n]) {
			if n, err = c.Read(b); n > 0 {
				took = time.Since(began)
			}
		}
		synctest.Wait()
	})
	return heard, took, err
}

func TestSpoils(t *testing.T) {
	late := os.ErrDeadlineExceeded
	for name, test := range map[string]struct {
		spoil Spoil
		heard string
		took  time.Duration
		err   error
	}{
		"nothing":  {Spoil{}, "hello", 0, late},
		"cut down": {Spoil{Down: Stream{Cut: 2}}, "he", 0, io.EOF},
		"cut up":   {Spoil{Up: Stream{Cut: 5}, Down: Stream{Edit: func([]byte) []byte { return nil }}}, "", 0, io.EOF},
		"hole":     {Spoil{Down: Stream{Hole: 3}}, "hel", 0, late},
		"delay":    {Spoil{Up: Stream{Delay: time.Second}, Down: Stream{Delay: time.Minute}}, "hello", 61 * time.Second, late},
		"drip":     {Spoil{Down: Stream{Drip: time.Second}}, "hello", 5 * time.Second, late},
		"edit":     {Spoil{Up: Stream{Edit: bytes.ToUpper}}, "HELLO", 0, late},
	} {
		t.Run(name, func(t *testing.T) {
			heard, took, err := exchange(t, test.spoil, "hello")
			if heard != test.heard || took != test.took || !errors.Is(err, test.err) {
				t.Errorf("heard %q for %v, then %v; want %q for %v, then %v", heard, took, err, test.heard, test.took, test.err)
			}
		})
	}
}

// In a hole nobody hears that the other side has gone.
func TestHoleTellsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, server := net.Pipe()
		w := &Wire{Dial: func(context.Context) (net.Conn, error) { return ours, nil }}
		defer w.Close()
		c, err := w.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		w.Hole()
		if _, err := io.WriteString(server, "unheard"); err != nil {
			t.Error(err)
		}
		server.Close()
		synctest.Wait()
		_ = c.SetReadDeadline(time.Now().Add(time.Hour))
		if n, err := c.Read(make([]byte, 9)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %d octets, %v", n, err)
		}
	})
}

func TestOverTCP(t *testing.T) {
	w := &Wire{Dial: echo}
	address, err := w.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	heard := make([]byte, 5)
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, heard); err != nil || string(heard) != "hello" {
		t.Errorf("heard %q, %v", heard, err)
	}
	if up, down := w.Passed(); up != 5 || down > 5 || w.Connections() != 1 {
		t.Errorf("%d octets up, %d down on %d connections", up, down, w.Connections())
	}
	w.Say("bye")
	if _, err := io.ReadFull(c, heard[:3]); err != nil || string(heard[:3]) != "bye" {
		t.Errorf("heard %q, %v", heard, err)
	}
	w.Cut()
	if _, err := c.Read(heard); !errors.Is(err, io.EOF) {
		t.Errorf("after the cut: %v", err)
	}
}

func TestRefuse(t *testing.T) {
	w := &Wire{Dial: echo}
	defer w.Close()
	w.Refuse(true)
	if _, err := w.Connect(t.Context()); !errors.Is(err, ErrRefused) {
		t.Errorf("while down: %v", err)
	}
	w.Refuse(false)
	c, err := w.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestSpoilNextAlone(t *testing.T) {
	w := &Wire{Dial: echo}
	defer w.Close()
	w.SpoilNext(Spoil{Down: Stream{Edit: bytes.ToUpper}})
	for _, want := range []string{"HELLO", "hello"} {
		c, err := w.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(c, "hello") }()
		heard := make([]byte, 5)
		if _, err := io.ReadFull(c, heard); err != nil || string(heard) != want {
			t.Errorf("heard %q, %v; want %q", heard, err, want)
		}
		c.Close()
	}
}
