package warehouse_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	const client = "cloud.google.com/go/bigquery/storage/managedwriter"
	goleak.VerifyTestMain(m,
		// The client's metrics library starts one worker per process and never stops it.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The client sleeps 20 s before it forgets a connection that it replaced, and at most 1 s before a retry, also
		// when it is closed meanwhile.
		goleak.IgnoreAnyFunction(client+".(*connection).getStream.func1"),
		goleak.IgnoreAnyFunction(client+".(*ManagedStream).processRetry"),
		// The emulator's pool of database connections.
		goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
	)
}
