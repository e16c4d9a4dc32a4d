package check_test

import (
	"testing"

	"landfall/internal/check"
)

func TestAListOfPeopleIsToldFromAListOfPlaces(t *testing.T) {
	for text, names := range map[string]bool{
		"Passengers: John Smith, Mary Jones, Peter Brown":                             true,
		"John Smith, Mary Jones and Peter Brown left at noon":                         true,
		"Left at noon: John Smith, Mary Jones, Peter Brown":                           true,
		"On board: John Smith, Mary Jones":                                            true,
		"1. John Smith\n2. Mary Jones\n3. Peter Brown":                                true,
		"John Smith (34), Mary Jones (29), Peter Brown (61)":                          true,
		"John Smith 34, Mary Jones 29, Peter Brown 61":                                true,
		"Smith, John; Jones, Mary; Brown, Peter":                                      true,
		"Smith, John\nJones, Mary\nBrown, Peter":                                      true,
		"JOHN SMITH, MARY JONES, PETER BROWN":                                         true,
		"Mr John Smith and Mrs Mary Jones":                                            true,
		"Mme Dupont et M. Martin":                                                     true,
		"Évacués : Jean-Pierre Dupont, Marie-Claire Étienne":                          true,
		"Jean Dupont, Marie Étienne et José da Silva":                                 true,
		"J. Smith, M. Jones, P. Brown":                                                true,
		"Crew: Conor O'Neill / Ann-Marie McDonald":                                    true,
		"Saint Vincent and the Grenadines, Antigua and Barbuda":                       false,
		"Saint Kitts and Nevis, Saint Lucia, Trinidad and Tobago, Dominican Republic": false,
		"Hurricane Irma, Hurricane Maria and Tropical Storm Jose":                     false,
		"Hurricane Maria: Dominica":                                                   false,
		"La Soufrière, Grand Bay, Petite Savanne":                                     false,
		"Castle Bruce, La Plaine, Grand Bay, Pointe Michel, Vieille Case":             false,
		"Gros Islet, Vieux Fort, Anse La Raye, Mon Repos":                             false,
		"Union Island, Palm Island, Petit Saint Vincent, Carriacou":                   false,
		"Roseau, Portsmouth, Marigot":                                                 false,
		"British Virgin Islands, Costa Rica, Puerto Rico, Sierra Leone":               false,
		"Prime Minister, Foreign Affairs, Cabinet Secretary":                          false,
		"Red Cross, Coast Guard, Fire Service and Royal Police":                       false,
		"Told: CDEMA, OECS Commission, IOM":                                           false,
		"Passengers: 34 men, 41 women, 12 children":                                   false,
		"Families: 12 from Roseau, 4 from Portsmouth":                                 false,
		"Douglas-Charles, Canefield, V. C. Bird International":                        false,
		"V. C. Bird International, Maurice Bishop International, John A. Osborne":     false,
		"Fort Young Hotel, Secret Bay, Jungle Bay Resort":                             false,
		"Needs: Drinking Water, Baby Food, Blankets":                                  false,
		"Monday 18 September, Tuesday 19 September, Wednesday 20 September":           false,
		"Harbour open, airport closed, road blocked":                                  false,
		"Permanent Secretary; Minister of Health; Chief Medical Officer":              false,
		"Maria Smith":            false,
		"John Smith, Mary Jones": false, // two of them are nothing yet
		"Saint-Martin, Saint-Barthélemy, Guadeloupe et Martinique":                      false,
		"Protocole cyclonique, phase orange : Basse-Terre, Pointe-à-Pitre, Grand-Bourg": false,
	} {
		if found := check.Names(text); found != names {
			t.Errorf("%q: taken for names %t", text, found)
		}
	}
}
