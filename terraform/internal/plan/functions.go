package plan

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"net/netip"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions are Terraform's, as far as a configuration of ours has use for them: a call of any other is a problem that
// names it.
func functions(files fs.FS) map[string]function.Function {
	all := standard()
	for _, more := range []map[string]function.Function{conversions(), texts(), collections(), fromFiles(files)} {
		maps.Copy(all, more)
	}
	all["templatefile"] = template(files, maps.Clone(all))
	return all
}

// standard are those that cty has with Terraform's meaning.
func standard() map[string]function.Function {
	return map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "chomp": stdlib.ChompFunc, "chunklist": stdlib.ChunklistFunc,
		"coalescelist": stdlib.CoalesceListFunc, "compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc,
		"contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc,
		"flatten": stdlib.FlattenFunc, "floor": stdlib.FloorFunc, "format": stdlib.FormatFunc, "formatdate": stdlib.FormatDateFunc,
		"formatlist": stdlib.FormatListFunc, "indent": stdlib.IndentFunc, "join": stdlib.JoinFunc,
		"jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc, "keys": stdlib.KeysFunc, "lower": stdlib.LowerFunc,
		"max": stdlib.MaxFunc, "merge": stdlib.MergeFunc, "min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc,
		"pow": stdlib.PowFunc, "range": stdlib.RangeFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc,
		"reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc, "setproduct": stdlib.SetProductFunc,
		"setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc,
		"split": stdlib.SplitFunc, "substr": stdlib.SubstrFunc, "timeadd": stdlib.TimeAddFunc, "title": stdlib.TitleFunc,
		"trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc,
		"trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,
		"try": tryfunc.TryFunc, "can": tryfunc.CanFunc,
	}
}

func conversions() map[string]function.Function {
	return map[string]function.Function{
		"tobool": stdlib.MakeToFunc(cty.Bool), "tonumber": stdlib.MakeToFunc(cty.Number), "tostring": stdlib.MakeToFunc(cty.String),
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
	}
}

func texts() map[string]function.Function {
	says := func(ok bool) (cty.Value, error) { return cty.BoolVal(ok), nil }
	text := func(s string) (cty.Value, error) { return cty.StringVal(s), nil }
	return map[string]function.Function{
		"startswith":   ofText(func(a []string) (cty.Value, error) { return says(strings.HasPrefix(a[0], a[1])) }),
		"endswith":     ofText(func(a []string) (cty.Value, error) { return says(strings.HasSuffix(a[0], a[1])) }),
		"strcontains":  ofText(func(a []string) (cty.Value, error) { return says(strings.Contains(a[0], a[1])) }),
		"base64encode": ofText(func(a []string) (cty.Value, error) { return text(base64.StdEncoding.EncodeToString([]byte(a[0]))) }),
		"timecmp":      ofText(timecmp),
		"replace": ofText(func(a []string) (cty.Value, error) {
			if pattern, ok := strings.CutPrefix(a[1], "/"); ok && strings.HasSuffix(pattern, "/") && pattern != "" {
				re, err := regexp.Compile(strings.TrimSuffix(pattern, "/"))
				if err != nil {
					return cty.DynamicVal, fmt.Errorf("replace: %w", err)
				}
				return text(re.ReplaceAllString(a[0], a[2]))
			}
			return text(strings.ReplaceAll(a[0], a[1], a[2]))
		}),
	}
}

// timecmp is -1, 0 or 1 as the first time is before, at or after the second.
func timecmp(a []string) (cty.Value, error) {
	var times [2]time.Time
	for i, text := range a {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return cty.DynamicVal, fmt.Errorf("timecmp: %w", err)
		}
		times[i%2] = at
	}
	return cty.NumberIntVal(int64(times[0].Compare(times[1]))), nil
}

func collections() map[string]function.Function {
	return map[string]function.Function{
		"length": dynamic(length), "one": dynamic(one), "lookup": dynamic(lookup), "sum": dynamic(sum), "alltrue": dynamic(allTrue),
		"cidrhost": dynamic(cidrhost),
	}
}

func length(a []cty.Value) (cty.Value, error) {
	if a[0].Type() == cty.String {
		return cty.NumberIntVal(int64(len([]rune(a[0].AsString())))), nil
	}
	if t := a[0].Type(); a[0].IsNull() || !t.IsCollectionType() && !t.IsTupleType() && !t.IsObjectType() {
		return cty.DynamicVal, errors.New("length takes a text, a list, a set or a map")
	}
	return cty.NumberIntVal(int64(a[0].LengthInt())), nil
}

