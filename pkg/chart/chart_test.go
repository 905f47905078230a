package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/ui"
)

func TestAxis_names(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		want      string
	}{
		{0, 1, "0 0.2 0.4 0.6 0.8 1.0"},
		{0.59, 0.68, "0.58 0.60 0.62 0.64 0.66 0.68"},
		{-3, 17, "-5 0 5 10 15 20"},
		{0, 1e7, "0 2e6 4e6 6e6 8e6 1e7"},
		{1e-9, 5e-9, "1e-9 2e-9 3e-9 4e-9 5e-9"},
		{7, 7, "2 4 6 8 10 12"},
		{math.Inf(1), math.Inf(-1), "0 0.2 0.4 0.6 0.8 1.0"},
	} {
		var names []string
		for _, tick := range newAxis(span{test.low, test.high}, 0, 100, 5).ticks {
			names = append(names, tick.text)
		}
		require.Equal(t, test.want, strings.Join(names, " "), "%v to %v", test.low, test.high)
	}
}

// TestThinned_keepsExtremes: what is left out can't be seen.
func TestThinned_keepsExtremes(t *testing.T) {
	var all Series
	for i := range 100000 {
		all.X, all.Y = append(all.X, float64(i)), append(all.Y, math.Sin(float64(i)/5000))
	}
	all.Y[41234], all.Y[77] = 9, -9
	less := thinned(all, 500)
	require.LessOrEqual(t, len(less.X), 4*501)
	require.Contains(t, less.Y, 9.0)
	require.Contains(t, less.Y, -9.0)
	require.Equal(t, all.X[0], less.X[0])
	require.Equal(t, all.X[len(all.X)-1], less.X[len(less.X)-1])
}

// TestSmoothed: a line stays as it is, and noise gets less.
func TestSmoothed(t *testing.T) {
	var line, noisy Series
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 100 {
		x := float64(i)
		line.X, line.Y = append(line.X, x), append(line.Y, 3*x-7)
		noisy.X, noisy.Y = append(noisy.X, x), append(noisy.Y, x+random.NormFloat64()*10)
	}
	for i, y := range smoothed(line).Y {
		require.InDelta(t, line.Y[i], y, 1e-6)
	}
	rough := func(s Series) (sum float64) {
		for i := range s.Y {
			sum += math.Abs(s.Y[i] - s.X[i])
		}
		return sum
	}
	require.Less(t, rough(smoothed(noisy)), rough(noisy)/2)
	require.Empty(t, smoothed(Series{X: []float64{1}, Y: []float64{math.NaN()}}).X)
}

// TestCharts_manyPoints: a million points make no larger a picture than a screen has
// room for.
func TestCharts_manyPoints(t *testing.T) {
	var many Series
	random := rand.New(rand.NewPCG(5, 6))
	for i := range 1_000_000 {
		many.X, many.Y = append(many.X, float64(i)), append(many.Y, random.Float64())
	}
	for _, kind := range []PlaneKind{Lines, Points, Smooth} {
		drawn := (&Plane{Kind: kind, Series: []Series{many}}).Picture(680).Inline()
		require.Less(t, len(drawn), 12<<20, kind)
	}
}

// TestCharts_anyData draws all kinds of charts from all kinds of numbers: each picture
// is XML, each sketch fits.
func TestCharts_anyData(t *testing.T) {
	odd := []float64{0, 1, -1, 1e300, -1e300, 5e-324, math.NaN(), math.Inf(1), math.Inf(-1), 1e-7, 123456789}
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 100 {
		var series []Series
		for range random.IntN(4) {
			s := Series{Name: "a <b> & \"c\" 東京"}
			for range random.IntN(30) {
				s.X, s.Y = append(s.X, odd[random.IntN(len(odd))]), append(s.Y, odd[random.IntN(len(odd))])
			}
			series = append(series, s)
		}
		var named []Series
		for _, s := range series {
			n := min(len(s.Y), 4)
			named = append(named, Series{Name: s.Name, X: []float64{0, 1, 2, 3}[:n], Y: s.Y[:n]})
		}
		names := []string{"x", "", "a very long name of a thing that does not fit", "東京"}
		matrix := Matrix{Rows: names, Columns: names[:2], Cells: [][]float64{{1, 0}, {2, math.NaN()}, {0, 0}, {1e9, 3}}}
		for _, chart := range []Chart{
			&Plane{Kind: Lines, Series: series, Title: "T"}, &Plane{Kind: Points, Series: series, XLabel: "x"}, &Plane{Kind: Smooth, Series: series},
			&Plane{Series: named, Names: names}, &Bars{Names: names, Series: series}, Matrices{matrix, matrix}, Matrices{},
		} {
			for _, width := range []float64{200, 680} {
				requireXML(t, chart.Picture(width).SVG())
				requireXML(t, chart.Picture(width).Inline())
			}
			if round%20 == 0 {
				_, err := chart.Picture(300).PNG(1)
				require.NoError(t, err)
			}
			for line := range strings.Lines(chart.Sketch(60)) {
				require.LessOrEqual(t, ui.TextWidth(strings.TrimRight(line, "\n")), 60, line)
			}
		}
	}
}

func requireXML(t *testing.T, text string) {
	t.Helper()
	require.NotContains(t, text, "NaN")
	require.NotContains(t, text, "Inf")
	require.NotRegexp(t, `"[^"]*\d{6}[^"]*" class`, text, "a place far off the sheet")
	for decoder := xml.NewDecoder(strings.NewReader(text)); ; {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

// Where all is by whole numbers, no other number is named below the lines.
func TestPlane_wholeNumbers(t *testing.T) {
	plane := func(xs ...float64) string {
		return (&Plane{Series: []Series{{X: xs, Y: make([]float64, len(xs))}}}).Picture(680).SVG()
	}
	require.NotContains(t, plane(0, 1), `"middle">0.2<`)
	require.Contains(t, plane(0, 1), ">1<")
	require.Contains(t, plane(0, 0.5, 1), `"middle">0.2<`)
	require.Contains(t, plane(0, 1, 2, 100), ">20<")
}
