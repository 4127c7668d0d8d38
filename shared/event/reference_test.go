package event

import (
	"errors"
	"reflect"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// The reference goes between the domain and the generated message by the names of the fields alone, with the library's
// own types: a second way, which knows nothing of numbers, of the wire or of the form.

// toMessage writes a payment into a message; it returns an error for a code that the .proto files do not have.
func toMessage(fields []pix.Field, c *pix.Carried, m protoreflect.Message) (err error) {
	for i := range fields {
		f := &fields[i]
		fd := m.Descriptor().Fields().ByJSONName(f.Name)
		if f.Fields != nil {
			inner := m.NewField(fd)
			err = errors.Join(err, toMessage(f.Fields, c, inner.Message()))
			if proto.Size(inner.Message().Interface()) > 0 {
				m.Set(fd, inner)
			}
			continue
		}
		v, problem := toValue(fd, f.Place(c))
		if err = errors.Join(err, problem); v.IsValid() {
			m.Set(fd, v)
		}
	}
	return err
}

func toValue(fd protoreflect.FieldDescriptor, place any) (v protoreflect.Value, err error) {
	if o, ok := unwrap(place); ok {
		if place = o; place == nil {
			return v, nil
		}
	}
	switch to := place.(type) {
	case *pix.TokenPair:
		if *to == (pix.TokenPair{}) {
			return v, nil
		}
		return protoreflect.ValueOfMessage((&pixv1.Token{Current: string(to.Current), Previous: string(to.Previous)}).ProtoReflect()), nil
	case *time.Time:
		if to.IsZero() {
			return v, nil
		}
		return protoreflect.ValueOfMessage(timestamppb.New(*to).ProtoReflect()), nil
	case time.Time:
		return protoreflect.ValueOfMessage(timestamppb.New(to).ProtoReflect()), nil
	case time.Duration:
		return protoreflect.ValueOfMessage(durationpb.New(to).ProtoReflect()), nil
	case bool:
		return protoreflect.ValueOfBool(to), nil
	}
	switch x := reflect.Indirect(reflect.ValueOf(place)); {
	case fd.Kind() == protoreflect.EnumKind:
		if x.String() == "" || x.String() == notRecognised {
			return v, nil
		}
		values := fd.Enum().Values()
		prefix := string(values.ByNumber(0).Name())
		prefix = prefix[:len(prefix)-len("UNSPECIFIED")]
		value := values.ByName(protoreflect.Name(prefix + x.String()))
		if value == nil || value.Number() == 0 {
			return v, errors.New("unknown code")
		}
		return protoreflect.ValueOfEnum(value.Number()), nil
	case x.Kind() == reflect.String:
		return protoreflect.ValueOfString(x.String()), nil
	case x.Kind() == reflect.Float64:
		return protoreflect.ValueOfFloat64(x.Float()), nil
	default:
		return protoreflect.ValueOfInt64(x.Int()), nil
	}
}

// unwrap gives the value of a pointer to an Optional, nil when it is absent.
func unwrap(place any) (value any, ok bool) {
	get := reflect.ValueOf(place).MethodByName("Get")
	if !get.IsValid() || get.Type().NumOut() != 2 {
		return nil, false
	}
	if out := get.Call(nil); out[1].Bool() {
		return out[0].Interface(), true
	}
	return nil, true
}

// fromMessage reads a message into a payment. What a time or a duration cannot be is an error.
func fromMessage(fields []pix.Field, c *pix.Carried, m protoreflect.Message) (err error) {
	for i := range fields {
		f := &fields[i]
		fd := m.Descriptor().Fields().ByJSONName(f.Name)
		switch {
		case f.Fields != nil:
			err = errors.Join(err, fromMessage(f.Fields, c, m.Get(fd).Message()))
		case m.Has(fd):
			err = errors.Join(err, fromValue(fd, m.Get(fd), f.Place(c)))
		}
	}
	return err
}

func fromValue(fd protoreflect.FieldDescriptor, v protoreflect.Value, place any) error {
	to := reflect.ValueOf(place).Elem()
	switch {
	case fd.Kind() == protoreflect.EnumKind:
		to.SetString(codeOf(fd, v.Enum()))
		return nil
	case fd.Kind() == protoreflect.StringKind:
		to.SetString(v.String())
		return nil
	case fd.Kind() == protoreflect.DoubleKind:
		to.SetFloat(v.Float())
		return nil
	}
	switch to := place.(type) {
	case *pix.Money:
		*to = pix.Money(v.Int())
	case *pix.Optional[pix.Money]:
		*to = pix.Some(pix.Money(v.Int()))
	case *pix.Optional[int64]:
		*to = pix.Some(v.Int())
	case *pix.Optional[bool]:
		*to = pix.Some(v.Bool())
	case *pix.TokenPair:
		m, _ := v.Message().Interface().(*pixv1.Token)
		*to = pix.TokenPair{Current: pix.Token(m.GetCurrent()), Previous: pix.Token(m.GetPrevious())}
	case *time.Time:
		m, _ := v.Message().Interface().(*timestamppb.Timestamp)
		*to = m.AsTime()
		return m.CheckValid()
	case *pix.Optional[time.Time]:
		m, _ := v.Message().Interface().(*timestamppb.Timestamp)
		*to = pix.Some(m.AsTime())
		return m.CheckValid()
	case *pix.Optional[time.Duration]:
		m, _ := v.Message().Interface().(*durationpb.Duration)
		*to = pix.Some(m.AsDuration())
		return m.CheckValid()
	default:
		return errors.New("a kind of field that the reference does not know")
	}
	return nil
}

// codeOf is the domain's word for an enumeration's number.
func codeOf(fd protoreflect.FieldDescriptor, n protoreflect.EnumNumber) string {
	values := fd.Enum().Values()
	value := values.ByNumber(n)
	switch {
	case n == 0:
		return ""
	case value == nil:
		return notRecognised
	}
	return string(value.Name())[len(values.ByNumber(0).Name())-len("UNSPECIFIED"):]
}
