package console

import (
	"encoding/json"

	"landfall/internal/locale"
	"landfall/internal/notify"
	"landfall/internal/place"
)

// toldMark says where a delivery is, in the words of the field: handed over is not seen.
func (v *visit) toldMark(s notify.Status) mark {
	tones := map[notify.Status]string{
		notify.Queued: info, notify.Sending: info, notify.Delivered: good, notify.Retrying: soon, notify.Dead: bad, notify.Cancelled: idle, notify.Expired: idle,
	}
	return mark{tones[s], v.L.Page.Told.Status.Of(string(s))}
}

// toldCode says what an attempt ended with. A number is what the far side answered: it stands behind the words, for who mends it.
func (v *visit) toldCode(code string) string {
	t := &v.L.Page.Told
	if answered(code) {
		return t.Answered.Say(locale.Pair{A: t.Answer.Of(toldAnswer(code)), B: code})
	}
	return t.Code.Of(code)
}

// answered reports whether a code is a number that the far side answered.
func answered(code string) bool { return len(code) == 3 && code[0] >= '1' && code[0] <= '5' }

// toldSaid gives the far side's own words: of JSON, what it says of what was wrong. What we say ourselves of an attempt stands in its code.
func toldSaid(a notify.Attempt) string {
	if !answered(a.Code) {
		return ""
	}
	var object map[string]any
	if json.Unmarshal([]byte(a.Detail), &object) == nil {
		for _, member := range []string{"detail", "message", "error_description", "error", "title"} {
			if text, ok := object[member].(string); ok && text != "" {
				return text
			}
		}
	}
	return a.Detail
}

// toldAnswer gives the sense of a number that a web server (RFC 9110) or a mail server (RFC 5321) answered.
func toldAnswer(code string) string {
	switch code {
	case "401", "403", "407":
		return "forbidden"
	case "404", "410":
		return "nothing"
	case "408", "421", "425", "429", "450", "451", "452":
		return "busy"
	}
	switch {
	case code[0] == '2':
		return "taken"
	case code[0] <= '3':
		return "elsewhere"
	case code[0] == '4', code >= "550": // from 550 on only mail servers speak
		return "refused"
	}
	return "fault"
}

func toldParties(codes []string) []place.Party {
	list := make([]place.Party, len(codes))
	for n, code := range codes {
		list[n] = place.Party(code)
	}
	return list
}
