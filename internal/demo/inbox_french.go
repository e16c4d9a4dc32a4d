package demo

import (
	"strings"
)

// headline says in French what a webhook is about, as reader.headline does in English. The terminal speaks English alone; the inbox does not.
func (w inboxWords) headline(a arrival, names map[string]string) string {
	d, kind := a.event.Data, a.event.kind()
	name := func(code string) string { return w.name(code, names[code]) }
	switch {
	case kind == "alert.raised" && d.Alert != nil:
		text := frenchAlerts()[d.Alert.Kind]
		switch {
		case d.Alert.Kind == "step_overdue" && d.Step != nil:
			text = "étape " + d.Step.Key + " EN RETARD : " + d.Step.Title.FR
		case text == "":
			text = d.Alert.Kind
		}
		if d.Alert.Party == a.box {
			return "ALERTE : " + text
		}
		return name(d.Alert.Party) + " : " + text
	case kind == "alert.acknowledged" && d.Alert != nil:
		return name(d.Alert.Party) + " : accusé de réception de l’alerte"
	case kind == "answer.given" && d.Answer != nil:
		text := name(d.Answer.Party) + " : " + map[string]string{"accept": "accepte", "decline": "décline", "question": "pose une question"}[d.Answer.Kind]
		if d.Answer.Ceiling != nil {
			text += ", jusqu’à " + frenchNumber(*d.Answer.Ceiling) + " personnes"
		}
		return text
	case kind == "figure.reported" && d.Figure != nil:
		words := map[string]string{"more_than": "plus de ", "less_than": "moins de ", "approximately": "environ "}
		text := "chiffre : " + words[d.Figure.Quantifier] + frenchNumber(d.Figure.Number) + ", " + d.Figure.Source.Name
		if d.Figure.short() {
			text += " ; LA SOMME NE CORRESPOND PAS, ses parties font " + frenchNumber(d.Figure.sum())
		}
		return text
	}
	if text := frenchEvents()[kind]; text != "" {
		if d.Step != nil {
			text += " : " + d.Step.Key + " " + d.Step.Title.FR
		}
		return text
	}
	return kind
}

// frenchNumber sets thousands apart by a narrow space that does not break.
func frenchNumber(n int) string { return strings.ReplaceAll(grouped(n), ",", "\u202f") }

func frenchAlerts() map[string]string {
	return map[string]string{
		"named": "désigné comme État d’accueil", "planning": "la planification a commencé", "activation": "le protocole est ACTIVÉ",
		"movement": "des personnes vont arriver", "departure": "des personnes sont en route", "withdrawn": "n’est plus désigné comme État d’accueil",
		"movement_corrected": "CORRIGÉ : des personnes vont arriver", "movement_cancelled": "ANNULÉ : personne n’arrive",
		"stood_down": "DISPOSITIF LEVÉ : plus rien n’est demandé", "closed": "incident clos : plus rien n’est demandé",
	}
}

func frenchEvents() map[string]string {
	return map[string]string{
		"hazard.opened": "nouvel aléa", "incident.opened": "incident ouvert", "incident.released": "incident communiqué aux États désignés",
		"incident.receivers_changed": "États d’accueil modifiés", "incident.monitored": "étapes de planification commencées",
		"incident.activated": "protocole activé", "incident.stood_down": "levée du dispositif", "incident.closed": "incident clos",
		"anchor.moved": "moment clé déplacé", "step.started": "travail commencé", "step.completed": "étape faite",
		"step.marked_not_applicable": "étape sans objet", "step.reopened": "étape rouverte", "step.overdue": "étape en retard",
		"movement.announced": "mouvement annoncé", "movement.departed": "départ d’un mouvement", "movement.arrived": "arrivée d’un mouvement",
		"movement.cancelled": "mouvement annulé", "movement.corrected": "mouvement corrigé", "alert.escalated": "alerte transmise plus haut",
		"alert.expired": "alerte échue", "alert.closed": "alerte close",
		"alert.acknowledgement_corrected": "accusé de réception corrigé",
	}
}
