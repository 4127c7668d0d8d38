package live

import (
	"fmt"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
)

// fault is what is wrong, in words.
type fault struct {
	Own    bool   `json:"own"` // this process is taken out of service for it
	Name   string `json:"name"`
	Text   text   `json:"text"`
	Detail string `json:"detail,omitempty"` // an operator's, in English
}

// conditionWords say what the failure of a condition of readiness means for payments.
func conditionWords(name string) (text, bool) {
	words := map[string]text{
		"serving":           {"Este processo está iniciando ou encerrando.", "This process is starting or stopping."},
		"models":            {"Falta um modelo: nenhum pagamento é aprovado por este processo.", "A model is missing: this process approves no payment."},
		"policy":            {"Nenhuma política está carregada.", "No policy is loaded."},
		"store":             {"O histórico das contas não responde: sem ele nada é aprovado automaticamente.", "The accounts' history does not answer: without it nothing is approved automatically."},
		"store_connections": {"As conexões com o histórico das contas caíram e estão sendo refeitas.", "The connections to the accounts' history broke and are being replaced."},
		"clock":             {"O relógio desta máquina está atrasado: os pagamentos esperam até que seja acertado.", "This machine's clock is slow: payments wait until it is set right."},
		"bus_connections":   {"O Pub/Sub não responde: as decisões são guardadas e serão publicadas depois.", "Pub/Sub does not answer: decisions are stored and will be published later."},
		"models_followed":   {"Os modelos em uso estão atrás dos indicados: os últimos bons continuam decidindo.", "The models in use are behind those named: the last good ones go on deciding."},
		"policy_followed":   {"A política em uso está atrás da indicada: a última boa continua valendo.", "The policy in use is behind the one named: the last good one stays in force."},
		"pushes_keys":       {"Faltam as chaves para verificar quem envia pagamentos: nenhum é aceito.", "The keys that verify who sends payments are missing: none is taken."},
		"callers_keys":      {"Faltam as chaves para verificar quem consulta: ninguém é atendido.", "The keys that verify who asks are missing: nobody is answered."},
		"pushes_keys_followed": {"As chaves de quem envia pagamentos não podem ser renovadas: valem as anteriores.",
			"The keys of who sends payments cannot be renewed: the earlier ones count."},
		"callers_keys_followed": {"As chaves de quem consulta não podem ser renovadas: valem as anteriores.",
			"The keys of who asks cannot be renewed: the earlier ones count."},
	}
	w, ok := words[name]
	return w, ok
}

// failing tells the conditions that fail. One without words is told by its name: better that than to be silent.
func failing(conditions []lifecycle.Condition) []fault {
	faults := []fault{}
	for _, c := range conditions {
		err := c.Check()
		if err == nil {
			continue
		}
		words, ok := conditionWords(c.Name)
		if !ok {
			words = text{"Algo falha neste processo: " + c.Name + ".", "Something of this process fails: " + c.Name + "."}
		}
		faults = append(faults, fault{Own: c.Own, Name: c.Name, Text: words, Detail: err.Error()})
	}
	return faults
}

// suffered tells what the decisions of the last minute had to do without.
func (t *totals) suffered() []fault {
	var faults []fault
	tell := func(name string, n int, pt, en string) {
		if n > 0 {
			faults = append(faults, fault{Name: name, Text: text{fmt.Sprintf(pt, n), fmt.Sprintf(en, n)}})
		}
	}
	tell("missing", t.Missing, "Decisões sem o histórico das contas no último minuto: %d. Nenhuma é uma aprovação.",
		"Decisions without the accounts' history in the last minute: %d. None is an approval.")
	tell("provisional", t.Provisional, "Respostas provisórias no último minuto: %d. Nenhuma aprova; é preciso perguntar de novo.",
		"Provisional answers in the last minute: %d. None approves; the caller asks again.")
	tell("overload", t.Without[engine.PartOverload], "Pedidos demais ao mesmo tempo; sem lugar no último minuto: %d.",
		"Too many requests at once; without a place in the last minute: %d.")
	tell("score", t.Without[engine.PartModel], "Notas que um modelo não deu no último minuto: %d. Sem elas nada é aprovado.",
		"Scores that a model did not give in the last minute: %d. Without them nothing is approved.")
	tell("shadow", t.Without[engine.PartShadow], "Respostas que um modelo desafiante não deu no último minuto: %d. Ele não decide nada.",
		"Answers that a challenger did not give in the last minute: %d. It decides nothing.")
	tell("lost", t.Lost, "Decisões do último minuto que esta página perdeu: %d. Foram tomadas mesmo assim.",
		"Decisions of the last minute that this page missed: %d. They were taken all the same.")
	return faults
}
