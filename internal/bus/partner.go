package bus

import (
	"fmt"
	"slices"
	"strings"
)

// Permissions are the subjects a user of the bus may publish to and subscribe to, and nothing else. An empty list would mean
// everything to a NATS server; those given here are never empty.
type Permissions struct {
	Publish   []string
	Subscribe []string
}

// PartnerAPI is the prefix under which the system of a state asks, where other clients of JetStream say "$JS.API": a NATS server
// answers the latter in every account, with a refusal where there are no streams.
const PartnerAPI = "landfall.api"

// PartnerPermissions gives what the system of a state needs to read the copies that are for it: to ask its own consumer for the next
// ones, to look at that consumer, to acknowledge, and to hear the answers under an inbox prefix of its own.
//
// They are half of the wall. A NATS server sends what a consumer delivers, and what it answers, to whatever subject the request
// names, without asking whether the requester may publish there; so the user must live in an account of its own, into which
// only these requests are imported, where no subject of Landfall exists. PartnerConfig writes both. For the same reason a partner
// makes no consumer: the bus makes one for each state.
//
// A state that is no ISO 3166-1 alpha-3 code in capitals is refused (Invalid, "bad_state").
func PartnerPermissions(state string) (Permissions, error) {
	if !plainState(state) {
		return Permissions{}, errState()
	}
	may := Permissions{Subscribe: []string{PartnerInbox(state) + ".>"}}
	for _, r := range partnerRequests(state) {
		may.Publish = append(may.Publish, r.asked)
	}
	return may, nil
}

// request is one thing the system of a state may ask.
type request struct {
	asked  string // the subject in the state's account
	served string // the subject in Landfall's
	stream bool   // many answers to one request
}

func partnerRequests(state string) []request {
	next := ".CONSUMER.MSG.NEXT." + copiesName + "." + state
	look := ".CONSUMER.INFO." + copiesName + "." + state
	ack := "$JS.ACK." + copiesName + "." + state + ".>"
	return []request{
		{asked: PartnerAPI + next, served: "$JS.API" + next, stream: true},
		{asked: PartnerAPI + look, served: "$JS.API" + look},
		{asked: ack, served: ack},
	}
}

// PartnerInbox gives the inbox prefix the system of a state must set.
func PartnerInbox(state string) string { return "_INBOX_" + state }

// partnerAccount is the account Landfall's own streams lie in.
const partnerAccount = "LANDFALL"

// PartnerConfig writes the accounts of a nats-server configuration: one for Landfall, which holds the streams, and one for each
// state, into which the requests of PartnerPermissions are imported. Passwords are variables, NATS_PASSWORD and
// <ISO3>_BUS_PASSWORD, which the server reads from its environment. The same states give the same text.
func PartnerConfig(states ...string) (string, error) {
	states = slices.Compact(slices.Sorted(slices.Values(states)))
	var exports, accounts strings.Builder
	for _, state := range states {
		may, err := PartnerPermissions(state)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&accounts, "  %s {\n", state)
		fmt.Fprintf(&accounts, "    users: [\n      {\n        user: %q, password: $%s_BUS_PASSWORD\n", state, state)
		fmt.Fprintf(&accounts, "        permissions: {\n          publish: [\n%s          ]\n          subscribe: [\n%s          ]\n        }\n      }\n    ]\n",
			listed(may.Publish, "            "), listed(may.Subscribe, "            "))
		fmt.Fprintf(&accounts, "    imports: [\n")
		for _, r := range partnerRequests(state) {
			var answers, to string
			if r.stream {
				answers = ", response_type: stream"
			}
			if r.asked != r.served {
				to = fmt.Sprintf(", to: %q", r.asked)
			}
			fmt.Fprintf(&exports, "      { service: %q%s, accounts: [%s] }\n", r.served, answers, state)
			fmt.Fprintf(&accounts, "      { service: { account: %s, subject: %q }%s }\n", partnerAccount, r.served, to)
		}
		fmt.Fprintf(&accounts, "    ]\n  }\n")
	}
	return fmt.Sprintf("accounts {\n  %s {\n    jetstream: enabled\n    users: [\n      { user: \"landfall\", password: $NATS_PASSWORD }\n    ]\n    exports: [\n%s    ]\n  }\n%s}\n",
		partnerAccount, exports.String(), accounts.String()), nil
}

func listed(subjects []string, indent string) string {
	var b strings.Builder
	for _, s := range subjects {
		fmt.Fprintf(&b, "%s%q\n", indent, s)
	}
	return b.String()
}
