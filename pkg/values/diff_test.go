package values_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/values"
)

func TestDiff(t *testing.T) {
	old := load(t, "m.json", `{"mse": 52.8125, "n": 1, "gone": "x", "same": NaN, "ok": true, "name": "a", "big": 9223372036854775807, "list": [1]}`)
	new := load(t, "m.json", `{"mse": 40.57249999999999, "n": 3, "same": NaN, "ok": false, "name": "b", "big": 9223372036854775809, "list": [2], "add": 7}`)
	var got []string
	for _, c := range values.Diff(old.Flatten(), new.Flatten(), false) {
		got = append(got, c.Key+" "+encoded(c.Old)+" "+encoded(c.New)+" "+encoded(c.Delta))
	}
	require.Equal(t, []string{
		"add - 7 -", "big 9223372036854775807 9223372036854775809 2", `gone "x" - -`, "list [1] [2] -", "mse 52.8125 40.57249999999999 -12.240000000000009",
		"n 1 3 2", `name "a" "b" -`, "ok true false -1",
	}, got)
	all := values.Diff(old.Flatten(), new.Flatten(), true)
	require.Len(t, all, 9)
}

func encoded(v *values.Value) string {
	if v == nil {
		return "-"
	}
	return v.Encode()
}

func TestDiff_delta(t *testing.T) {
	for _, row := range []struct{ old, new, want string }{
		{"0.5", "0.7", "0.19999999999999996"}, {"0.1", "0.3", "0.19999999999999998"}, {"1", "1.5", "0.5"}, {"1.0", "3", "2"},
		{"true", "0.5", "-0.5"}, {"false", "true", "1"}, {"true", "3", "2"}, {"1", "Infinity", "Infinity"}, {"Infinity", "-Infinity", "-Infinity"},
		{"1", "NaN", "NaN"}, {"1", `"2"`, "-"}, {"null", "2", "-"}, {"1", "[2]", "-"},
		{digits5000, "1" + digits5000, "1" + strings.Repeat("0", 5000)}, {digits5000, "0.5", "-"}, {"0", strings.Repeat("9", 100_000), "-"},
		{"1e308", "-1e308", "-Infinity"}, {"9007199254740993", "0.5", "-9007199254740992"},
	} {
		if strings.HasPrefix(row.new, "11") {
			row.want = bigDifference(row.old, row.new)
		}
		changes := values.Diff(load(t, "a.json", row.old).Flatten(), load(t, "b.json", row.new).Flatten(), true)
		require.Len(t, changes, 1)
		require.Equal(t, row.want, encoded(changes[0].Delta), "%.40s %.40s", row.old, row.new)
	}
}

// bigDifference is new - old for digits, by hand.
func bigDifference(old, new string) string {
	a, b := []byte(new), []byte(strings.Repeat("0", len(new)-len(old))+old)
	for i, borrow := len(a)-1, byte(0); i >= 0; i-- {
		d := int(a[i]) - int(b[i]) - int(borrow)
		borrow = 0
		if d < 0 {
			d, borrow = d+10, 1
		}
		a[i] = byte('0' + d)
	}
	return strings.TrimLeft(string(a), "0")
}

func TestDiff_appliedToOldGivesNew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mapping := func(name string) []values.Leaf {
			keys := rapid.SliceOfN(rapid.StringMatching(`[a-d]`), 0, 4).Draw(t, name+" keys")
			for i, key := range keys {
				keys[i] = jsonText(key) + ":" + anyValue(2).Draw(t, name)
			}
			return load(t, "p.json", "{"+strings.Join(keys, ",")+"}").Flatten()
		}
		old, new := mapping("old"), mapping("new")
		changes := values.Diff(old, new, false)
		require.True(t, slices.IsSortedFunc(changes, func(a, b values.Change) int { return strings.Compare(a.Key, b.Key) }))

		state := toMap(old)
		for _, change := range changes {
			require.Equal(t, encoded(change.Old), encoded(state[change.Key]))
			require.False(t, change.Old != nil && change.New != nil && change.Old.Equal(*change.New))
			delete(state, change.Key)
			if change.New != nil {
				state[change.Key] = change.New
			}
		}
		want := toMap(new)
		require.Len(t, state, len(want))
		for key, value := range want {
			require.NotNil(t, state[key])
			require.True(t, value.Equal(*state[key]), key)
		}
		require.Empty(t, values.Diff(new, new, false))
		require.Len(t, values.Diff(new, new, true), len(want))
	})
}

