package chart

import (
	"cmp"
	"math"
	"slices"
)

// reach is which share of a series' points a smoothed one is made from.
const reach = 0.2

// smoothed returns a series that goes through its points' neighbourhoods: at each
// point, the line of least squares through the nearest, the nearer counting for more.
// That is LOESS of the first degree, with tricube weights.
func smoothed(s Series) Series {
	var pairs []pair
	for i := range s.X {
		if finite(s.X[i]) && finite(s.Y[i]) {
			pairs = append(pairs, pair{s.X[i], s.Y[i]})
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.x, b.x) })
	pairs = averaged(pairs, 4000)
	near := max(3, int(math.Ceil(reach*float64(len(pairs)))))
	out := Series{Name: s.Name}
	every := max(1, len(pairs)/400) // a picture shows no more
	first := 0
	for i := 0; i < len(pairs); i += every {
		x := pairs[i].x
		for first+near < len(pairs) && pairs[first+near].x-x < x-pairs[first].x {
			first++
		}
		window := pairs[first:min(first+near, len(pairs))]
		widest := max(x-window[0].x, window[len(window)-1].x-x) * 1.0001
		var sum, sumX, sumY, sumXX, sumXY float64
		within := emptySpan()
		for _, p := range window {
			within.take(p.y)
			weight := 1.0
			if widest > 0 {
				distance := math.Abs(p.x-x) / widest
				weight = math.Pow(1-distance*distance*distance, 3)
			}
			dx := p.x - x
			sum, sumX, sumY = sum+weight, sumX+weight*dx, sumY+weight*p.y
			sumXX, sumXY = sumXX+weight*dx*dx, sumXY+weight*dx*p.y
		}
		y := sumY / sum
		if det := sum*sumXX - sumX*sumX; det > 1e-12*sum*sumXX {
			y = (sumY*sumXX - sumX*sumXY) / det
		}
		if !finite(y) {
			y = sumY / sum
		}
		out.X, out.Y = append(out.X, x), append(out.Y, max(within.low, min(y, within.high)))
	}
	return out
}

type pair struct{ x, y float64 }

// averaged makes at most so many points, each the mean of its share of them.
func averaged(pairs []pair, most int) []pair {
	share := (len(pairs) + most - 1) / most
	if share <= 1 {
		return pairs
	}
	var out []pair
	for start := 0; start < len(pairs); start += share {
		some := pairs[start:min(start+share, len(pairs))]
		var sum pair
		for _, p := range some {
			sum.x, sum.y = sum.x+p.x/float64(len(some)), sum.y+p.y/float64(len(some))
		}
		out = append(out, sum)
	}
	return out
}

// sparse leaves out of many points those that lie on another one in the picture.
func sparse(s Series, x, y axis) Series {
	const many, grain = 2000, 2.0
	if len(s.X) <= many {
		return s
	}
	out := Series{Name: s.Name}
	taken := map[[2]int32]bool{}
	for i := range s.X {
		if !finite(s.X[i]) || !finite(s.Y[i]) {
			continue
		}
		cell := [2]int32{int32(x.place(s.X[i]) / grain), int32(y.place(s.Y[i]) / grain)}
		if !taken[cell] {
			taken[cell] = true
			out.X, out.Y = append(out.X, s.X[i]), append(out.Y, s.Y[i])
		}
	}
	return out
}

// thinned returns points that look the same in so many columns: of each column the
// first, the lowest, the highest and the last.
func thinned(s Series, columns int) Series {
	if len(s.X) <= 4*columns || !slices.IsSorted(s.X) {
		return s
	}
	low, high := s.X[0], s.X[len(s.X)-1]
	out := Series{Name: s.Name}
	for start := 0; start < len(s.X); {
		column := columnOf(s.X[start], low, high, columns)
		end := start + 1
		for end < len(s.X) && columnOf(s.X[end], low, high, columns) == column {
			end++
		}
		least, most := start, start
		for i := start; i < end; i++ {
			if s.Y[i] < s.Y[least] || !finite(s.Y[least]) {
				least = i
			}
			if s.Y[i] > s.Y[most] || !finite(s.Y[most]) {
				most = i
			}
		}
		keep := []int{start, least, most, end - 1}
		slices.Sort(keep)
		for _, i := range slices.Compact(keep) {
			out.X, out.Y = append(out.X, s.X[i]), append(out.Y, s.Y[i])
		}
		start = end
	}
	return out
}

func columnOf(x, low, high float64, columns int) int {
	if high <= low {
		return 0
	}
	return int((x - low) / (high - low) * float64(columns))
}