func one(a []cty.Value) (cty.Value, error) {
	switch n := a[0].LengthInt(); n {
	case 0:
		return cty.NullVal(cty.DynamicPseudoType), nil
	case 1:
		it := a[0].ElementIterator()
		it.Next()
		_, v := it.Element()
		return v, nil
	default:
		return cty.DynamicVal, fmt.Errorf("one of a list of %d", n)
	}
}

func lookup(a []cty.Value) (cty.Value, error) {
	for it := a[0].ElementIterator(); it.Next(); {
		if key, v := it.Element(); key.IsKnown() && key.RawEquals(a[1]) {
			return v, nil
		}
	}
	if len(a) > 2 {
		return a[2], nil
	}
	return cty.DynamicVal, errors.New("lookup: no such key, and no other value")
}

func sum(a []cty.Value) (cty.Value, error) {
	total := new(big.Float)
	for it := a[0].ElementIterator(); it.Next(); {
		_, v := it.Element()
		n, err := convert.Convert(v, cty.Number)
		if err != nil || n.IsNull() {
			return cty.DynamicVal, errors.New("sum takes a list of numbers")
		}
		if !n.IsKnown() {
			return cty.UnknownVal(cty.Number), nil
		}
		total.Add(total, n.AsBigFloat())
	}
	return cty.NumberVal(total), nil
}

func allTrue(a []cty.Value) (cty.Value, error) {
	all := cty.True
	for it := a[0].ElementIterator(); it.Next(); {
		_, v := it.Element()
		b, err := convert.Convert(v, cty.Bool)
		if err != nil || b.IsNull() {
			return cty.DynamicVal, errors.New("alltrue takes a list of bools")
		}
		all = all.And(b)
	}
	return all, nil
}

// cidrhost is an address of a network of IPv4.
func cidrhost(a []cty.Value) (cty.Value, error) {
	prefix, err := netip.ParsePrefix(a[0].AsString())
	if err != nil || !prefix.Addr().Is4() {
		return cty.DynamicVal, errors.New("cidrhost takes a network of IPv4")
	}
	number, _ := a[1].AsBigFloat().Int64()
	return cty.StringVal(offset(prefix, uint32(number)).String()), nil
}

func offset(prefix netip.Prefix, by uint32) netip.Addr {
	b := prefix.Masked().Addr().As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	n += by
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// fromFiles is the function that reads the repository. Paths are from its root, as path.module is.
func fromFiles(files fs.FS) map[string]function.Function {
	return map[string]function.Function{
		"file": ofText(func(a []string) (cty.Value, error) {
			data, err := fs.ReadFile(files, path.Clean(a[0]))
			if err != nil {
				return cty.DynamicVal, fmt.Errorf("file: %w", err)
			}
			return cty.StringVal(string(data)), nil
		}),
	}
}

// template renders a file with variables.
func template(files fs.FS, known map[string]function.Function) function.Function {
	return dynamic(func(a []cty.Value) (cty.Value, error) {
		name := path.Clean(a[0].AsString())
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return cty.DynamicVal, fmt.Errorf("templatefile: %w", err)
		}
		expr, diags := hclsyntax.ParseTemplate(data, name, hcl.InitialPos)
		if diags.HasErrors() {
			return cty.DynamicVal, fmt.Errorf("templatefile: %w", diags)
		}
		values := map[string]cty.Value{}
		for it := a[1].ElementIterator(); it.Next(); {
			key, v := it.Element()
			values[key.AsString()] = v
		}
		v, diags := expr.Value(&hcl.EvalContext{Variables: values, Functions: known})
		if diags.HasErrors() {
			return cty.DynamicVal, fmt.Errorf("templatefile: %w", diags)
		}
		return v, nil
	})
}

// dynamic is a function of any arguments. What it is asked of something unknown is unknown.
func dynamic(f func(args []cty.Value) (cty.Value, error)) function.Function {
	call := func(args []cty.Value) (cty.Value, error) {
		for _, a := range args {
			if !a.IsKnown() {
				return cty.DynamicVal, nil
			}
		}
		if len(args) == 0 {
			return cty.DynamicVal, errors.New("no arguments")
		}
		return f(args)
	}
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "args", Type: cty.DynamicPseudoType, AllowUnknown: true, AllowNull: true, AllowDynamicType: true},
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := call(args)
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return call(args) },
	})
}

// ofText is a function of texts.
func ofText(f func(args []string) (cty.Value, error)) function.Function {
	return dynamic(func(args []cty.Value) (cty.Value, error) {
		var list []string
		for _, a := range args {
			text, err := convert.Convert(a, cty.String)
			if err != nil || text.IsNull() {
				return cty.DynamicVal, errors.New("takes texts alone")
			}
			list = append(list, text.AsString())
		}
		return f(list)
	})
}
