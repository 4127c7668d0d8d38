package lake

import "github.com/parquet-go/parquet-go"

// Group is a Parquet group whose columns keep the order in which they were added; parquet.Group alone sorts them by name, and
// readers that take columns by their place would get others.
type Group struct {
	parquet.Group
	names []string
}

// NewGroup returns a group without columns.
func NewGroup() *Group { return &Group{Group: parquet.Group{}} }

// Add adds a column behind the others.
func (g *Group) Add(name string, n parquet.Node) {
	g.Group[name] = n
	g.names = append(g.names, name)
}

// Fields implements parquet.Node.
func (g *Group) Fields() []parquet.Field {
	byName := map[string]parquet.Field{}
	for _, f := range g.Group.Fields() {
		byName[f.Name()] = f
	}
	fields := make([]parquet.Field, len(g.names))
	for i, name := range g.names {
		fields[i] = byName[name]
	}
	return fields
}
