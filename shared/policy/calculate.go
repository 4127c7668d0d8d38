package policy

import (
	"errors"
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// errNotFinite is what a calculation gives whose result is NaN or infinite. CEL would go on with it, and every
// comparison but != would quietly be false.
var errNotFinite = errors.New("calculation gives no finite number")

// errMessage refuses protobuf messages: they bring numbers that no call computed, such as a FloatValue that overflows.
var errMessage = errors.New("builds a message; a rule has only numbers, texts, flags, lists and maps")

// calculation is a call within a rule. Calls are the only nodes that make numbers: variables are finite or not known,
// a literal that is not finite does not parse, and messages are refused.
type calculation struct{ interpreter.InterpretableCall }

// calculations wraps every call of a plan. CEL folds constants after it, so a constant that is not finite does not load.
func calculations(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if call, ok := node.(interpreter.InterpretableCall); ok {
		return &calculation{call}, nil
	}
	return node, nil
}

// Exec implements interpreter.InterpretableV2. A failure is an error, and is noted as well, since || and && forget the
// error of one side when the other side decides.
func (c *calculation) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	out := c.InterpretableCall.Exec(frame)
	switch v := out.(type) {
	case types.Double:
		if !finite(float64(v)) {
			out = types.WrapErr(errNotFinite)
			noteMiscalculation(frame)
		}
	case *types.Err:
		if !errors.Is(v, errUnknown) {
			noteMiscalculation(frame)
		}
	}
	return out
}

// Eval implements interpreter.Interpretable.
func (c *calculation) Eval(vars cel.Activation) ref.Val { return c.Exec(interpreter.AsFrame(vars)) }

// noteMiscalculation tells the payment's activation. While a pack loads there is none.
func noteMiscalculation(frame *interpreter.ExecutionFrame) {
	if a, ok := frame.Activation.(*activation); ok {
		a.miscalculated = true
	}
}

// buildsMessage reports whether an expression constructs a protobuf message.
func buildsMessage(checked *cel.Ast) bool {
	return len(ast.MatchDescendants(ast.NavigateAST(checked.NativeRep()), ast.KindMatcher(ast.StructKind))) > 0
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
