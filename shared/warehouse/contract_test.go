package warehouse_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// TestEveryFactIsInItsColumn puts each entry of the contract alone into a payment and looks where the contract says that
// the row keeps it. A raw identifier is in no row: there is no place for it in a decision.
func TestEveryFactIsInItsColumn(t *testing.T) {
	t.Parallel()
	pix.Walk(pix.Contract(), func(path, column string, f *pix.Field) {
		if column == "" {
			return
		}
		empty, full := bare(), bare()
		something(f.Place(full))
		before, after := stored(t, empty, column), stored(t, full, column)
		if before == after || before != nil && !f.Own {
			t.Errorf("%s is not in the column %s: it is %v of a payment without, %v of one with it", path, column, before, after)
		}
		if f.Token != "" {
			if previous := stored(t, full, "previous_tokens."+strings.TrimSuffix(column, "_token")); previous != "previous" {
				t.Errorf("%s: its previous token is not in previous_tokens.%s", path, column)
			}
		}
	})
}

// bare is a payment of nothing but what every row has.
func bare() *pix.Carried {
	c := &pix.Carried{}
	c.ID, c.EventTime, c.Amount = "bare", time.Unix(1, 0), 1
	return c
}

// something is a value that is not absent.
func something(place any) {
	switch to := place.(type) {
	case *time.Time:
		*to = time.Unix(7, 0)
	case *pix.Optional[time.Time]:
		*to = pix.Some(time.Unix(7, 0))
	case *pix.Optional[time.Duration]:
		*to = pix.Some(7 * time.Second)
	case *pix.Optional[pix.Money]:
		*to = pix.Some[pix.Money](7)
	case *pix.Optional[int64]:
		*to = pix.Some[int64](7)
	case *pix.Optional[bool]:
		*to = pix.Some(true)
	case *pix.Money:
		*to = 7
	case *float64:
		*to = 7
	case *pix.TokenPair:
		*to = pix.TokenPair{Current: "current", Previous: "previous"}
	default:
		reflect.ValueOf(place).Elem().SetString("something")
	}
}

// stored is what a row has in a column, nil when it is NULL. A path goes on inside records and inside documents.
func stored(t *testing.T, c *pix.Carried, column string) any {
	t.Helper()
	m := rowMessage(t, warehouse.EncodeDecision(nil, &pix.Decision{Transaction: c.Transaction()}))
	name, rest, inside := strings.Cut(column, ".")
	fd := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	if fd == nil {
		t.Fatalf("table decisions has no column %s", name)
	}
	switch {
	case !m.Has(fd):
		return nil
	case inside && fd.Message() != nil:
		return m.Get(fd).Message().Get(fd.Message().Fields().ByName(protoreflect.Name(rest))).Interface()
	case !inside:
		return m.Get(fd).String()
	}
	var document any
	if err := json.Unmarshal([]byte(m.Get(fd).String()), &document); err != nil {
		t.Fatal(err)
	}
	for key := range strings.SplitSeq(rest, ".") {
		object, _ := document.(map[string]any)
		document = object[key]
	}
	return document
}
