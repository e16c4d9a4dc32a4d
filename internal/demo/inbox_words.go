package demo

// inboxWords are the texts of the inbox in one language. Messages are in the language that their office chose.
type inboxWords struct {
	Other, OtherName        string
	Exercise, ExerciseLine  string
	Title                   string
	EnterTitle, EnterLead   string
	Seating, Reload         string
	Doors                   [3]door
	BoxesTitle, BoxesLead   string
	SideLead                string
	Hooks, Mails            string
	Signed, Refused, Again  string
	Raw, Read               string
	NoHooks, NoMails, NoBox string
	Parties                 map[string]string // what differs from the names on the terminal
}

// name gives what a party is called in this language.
func (w inboxWords) name(code, otherwise string) string {
	if name, ok := w.Parties[code]; ok {
		return name
	}
	return otherwise
}

func wordsOf(language string) inboxWords {
	if language == "fr" {
		return inboxWords{
			Other: "en", OtherName: "English",
			Exercise: "EXERCICE", ExerciseLine: "Tout ce qui se trouve ici est joué sur cette machine. Rien n’en sort.",
			Title:      "Boîte de réception de la démonstration",
			EnterTitle: "Entrer dans Landfall", EnterLead: "Choisissez un poste : la console s’ouvre, déjà connectée. Un navigateur n’est qu’à un poste à la fois ; revenez ici pour en changer. Les deux récits durent une minute : ce qui est écrit ci-dessous vaut à leur fin.",
			Seating: "Les bureaux prennent place.", Reload: "Sans scripts, cette page ne suit pas : rechargez-la.",
			Doors: [3]door{
				{Role: coordinator, Who: "Saint-Vincent, coordination", What: "La Soufrière est active : des mesures sont ouvertes et en retard, deux États se taisent.", Enter: "Entrer comme coordinatrice ou coordinateur"},
				{Role: official, Who: "Dominique, autorité de l’État d’accueil", What: "Une alerte attend un accusé de réception, et Saint-Vincent une réponse.", Enter: "Entrer comme autorité"},
				{Role: liaison, Who: "Sainte-Lucie, liaison tourisme", What: "Des hôtels : l’un à évaluer, un autre dont l’évaluation est échue.", Enter: "Entrer comme liaison"},
			},
			BoxesTitle: "Ce que chaque bureau reçoit", BoxesLead: "Le système de chaque bureau reçoit des webhooks signés ; ses agents, des courriels. Les deux sont vraiment envoyés, à cette machine.",
			SideLead: "Les mêmes faits, dits à une machine et à des personnes. Le plus récent est en haut.",
			Hooks:    "Webhooks", Mails: "Courriels",
			Signed: "signature correcte", Refused: "REFUSÉ : signature incorrecte", Again: "revenu sous le même identifiant",
			Raw: "Tel qu’il est arrivé", Read: "Lire le courriel",
			NoHooks: "Aucun webhook pour l’instant.", NoMails: "Aucun courriel pour l’instant.", NoBox: "Ce bureau n’a pas de boîte ici.",
			Parties: map[string]string{dominica: "Dominique", antigua: "Antigua-et-Barbuda", saintLucia: "Sainte-Lucie", grenada: "Grenade", stVincent: "Saint-Vincent"},
		}
	}
	return inboxWords{
		Other: "fr", OtherName: "Français",
		Exercise: "EXERCISE", ExerciseLine: "Everything here is played on this machine. Nothing leaves it.",
		Title:      "Inbox of the demo",
		EnterTitle: "Enter Landfall", EnterLead: "Choose a post: the console opens, signed in. A browser is at one post at a time; come back here to change. The two stories take a minute: what stands below is so at their end.",
		Seating: "The offices are being seated.", Reload: "Without scripts this page does not follow: load it again.",
		Doors: [3]door{
			{Role: coordinator, Who: "Saint Vincent, coordinator", What: "La Soufrière is active: steps are open and overdue, two states are silent.", Enter: "Enter as coordinator"},
			{Role: official, Who: "Dominica, receiving-state official", What: "An alert wants an acknowledgement, and Saint Vincent an answer.", Enter: "Enter as official"},
			{Role: liaison, Who: "Saint Lucia, tourism liaison", What: "Hotels: one to assess, one whose assessment has run out.", Enter: "Enter as liaison"},
		},
		BoxesTitle: "What each office gets", BoxesLead: "Each office's system gets signed webhooks; its people get e-mail. Both are really sent, to this machine.",
		SideLead: "The same facts, told to a machine and to people. The newest is on top.",
		Hooks:    "Webhooks", Mails: "E-mails",
		Signed: "signature ok", Refused: "REFUSED: wrong signature", Again: "came again under the same id",
		Raw: "As it arrived", Read: "Read the e-mail",
		NoHooks: "No webhook yet.", NoMails: "No e-mail yet.", NoBox: "This office has no box here.",
	}
}
