package picture

import (
	"math"
	"slices"
)

// flat is the path with its round corners as short lines.
func (p Path) flat() outline {
	if p.Corner == 0 {
		return slices.Clone(p.Points)
	}
	var out outline
	for i, at := range p.Points {
		if i == 0 || i+1 == len(p.Points) {
			out = append(out, at)
			continue
		}
		from, to := corner(p.Points[i-1], at, p.Points[i+1], p.Corner)
		out = append(out, bend(from, at, to)...)
	}
	return out
}

// bend is a quadratic curve.
func bend(from, over, to Point) outline {
	const steps = 8
	var out outline
	for i := range steps + 1 {
		t := float64(i) / steps
		a, b, c := (1-t)*(1-t), 2*t*(1-t), t*t
		out = append(out, Point{a*from.X + b*over.X + c*to.X, a*from.Y + b*over.Y + c*to.Y})
	}
	return out
}

// flat is the box's border, clockwise.
func (b Box) flat() outline {
	radius := min(b.Radius, b.W/2, b.H/2)
	if radius <= 0 {
		return outline{{b.X, b.Y}, {b.X + b.W, b.Y}, {b.X + b.W, b.Y + b.H}, {b.X, b.Y + b.H}}
	}
	var out outline
	for quarter, middle := range []Point{{b.X + b.W - radius, b.Y + radius}, {b.X + b.W - radius, b.Y + b.H - radius}, {b.X + radius, b.Y + b.H - radius}, {b.X + radius, b.Y + radius}} {
		const steps = 8
		for i := range steps + 1 {
			angle := (float64(quarter-1) + float64(i)/steps) * math.Pi / 2
			out = append(out, Point{middle.X + radius*math.Cos(angle), middle.Y + radius*math.Sin(angle)})
		}
	}
	return out
}

// dashed cuts a line into dashes; one that leads far off any sheet stays whole.
func dashed(points outline, dash []float64) []outline {
	far := func(p Point) bool { return math.Abs(p.X) > 1e5 || math.Abs(p.Y) > 1e5 }
	if len(dash) == 0 || slices.ContainsFunc(points, far) {
		return []outline{points}
	}
	var all []outline
	current, turn, left := outline{points[0]}, 0, dash[0]
	for i := 1; i < len(points); i++ {
		from, to := points[i-1], points[i]
		long := math.Hypot(to.X-from.X, to.Y-from.Y)
		for gone := 0.0; ; {
			if long-gone < left {
				left -= long - gone
				current = append(current, to)
				break
			}
			gone += left
			at := Point{from.X + (to.X-from.X)*gone/long, from.Y + (to.Y-from.Y)*gone/long}
			if turn%2 == 0 {
				all = append(all, append(current, at))
			}
			turn++
			current, left = outline{at}, max(dash[turn%len(dash)], 0.1)
		}
	}
	if turn%2 == 0 && len(current) > 1 {
		all = append(all, current)
	}
	return all
}

// stroke is the areas that a pen of a width covers: a strip along each piece of a line,
// and a disc at each corner. All go the same way round, so that they add up.
func stroke(lines []outline, width float64) []outline {
	half := width / 2
	var areas []outline
	for _, line := range lines {
		for i := 1; i < len(line); i++ {
			from, to := line[i-1], line[i]
			long := math.Hypot(to.X-from.X, to.Y-from.Y)
			if long == 0 {
				continue
			}
			x, y := (to.Y-from.Y)/long*half, -(to.X-from.X)/long*half
			areas = append(areas, outline{{from.X + x, from.Y + y}, {to.X + x, to.Y + y}, {to.X - x, to.Y - y}, {from.X - x, from.Y - y}})
			if i+1 < len(line) {
				areas = append(areas, Box{X: to.X - half, Y: to.Y - half, W: width, H: width, Radius: half}.flat())
			}
		}
	}
	return areas
}
