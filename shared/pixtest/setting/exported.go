package setting

import (
	"go/ast"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Metric is a metric that the sources make.
type Metric struct {
	Name, Kind, Help string
	Labels           []string
	Exporters        []string // of the processes
}

// exporters says which processes register what the packages make.
func exporters() map[string]string {
	const every, functions, rows = "every process", "every function", "alert, audit, label"
	return map[string]string{
		"shared/obs": every, "shared/conn": every, "shared/bus": every, "functions/host": functions, "functions/internal/push": functions,
		"shared/warehouse": rows, "shared/store": "score, label", "shared/reload": "score", "functions/score": "score",
		"functions/label": "label", "functions/audit": "audit", "functions/alert": "alert", "functions/export": "export", "kafka-bridge/bridge": "bridge",
	}
}

// Exported returns the metrics that the packages of exporters make, by name, once each.
func Exported(root string) ([]Metric, error) {
	found := map[string]Metric{}
	for _, dir := range slices.Sorted(maps.Keys(exporters())) {
		files, err := parsed(filepath.Join(root, dir))
		if err != nil {
			return nil, err
		}
		s := search{nouns: nounsOf(files)}
		for _, file := range files {
			ast.Inspect(file, s.look)
		}
		for _, m := range s.found {
			m.Exporters = append(found[m.Name].Exporters, exporters()[dir])
			if before, twice := found[m.Name]; twice && m.Help == "" {
				m.Help = before.Help
			}
			found[m.Name] = m
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Metric) int { return strings.Compare(a.Name, b.Name) }), nil
}

// search goes through the files of one package.
type search struct {
	nouns  map[string][]string // of names that are put together, with their labels
	lists  map[string][]string // of texts, by the variable's name
	vector []string            // the labels of the vector that is about to be described
	found  []Metric
}

const noun = "\x00" // stands for it in a name that is put together

func (s *search) look(n ast.Node) bool {
	switch at := n.(type) {
	case *ast.AssignStmt:
		if list := texts(at.Rhs[0]); list != nil {
			s.lists = map[string][]string{calledName(at.Lhs[0]): list}
		}
	case *ast.CallExpr:
		s.call(at)
	case *ast.CompositeLit:
		s.literal(at)
	case *ast.KeyValueExpr: // of a map of gauges
		if value, ok := at.Value.(*ast.CompositeLit); ok && strings.HasPrefix(text(at.Key), "pix_") && len(value.Elts) > 0 {
			s.add(Metric{Name: text(at.Key), Help: joined(value.Elts[0]), Kind: kindByName(text(at.Key))})
		}
	}
	return true
}

// call is of NewDesc, or of a helper that takes name and help; a vector's labels are its second argument.
func (s *search) call(at *ast.CallExpr) {
	s.vector = nil
	if len(at.Args) < 2 {
		return
	}
	s.vector = texts(at.Args[1])
	name := text(at.Args[0])
	if len(s.nouns) > 0 && calledName(at.Fun) == "counter" {
		name = "pix_" + noun + "_" + name
	}
	if !strings.HasPrefix(name, "pix_") || joined(at.Args[1]) == "" {
		return
	}
	m := Metric{Name: name, Help: joined(at.Args[1]), Kind: kindByName(name)}
	for _, arg := range at.Args[2:] {
		m.Labels = append(m.Labels, texts(arg)...)
		if one := text(arg); one != "" {
			m.Labels = append(m.Labels, one)
		}
		m.Labels = append(m.Labels, s.lists[calledName(arg)]...)
	}
	s.add(m)
}

// literal is of the options of a metric.
func (s *search) literal(at *ast.CompositeLit) {
	kind, ok := strings.CutSuffix(calledName(at.Type), "Opts")
	if !ok {
		return
	}
	m := Metric{Kind: strings.ToLower(kind), Labels: s.vector}
	for _, element := range at.Elts {
		field, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return
		}
		switch calledName(field.Key) {
		case "Name":
			m.Name = joined(field.Value)
		case "Help":
			m.Help = joined(field.Value)
		case "ConstLabels":
			labels, _ := field.Value.(*ast.CompositeLit)
			for _, label := range labels.Elts {
				m.Labels = append(m.Labels, text(label.(*ast.KeyValueExpr).Key))
			}
		}
	}
	if strings.HasPrefix(m.Name, "pix_") && m.Help != "" && m.Help != noun { // else of a helper, whose calls say more
		s.add(m)
	}
}

func (s *search) add(m Metric) {
	if !strings.Contains(m.Name, noun) {
		s.found = append(s.found, m)
		return
	}
	for word, labels := range s.nouns {
		s.found = append(s.found, Metric{Name: strings.Replace(m.Name, noun, word, 1), Kind: m.Kind, Help: m.Help, Labels: labels})
	}
}

// nounsOf finds what newMetrics is called with where names are put together.
func nounsOf(files []*ast.File) map[string][]string {
	nouns := map[string][]string{}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || calledName(call.Fun) != "newMetrics" || len(call.Args) == 0 || text(call.Args[0]) == "" {
				return true
			}
			nouns[text(call.Args[0])] = []string{}
			for _, label := range call.Args[1:] {
				nouns[text(call.Args[0])] = append(nouns[text(call.Args[0])], text(label))
			}
			return true
		})
	}
	return nouns
}

// kindByName is the kind of what has no options of its own: only totals count.
func kindByName(name string) string {
	if strings.HasSuffix(name, "_total") {
		return "counter"
	}
	return "gauge"
}

// texts are the elements of a []string.
func texts(expr ast.Expr) []string {
	list, ok := expr.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	if array, ok := list.Type.(*ast.ArrayType); !ok || calledName(array.Elt) != "string" {
		return nil
	}
	var out []string
	for _, element := range list.Elts {
		out = append(out, text(element))
	}
	return out
}

// joined is the value of texts that are put together; a variable among them stands for a noun.
func joined(expr ast.Expr) string {
	switch at := expr.(type) {
	case *ast.BinaryExpr:
		if at.Op == token.ADD {
			left, right := joined(at.X), joined(at.Y)
			if left == "" || right == "" {
				return ""
			}
			return left + right
		}
	case *ast.Ident:
		return noun
	}
	return text(expr)
}
