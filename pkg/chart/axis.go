package chart

import (
	"math"
	"strconv"
	"strings"
)

// axis places numbers on a line of a picture.
type axis struct {
	span
	from, to float64 // where low and high are in the picture
	ticks    []tick
}

// tick is a number that an axis names.
type tick struct {
	at   float64
	text string
}

func (a axis) place(x float64) float64 {
	return a.from + (x-a.low)/(a.high-a.low)*(a.to-a.from)
}

// newAxis widens a span to round numbers, about count of them with names.
func newAxis(s span, from, to float64, count int) axis {
	s = s.settle()
	step := roundStep((s.high - s.low) / float64(max(count, 1)))
	low, high := math.Floor(s.low/step+1e-9)*step, math.Ceil(s.high/step-1e-9)*step
	if !finite(low) || !finite(high) || low >= high || high-low == math.Inf(1) {
		low, high, step = s.low, s.high, s.high-s.low
	}
	a := axis{span: span{low, high}, from: from, to: to}
	a.ticks = ticksOf(a.span, step)
	return a
}

// tight is newAxis without the widening: the first and last number are at the ends. Its
// names are not closer than least.
func tight(s span, from, to float64, count int, least float64) axis {
	s = s.settle()
	step := max(least, roundStep((s.high-s.low)/float64(max(count, 1))))
	a := axis{span: s, from: from, to: to}
	a.ticks = ticksOf(s, step)
	return a
}

func ticksOf(s span, step float64) []tick {
	var ticks []tick
	first := math.Ceil(s.low/step - 1e-9)
	for i := range 100 {
		at := (first + float64(i)) * step
		if at > s.high+step*1e-9 || !finite(at) {
			break
		}
		ticks = append(ticks, tick{at, number(at, step)})
	}
	return ticks
}

// roundStep returns the next of 1, 2, 5, 10 … that is not smaller.
func roundStep(step float64) float64 {
	if !finite(step) || step <= 0 {
		return 1
	}
	size := math.Pow(10, math.Floor(math.Log10(step)))
	for _, factor := range []float64{1, 2, 5} {
		if step <= factor*size*(1+1e-9) {
			return factor * size
		}
	}
	return 10 * size
}

// number writes a tick with as many digits as its step needs.
func number(x, step float64) string {
	if x == 0 || math.Abs(x) < step*1e-6 {
		return "0"
	}
	if size := max(math.Abs(x), step); size >= 1e6 || size < 1e-4 {
		text := strconv.FormatFloat(x, 'e', significant(x, step), 64)
		mantissa, exponent, _ := strings.Cut(text, "e")
		if strings.Contains(mantissa, ".") {
			mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
		}
		power, _ := strconv.Atoi(exponent)
		return mantissa + "e" + strconv.Itoa(power)
	}
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	return strconv.FormatFloat(x, 'f', min(digits, 12), 64)
}

func significant(x, step float64) int {
	return min(max(0, int(math.Ceil(math.Log10(math.Abs(x))-math.Log10(step)))), 6)
}

// short writes a number for a cell: four significant digits.
func short(x float64) string {
	switch {
	case !finite(x):
		return "–"
	case x == math.Trunc(x) && math.Abs(x) < 1e7:
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}
