package wire

import (
	"encoding/binary"
	"math"
	"reflect"
)

// maxDepth bounds how deep values lie in each other.
const maxDepth = 100

// Decode reads what Encode wrote into the value that a pointer points to, which is zero.
// Any bytes may be given: what is made of damaged ones is an error or some other value,
// and takes no more memory than a fixed multiple of theirs.
func Decode(data []byte, to any) error {
	d := &decoder{data: data, types: map[reflect.Type]read{}}
	if err := d.readTexts(); err != nil {
		return err
	}
	v := reflect.ValueOf(to).Elem()
	d.typed(v.Type())(v)
	if d.damaged || len(d.data) > 0 {
		return errDamaged
	}
	return nil
}

// read sets a value, which is zero, from what comes next.
type read func(reflect.Value)

type decoder struct {
	data    []byte
	texts   []string
	damaged bool
	depth   int
	types   map[reflect.Type]read
}

// readTexts takes the texts from the beginning.
func (d *decoder) readTexts() error {
	count := d.number()
	if d.damaged || count > uint64(len(d.data)) {
		return errDamaged
	}
	ends := make([]uint64, count)
	end := uint64(0)
	for i := range ends {
		size := d.number()
		if size > uint64(len(d.data)) {
			return errDamaged
		}
		end += size
		ends[i] = end
	}
	if d.damaged || end > uint64(len(d.data)) {
		return errDamaged
	}
	all := string(d.data[:end])
	d.data = d.data[end:]
	d.texts = make([]string, count)
	start := uint64(0)
	for i, end := range ends {
		d.texts[i], start = all[start:end], end
	}
	return nil
}

func (d *decoder) fail() { d.damaged, d.data = true, nil }

func (d *decoder) number() uint64 {
	if len(d.data) > 0 && d.data[0] < 0x80 { // most are small
		n := d.data[0]
		d.data = d.data[1:]
		return uint64(n)
	}
	n, size := binary.Uvarint(d.data)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.data = d.data[size:]
	return n
}

// count reads how many items follow; each takes a byte at least.
func (d *decoder) count() (n int, isNil bool) {
	count := d.number()
	if count == 0 {
		return 0, true
	}
	if count-1 > uint64(len(d.data)) {
		d.fail()
		return 0, true
	}
	return int(count - 1), false
}

func (d *decoder) text() string {
	place := d.number()
	if place >= uint64(len(d.texts)) {
		d.fail()
		return ""
	}
	return d.texts[place]
}

// typed returns what reads values of a type.
func (d *decoder) typed(t reflect.Type) read {
	if known, found := d.types[t]; found {
		return known
	}
	var made read
	d.types[t] = func(v reflect.Value) { made(v) } // for a type that holds itself
	made = d.make(t)
	d.types[t] = made
	return made
}

func (d *decoder) make(t reflect.Type) read {
	switch t.Kind() {
	case reflect.Bool:
		return func(v reflect.Value) { v.SetBool(d.number() != 0) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(v reflect.Value) {
			n, size := binary.Varint(d.data)
			if size <= 0 || v.OverflowInt(n) {
				d.fail()
				return
			}
			d.data = d.data[size:]
			v.SetInt(n)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(v reflect.Value) {
			if n := d.number(); !v.OverflowUint(n) {
				v.SetUint(n)
			} else {
				d.fail()
			}
		}
	case reflect.Float64:
		return func(v reflect.Value) {
			if len(d.data) < 8 {
				d.fail()
				return
			}
			v.SetFloat(math.Float64frombits(binary.LittleEndian.Uint64(d.data)))
			d.data = d.data[8:]
		}
	case reflect.String:
		return func(v reflect.Value) { v.SetString(d.text()) }
	case reflect.Pointer:
		return d.pointer(t)
	case reflect.Struct:
		return d.fields(t)
	case reflect.Slice:
		return d.slice(t)
	case reflect.Array:
		return d.array(t)
	case reflect.Map:
		return d.entries(t)
	}
	return func(reflect.Value) {} // an interface that is nil
}

func (d *decoder) pointer(t reflect.Type) read {
	elem := d.typed(t.Elem())
	return func(v reflect.Value) {
		if d.number() == 0 {
			return
		}
		if d.depth++; d.depth > maxDepth {
			d.fail()
			return
		}
		made := reflect.New(t.Elem())
		elem(made.Elem())
		v.Set(made)
		d.depth--
	}
}

func (d *decoder) fields(t reflect.Type) read {
	places := exported(t)
	reads := make([]read, len(places))
	for i, place := range places {
		reads[i] = d.typed(t.Field(place).Type)
	}
	return func(v reflect.Value) {
		present := d.number()
		for i := 0; present != 0; i, present = i+1, present>>1 {
			if present&1 == 0 {
				continue
			}
			if i >= len(reads) || d.damaged {
				d.fail()
				return
			}
			reads[i](v.Field(places[i]))
		}
	}
}

func (d *decoder) slice(t reflect.Type) read {
	elem := d.typed(t.Elem())
	return func(v reflect.Value) {
		count, isNil := d.count()
		if isNil {
			return
		}
		if d.depth++; d.depth > maxDepth {
			d.fail()
			return
		}
		made := reflect.MakeSlice(t, count, count)
		for i := 0; i < count && !d.damaged; i++ {
			elem(made.Index(i))
		}
		v.Set(made)
		d.depth--
	}
}

func (d *decoder) array(t reflect.Type) read {
	elem := d.typed(t.Elem())
	return func(v reflect.Value) {
		for i := 0; i < v.Len() && !d.damaged; i++ {
			elem(v.Index(i))
		}
	}
}

func (d *decoder) entries(t reflect.Type) read {
	elem := d.typed(t.Elem())
	return func(v reflect.Value) {
		count, isNil := d.count()
		if isNil {
			return
		}
		made := reflect.MakeMapWithSize(t, count)
		for i := 0; i < count && !d.damaged; i++ {
			key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			key.SetString(d.text())
			elem(value)
			made.SetMapIndex(key, value)
		}
		v.Set(made)
	}
}
