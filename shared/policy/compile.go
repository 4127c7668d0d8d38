package policy

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types/ref"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of one expression. There are no comprehensions (every macro but known is cleared), so the worst case is known
// before anything runs and no counter is needed while it does.
const (
	maxExpression = 2_000 // characters
	maxNodes      = 400
	maxDepth      = 32
	maxCost       = 2_000 // CEL cost units, worst case
	maxTextSize   = 64    // characters of any text that a rule can read
)

// compiler turns expressions into programs over one set of names.
type compiler struct {
	env   *cel.Env
	names map[string]getter
}

// newCompiler declares every name that rules may read.
func newCompiler(featureNames []string, thresholds map[string]float64) (*compiler, error) {
	c := &compiler{names: map[string]getter{}}
	opts := []cel.EnvOption{
		cel.ClearMacros(), cel.Macros(cel.GlobalMacro("known", 1, expandKnown)),
		cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(maxDepth),
		cel.ExpressionNodeLimit(maxNodes), cel.ExpressionNestingDepthLimit(maxDepth),
	}
	declare := func(name string, kind *cel.Type, get getter) {
		c.names[name] = get
		opts = append(opts, cel.Variable(name, kind), cel.Variable(knownPrefix+name, cel.BoolType))
	}
	for _, v := range variables() {
		declare(v.name, v.kind, v.get)
	}
	for i, name := range featureNames {
		declare(featurePrefix+name, cel.DoubleType, func(a *activation) ref.Val {
			if len(a.vector) != len(featureNames) {
				return nil
			}
			return double(a.vector[i])
		})
	}
	for name, value := range thresholds {
		declare(thresholdPrefix+name, cel.DoubleType, func(*activation) ref.Val { return double(value) })
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("declare variables: %w", err)
	}
	c.env = env
	return c, nil
}

// compile checks one expression and plans it. It returns the names that the expression reads as well.
func (c *compiler) compile(expression string) (cel.Program, map[string]bool, error) {
	checked, issues := c.env.Compile(expression)
	if err := issues.Err(); err != nil {
		return nil, nil, fmt.Errorf("when: %w", err)
	}
	if checked.OutputType() != cel.BoolType {
		return nil, nil, fmt.Errorf("when: gives %s, not bool", checked.OutputType())
	}
	if buildsMessage(checked) {
		return nil, nil, fmt.Errorf("when: %w", errMessage)
	}
	estimate, err := c.env.EstimateCost(checked, textSizes{})
	if err != nil {
		return nil, nil, fmt.Errorf("when: estimate cost: %w", err)
	}
	if estimate.Max > maxCost {
		return nil, nil, fmt.Errorf("when: may cost %d, above %d", estimate.Max, maxCost)
	}
	program, err := c.env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CustomDecoratorV2(calculations))
	if err != nil {
		return nil, nil, fmt.Errorf("when: plan: %w", err)
	}
	reads := map[string]bool{}
	for _, r := range checked.NativeRep().ReferenceMap() {
		if r.Name != "" {
			reads[r.Name] = true
		}
	}
	return program, reads, nil
}

// roles returns the models whose probability an expression reads.
func roles(reads map[string]bool) []pix.Role {
	var out []pix.Role
	if reads[payerProbability] {
		out = append(out, pix.PayerRole)
	}
	if reads[receiverProbability] {
		out = append(out, pix.ReceiverRole)
	}
	return out
}

// usesHistories reports whether an expression reads what is computed from histories: a feature or a probability.
func usesHistories(reads map[string]bool) bool {
	for name := range reads {
		if name == payerProbability || name == receiverProbability || strings.HasPrefix(name, featurePrefix) {
			return true
		}
	}
	return false
}

// textSizes bounds the texts that rules read, which are codes of the domain.
type textSizes struct{}

// EstimateSize implements checker.CostEstimator.
func (textSizes) EstimateSize(checker.AstNode) *checker.SizeEstimate {
	return &checker.SizeEstimate{Min: 0, Max: maxTextSize}
}

// EstimateCallCost implements checker.CostEstimator with CEL's own costs.
func (textSizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}

// errKnownArgument is a misuse of known().
var errKnownArgument = errors.New("known() takes the name of a variable")

// expandKnown turns known(a.b) into the variable known.a.b.
func expandKnown(eh cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	path, ok := fieldPath(args[0])
	if !ok {
		return nil, eh.NewError(args[0].ID(), errKnownArgument.Error())
	}
	e := eh.NewIdent("known")
	for _, field := range path {
		e = eh.NewSelect(e, field)
	}
	return e, nil
}

// fieldPath reads a.b.c back from its expression.
func fieldPath(e ast.Expr) ([]string, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return []string{e.AsIdent()}, true
	case ast.SelectKind:
		s := e.AsSelect()
		path, ok := fieldPath(s.Operand())
		return append(path, s.FieldName()), ok && !s.IsTestOnly()
	default:
		return nil, false
	}
}
