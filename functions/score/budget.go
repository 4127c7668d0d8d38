package score

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// BudgetHeader says in how many milliseconds the caller wants an answer, counted from when the request's header is here. What
// cannot be decided and stored by then is answered with the fallback, which is provisional and no approval.
const BudgetHeader = "Pix-Time-Budget-Ms"

// DefaultMaxBudget is what Deps.MaxBudget is where it is 0. It is DECISION_TIMEOUT's default.
const DefaultMaxBudget = 300 * time.Millisecond

// budget is the time that a caller gives.
type budget time.Duration

// budgetOf reads the header. Without it the caller gives the most there is, so that the fallback comes within that as well. One
// that is misspelt must not be taken for none: its caller would wait longer than it can.
func (s *Service) budgetOf(h http.Header) (budget, error) {
	values := h.Values(BudgetHeader)
	if len(values) == 0 {
		return budget(s.deps.MaxBudget), nil
	}
	most := s.deps.MaxBudget.Milliseconds()
	n, err := strconv.ParseUint(values[0], 10, 32)
	if err != nil || len(values) > 1 || n == 0 || n > uint64(most) {
		return 0, &problem.Problem{
			Status: http.StatusBadRequest, Kind: pix.Invalid.String(),
			Detail: fmt.Sprintf("%s is one whole number of milliseconds, 1 to %d. Without it the answer comes within %d.", BudgetHeader, most, most),
		}
	}
	return budget(time.Duration(n) * time.Millisecond), nil
}

// left is what of the budget the engine may use, when so much has passed. Of a budget that is over it is the least there
// is: the fallback is given at once.
func (b budget) left(passed time.Duration) time.Duration {
	return max(time.Duration(b)-passed, 1)
}
