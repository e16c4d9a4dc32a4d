package check_test

import (
	"testing"

	"landfall/internal/check"
)

func TestWhatLooksPersonalIsTurnedAway(t *testing.T) {
	for text, personal := range map[string]bool{
		"call +1 767 448 1234":                      true,
		"reach him at (767) 448-1234":               true,
		"767-448-1234":                              true,
		"06 90 12 34 56 is the mother":              true,
		"write to a.b@example.org":                  true,
		"passport R1234567 was lost":                true,
		"visa no. 99881234":                         true,
		"born 12.03.1981":                           true,
		"DOB: 1981-03-12":                           true,
		"née le 12 mars 1981":                       true,
		"120 people, 2017-09-18 21:15, 3 of 4 done": false,
		"passports were not asked for":              false,
		"bulletin 18A of 18 September 2017":         false,
		"TC-2017-000136-DMA":                        false,
		"100-1500 places, 12,500 kg":                false,
		"born leaders run the shelter":              false,
		"case 7 of 9 ports":                         false,
		"2017-09-18 to 2017-10-02":                  false,
	} {
		if found := check.Personal(text); (found != "") != personal {
			t.Errorf("%q: taken for %q, personal %t", text, found, personal)
		}
	}
}
