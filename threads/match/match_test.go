package match

import (
	"slices"
	"strings"
	"testing"
)

func TestSubject(t *testing.T) {
	for in, want := range map[string]string{
		"Re: Battery charts blank":               "battery charts blank",
		"AW: Fwd: RE: [ESC-T063G4] fish arrived": "fish arrived",
		"re:  (ESC-T063G4)":                      "",
		"ESC-11JJJM":                             "",
		"Antwort: WG: [DRINGEND] Wir sind dran - Störung [ESC-9NYSBS]": "wir sind dran - störung",
		"RE[2]: Cutting  optimiser":                                    "cutting optimiser",
		"Regression in report":                                         "regression in report",
		"回复: 系统故障":                                                     "系统故障",
		"[ticket] Fw: x":                                               "x",
		"":                                                             "",
	} {
		if got := Subject(in); got != want {
			t.Errorf("Subject(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestIDs(t *testing.T) {
	got := IDs("Re: esc-7q4k2m and [ESC-MM20XA], ESC-7Q4K2M again, not ESC-12 nor ESC-ILOULO nor DESC-7Q4K2M")
	if want := []string{"ESC-7Q4K2M", "ESC-MM20XA"}; !slices.Equal(got, want) {
		t.Errorf("IDs = %v, want %v", got, want)
	}
	if id := ID([]byte{0, 31, 32, 255, 10, 18}); !slices.Equal(IDs(id), []string{id}) {
		t.Errorf("ID made %q, which IDs does not find", id)
	}
}

func TestOrganisation(t *testing.T) {
	for in, want := range map[string]string{
		"eve@mail.northwind.example": "northwind.example",
		"Bob@Gmail.com":              "bob@gmail.com",
		"a@yahoo.co.uk":              "a@yahoo.co.uk",
		"a@shop.co.uk":               "shop.co.uk",
		"root@localhost":             "root@localhost",
		"a@liveapp.example":          "liveapp.example",
	} {
		if got := Organisation(in); got != want {
			t.Errorf("Organisation(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzSubject(f *testing.F) {
	f.Add("Re: AW: [URGENT] x [ESC-7Q4K2M]")
	f.Add("re:  (ESC-T063G4)")
	f.Fuzz(func(t *testing.T, s string) {
		once := Subject(s)
		if again := Subject(once); again != once {
			t.Errorf("Subject is not idempotent: %q, then %q", once, again)
		}
		if once != strings.TrimSpace(once) {
			t.Errorf("Subject left spaces in %q", once)
		}
	})
}
