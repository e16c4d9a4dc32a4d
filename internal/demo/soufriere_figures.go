package demo

import (
	"errors"
	"time"
)

// interested is the category of those who said that they want to go to a place.
const interested = "interested_in_going"

var errFlag = errors.New("the check of sums is not as expected")

// factsOfLaSoufriere gives what was published between 9 and 28 April 2021 about people inside Saint Vincent, as figure records, in the order of their
// dates. Hours that no source gives are noon. Of 14 April only the shelters are entered, since no source adds the 2,045 registered with families to
// them; of 21 April no parts, since both were printed as round numbers.
func factsOfLaSoufriere() []fact {
	noon := func(day int) time.Time { return april(day, 12, 0) }
	sheltered := func(quantifier string, number, day int, role string, by body) body {
		return stated(stVincent, quantifier, number, "idps", "sheltered", "public_shelter", role, noon(day), by)
	}
	return []fact{
		{"to be moved", stated(stVincent, "approximately", 16_000, "unverified_stock", "evacuated", "unknown", "triangulation", noon(9), source("media", "AP copy, 9 Apr 2021"))},
		{"in 62 shelters", sheltered("approximately", 2_000, 9, "triangulation", source("media", "antiguaobserver.com").with("reference", sourceHosting))},
		{"to be moved, 8,000 abroad", stated(stVincent, "exact", 20_000, "unverified_stock", "evacuated", "unknown", "triangulation", noon(9),
			source("regional_body", "OECS chair's planning split").with("reference", "mikeylive.com/2021/04/09/oecs-member-states-coordinating-on-accepting-vincentian-evacuees")).
			with("parts", []body{{"setting": "public_shelter", "number": 12_000}, {"setting": "onward_travel", "number": 8_000}})},
		{"in the red zone", stated(stVincent, "more_than", 20_000, "unverified_stock", "affected", "unknown", "triangulation", noon(10),
			source("regional_body", "PAHO donor alert, 10 Apr 2021"))},
		{"in 75 shelters", sheltered("exact", 3_200, 11, "recommended", source("united_nations", "Situation update, 11 Apr 2021"))},
		{"in shelters", sheltered("approximately", 3_500, 12, "recommended", source("united_nations", "OCHA, 12 Apr 2021"))},
		{"in 89 shelters", sheltered("exact", 4_021, 14, "triangulation", source("united_nations", "Situation report 03, 14 Apr 2021"))},
		{"registered", stated(stVincent, "exact", 7_411, "idps", "displaced", "unknown", "recommended", noon(15),
			source("media", "thecaribbeannewsnow.com").with("reference", "thecaribbeannewsnow.com/?p=3504")).
			with("parts", []body{{"setting": "public_shelter", "number": 4_136}, {"setting": "other", "number": 3_718}})},
		{"registered", stated(stVincent, "exact", 13_303, "idps", "displaced", "unknown", "recommended", noon(21),
			source("media", "stvincenttimes.com").with("reference", "stvincenttimes.com/?p=95897"))},
		{"in 88 shelters", sheltered("approximately", 7_000, 28, "triangulation", source("media", "dominicanewsonline.com").with("reference", sourceInterest))},
	}
}

// factsOfInterest gives how many wanted to go to Dominica: the first count, whose day is not given, and the later one, which supersedes it.
func factsOfInterest() []fact {
	wish := func(quantifier string, number int) body {
		return stated(dominica, quantifier, number, interested, "multiple_or_other", "unknown", "recommended", april(28, 17, 0),
			source("media", "dominicanewsonline.com").with("reference", sourceInterest))
	}
	return []fact{{"interested", wish("exact", 21)}, {"interested", wish("more_than", 50)}}
}
