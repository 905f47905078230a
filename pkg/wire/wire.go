// Package wire is Go values as bytes, for files of flow's own that can be made again at
// any time: it is fast to read, and says nothing to other programs or versions.
//
// Encode and Decode take any value of structs (their exported fields), pointers, slices,
// arrays of bytes, maps with texts as keys, texts, numbers and booleans. What is shared
// by two pointers comes back as two. Each text is stored once, and all texts that
// Decode returns share one piece of memory.
//
// A value is decoded by the program that encoded it: nothing in the bytes tells its type.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
)

// errDamaged is what Decode says of bytes that Encode did not write.
var errDamaged = errors.New("the encoded value is damaged")

// Encode writes a value. The error is a type that can't be written, or an interface that
// is not nil.
func Encode(value any) ([]byte, error) {
	e := &encoder{places: map[string]uint64{}}
	if err := e.value(reflect.ValueOf(value)); err != nil {
		return nil, err
	}
	data := binary.AppendUvarint(nil, uint64(len(e.texts)))
	for _, text := range e.texts {
		data = binary.AppendUvarint(data, uint64(len(text)))
	}
	data = append(data, strings.Join(e.texts, "")...)
	return append(data, e.data...), nil
}

type encoder struct {
	data   []byte
	texts  []string
	places map[string]uint64 // of texts
}

func (e *encoder) number(n uint64) { e.data = binary.AppendUvarint(e.data, n) }

func (e *encoder) text(text string) {
	place, known := e.places[text]
	if !known {
		place = uint64(len(e.texts))
		e.places[text] = place
		e.texts = append(e.texts, text)
	}
	e.number(place)
}

func (e *encoder) value(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Bool:
		e.number(map[bool]uint64{true: 1}[v.Bool()])
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.data = binary.AppendVarint(e.data, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		e.number(v.Uint())
	case reflect.Float64:
		e.data = binary.LittleEndian.AppendUint64(e.data, math.Float64bits(v.Float()))
	case reflect.String:
		e.text(v.String())
	case reflect.Pointer:
		if v.IsNil() {
			e.number(0)
			return nil
		}
		e.number(1)
		return e.value(v.Elem())
	case reflect.Interface:
		if !v.IsNil() {
			return fmt.Errorf("a %s can't be written", v.Elem().Type())
		}
	case reflect.Struct:
		return e.fields(v)
	case reflect.Slice, reflect.Array:
		return e.items(v)
	case reflect.Map:
		return e.entries(v)
	default:
		return fmt.Errorf("a %s can't be written", v.Type())
	}
	return nil
}

// fields writes which fields are not zero, and these.
func (e *encoder) fields(v reflect.Value) error {
	var present uint64
	fields := exported(v.Type())
	if len(fields) > 64 {
		return fmt.Errorf("a %s can't be written: it has more than 64 fields", v.Type())
	}
	for i, field := range fields {
		if !v.Field(field).IsZero() {
			present |= 1 << i
		}
	}
	e.number(present)
	for i, field := range fields {
		if present&(1<<i) == 0 {
			continue
		}
		if err := e.value(v.Field(field)); err != nil {
			return err
		}
	}
	return nil
}

// items writes how many there are, one more for what is not nil, and each.
func (e *encoder) items(v reflect.Value) error {
	if v.Kind() == reflect.Slice {
		if v.IsNil() {
			e.number(0)
			return nil
		}
		e.number(uint64(v.Len()) + 1)
	}
	for i := range v.Len() {
		if err := e.value(v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) entries(v reflect.Value) error {
	if v.Type().Key().Kind() != reflect.String {
		return fmt.Errorf("a %s can't be written: its keys are no texts", v.Type())
	}
	if v.IsNil() {
		e.number(0)
		return nil
	}
	e.number(uint64(v.Len()) + 1)
	values := make(map[string]reflect.Value, v.Len())
	for each := v.MapRange(); each.Next(); {
		values[each.Key().String()] = each.Value()
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		e.text(key)
		if err := e.value(values[key]); err != nil {
			return err
		}
	}
	return nil
}

// exported returns the places of the fields that are written.
func exported(t reflect.Type) []int {
	var fields []int
	for i := range t.NumField() {
		if t.Field(i).IsExported() {
			fields = append(fields, i)
		}
	}
	return fields
}