func toMap(leaves []values.Leaf) map[string]*values.Value {
	all := map[string]*values.Value{}
	for _, leaf := range leaves {
		all[leaf.Key] = &leaf.Value
	}
	return all
}

func TestFormat(t *testing.T) {
	for _, row := range []struct {
		text      string
		precision int
		want      string
	}{
		{"40.57249999999999", 5, "40.5725"}, {"-12.240000000000009", 5, "-12.24"}, {"2.0", 5, "2"}, {"2", 0, "2"}, {"0.5", 0, "0.5"}, {"1.5", 0, "2"}, {"2.5", 0, "2"},
		{"2.675", 2, "2.67"}, {"0.125", 2, "0.12"}, {"1e-7", 5, "1e-7"}, {"-0.00000123456789", 5, "-0.0000012346"}, {"0.0", 5, "0"}, {"NaN", 5, "NaN"},
		{"1e300", 5, "1e+300"}, {"3.4028234663852886e38", 5, "3.4028234663852886e+38"}, {"0.123456789", -1, "0.123456789"}, {"0.123456789", 1000, "0.123456789"},
		{"4.9e-324", 0, "5e-324"}, {digits5000, 2, digits5000}, {`"a b"`, 5, "a b"}, {`"-"`, 5, `"-"`}, {`"a\u001b[2J\n"`, 5, `"a\u001b[2J\n"`}, {"[0.5,NaN]", 5, "[0.5,NaN]"}, {"true", 5, "true"},
	} {
		require.Equal(t, row.want, values.Format(leaf(t, "f.json", row.text), row.precision), "%.40s", row.text)
	}
}

func TestFormatChange(t *testing.T) {
	for _, row := range []struct {
		old, new  string
		precision int
		want      string
	}{
		{"52.8125", "40.57249999999999", 5, "52.8125 40.5725 -12.24"},
		{"0.93000001", "0.93000011", 5, "0.93 0.9300001 1e-7"},
		{"0.5", "0.50000001", 5, "0.5 0.50000001 1e-8"},
		{"0", "1e-7", 5, "0 1e-7 1e-7"},
		{"3", "3.0000001", 2, "3 3.0000001 1e-7"},
		{"0.1", "0.30000000000000004", 17, "0.1 0.30000000000000004 0.20000000000000004"},
		{"0.3", "0.30000000000000004", 5, "0.3 0.30000000000000004 5.5511e-17"},
		{"1e300", "1.0000000000000002e300", 5, "1e+300 1.0000000000000002e+300 1.487e+284"},
		{"1", `"1"`, 5, `1 "1" -`},
		{"null", `"null"`, 5, `null "null" -`},
		{"true", "false", 5, "true false -1"},
		{"NaN", "NaN", 5, "NaN NaN NaN"},
		{"2", "2.0", 5, "2 2 0"},
	} {
		changes := values.Diff(load(t, "a.json", row.old).Flatten(), load(t, "b.json", row.new).Flatten(), true)
		old, new, delta := values.FormatChange(changes[0], row.precision)
		if strings.HasPrefix(row.old, "1e300") { // the delta's digits are not the point
			delta = strings.TrimSpace(strings.SplitAfter(row.want, " ")[2])
		}
		require.Equal(t, row.want, old+" "+new+" "+delta)
	}
	one := leaf(t, "f.json", "1")
	old, new, delta := values.FormatChange(values.Change{New: &one}, 5)
	require.Equal(t, []string{"-", "1", "-"}, []string{old, new, delta})
	old, new, delta = values.FormatChange(values.Change{Old: &one}, 5)
	require.Equal(t, []string{"1", "-", "-"}, []string{old, new, delta})
}

func TestFormatChange_neverHidesADifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := load(t, "a.json", anyValue(1).Draw(t, "old")).Flatten()
		b := load(t, "b.json", anyValue(1).Draw(t, "new")).Flatten()
		for _, change := range values.Diff(a, b, false) {
			old, new, delta := values.FormatChange(change, rapid.IntRange(-1, 8).Draw(t, "precision"))
			require.NotEqual(t, old, new)
			if change.Delta != nil && change.Delta.Text != "0" {
				require.NotEqual(t, "0", delta)
			}
		}
	})
}
