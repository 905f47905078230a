package values

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSetting_in(t *testing.T) {
	const file = "train: {lr: 0.1, layers: [8, 16]}\nname: base\na.b: 1\n"
	tests := []struct{ setting, want string }{
		{"train.lr=0.2", `{"train":{"lr":0.2,"layers":[8,16]},"name":"base","a.b":1}`},
		{"p.yaml:train.lr=1e-3", `{"train":{"lr":0.001,"layers":[8,16]},"name":"base","a.b":1}`},
		{"train.layers.1=[1, x]", `{"train":{"lr":0.1,"layers":[8,[1,"x"]]},"name":"base","a.b":1}`},
		{"name=yes", `{"train":{"lr":0.1,"layers":[8,16]},"name":"yes","a.b":1}`},
		{"name=true", `{"train":{"lr":0.1,"layers":[8,16]},"name":true,"a.b":1}`},
		{"name=", `{"train":{"lr":0.1,"layers":[8,16]},"name":"","a.b":1}`},
		{"name=a=b", `{"train":{"lr":0.1,"layers":[8,16]},"name":"a=b","a.b":1}`},
		{"a.b=2", `{"train":{"lr":0.1,"layers":[8,16]},"name":"base","a.b":2}`},
		{"train={lr: 3}", `{"train":{"lr":3},"name":"base","a.b":1}`},
		{"train.depth=3", ""},
		{"other.yaml:name=x", ""},
	}
	for _, test := range tests {
		tree, err := Load("p.yaml", []byte(file))
		require.NoError(t, err)
		before := string(tree.JSON())
		setting, err := ParseSetting(test.setting)
		require.NoError(t, err, test.setting)
		set, made := setting.In(tree)
		require.Equal(t, test.want != "", made, test.setting)
		if made {
			require.Equal(t, test.want, string(set.JSON()), test.setting)
		}
		require.Equal(t, before, string(tree.JSON()), "the tree itself stays as it is")
	}
}

func TestParseSetting_mistakes(t *testing.T) {
	for _, text := range []string{"", "a", "=1", ":a=1", "f:=1", "a=[1", "a={", "a=\"x", "a=*x"} {
		_, err := ParseSetting(text)
		require.Error(t, err, text)
	}
}

func TestSetting_touches(t *testing.T) {
	setting, err := ParseSetting("a.b=1")
	require.NoError(t, err)
	for key, want := range map[string]bool{"": true, "a": true, "a.b": true, "a.b.c": true, "a.bc": false, "b": false, "a.c": false} {
		require.Equal(t, want, setting.Touches("any.yaml", key), key)
	}
}

func FuzzParseSetting(f *testing.F) {
	for _, seed := range []string{"a=1", "f.yaml:a.b=[1, {c: d}]", "a=", "a=\"x\"", "a=&x [*x]", "a: b=c"} {
		f.Add(seed)
	}
	tree, err := Load("f.yaml", []byte("a: {b: [1, 2], c: x}\nd: null\n"))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		setting, err := ParseSetting(text)
		if err != nil {
			return
		}
		set, made := setting.In(tree)
		if !made {
			return
		}
		at, found := set.At(setting.Key)
		require.True(t, found, "a key that was set is there")
		require.Equal(t, string((&Tree{root: setting.value}).JSON()), string(at.JSON()))
	})
}
