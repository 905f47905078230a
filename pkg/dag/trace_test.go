package dag

import (
	"fmt"
	"slices"
	"strings"
)

// tracer follows the lines of a drawing by its glyphs alone.
type tracer struct {
	grid  [][]rune
	boxOf map[[2]int]string // the name in the box that a border cell belongs to
	seen  map[[2]int]bool
}

var armsOf = func() map[rune]uint8 {
	arms := map[rune]uint8{}
	for bits, glyph := range lineGlyphs(false) {
		if bits&(bits-1) != 0 {
			arms[[]rune(glyph)[0]] = uint8(bits)
		}
	}
	return arms
}()

var directions = []struct {
	arm, back uint8
	dx, dy    int
}{{up, down, 0, -1}, {down, up, 0, 1}, {left, right, -1, 0}, {right, left, 1, 0}}

func (t *tracer) at(x, y int) rune {
	if y < 0 || y >= len(t.grid) || x < 0 || x >= len(t.grid[y]) {
		return ' '
	}
	return t.grid[y][x]
}

func newTracer(text string) *tracer {
	t := &tracer{boxOf: map[[2]int]string{}, seen: map[[2]int]bool{}}
	for line := range strings.Lines(text) {
		t.grid = append(t.grid, []rune(strings.TrimSuffix(line, "\n")))
	}
	return t
}

// find returns where a name stands.
func (t *tracer) find(name string) (x, y int) {
	for y, row := range t.grid {
		if at := strings.Index(string(row), name); at >= 0 {
			return len([]rune(string(row)[:at])), y
		}
	}
	return -1, -1
}

// traceBoxes returns the edges of a drawing with boxes.
func traceBoxes(text string, names []string) ([]Edge, error) {
	t := newTracer(text)
	var exits [][2]int
	for _, name := range names {
		below, err := t.frame(name)
		if err != nil {
			return nil, err
		}
		exits = append(exits, below...)
	}
	edges := map[Edge]bool{}
	for _, exit := range exits {
		entered, err := t.follow(exit)
		if err != nil {
			return nil, err
		}
		for _, to := range entered {
			edges[Edge{From: t.boxOf[exit], To: to}] = true
		}
	}
	for y, row := range t.grid {
		for x, r := range row {
			if armsOf[r] != 0 && !t.seen[[2]int{x, y}] && t.boxOf[[2]int{x, y}] == "" {
				return nil, fmt.Errorf("the %c in line %d, column %d belongs to nothing", r, y+1, x+1)
			}
		}
	}
	var list []Edge
	for edge := range edges {
		list = append(list, edge)
	}
	return list, nil
}

// frame walks around the box of a name and returns where lines leave it.
func (t *tracer) frame(name string) (exits [][2]int, err error) {
	x, y := t.find(name)
	x1, x2, y1, y2 := x, x+len(name), y, y
	for t.at(x1, y) != '│' {
		x1--
	}
	for t.at(x2, y) != '│' {
		x2++
	}
	for t.at(x1, y1) == '│' {
		y1--
	}
	for t.at(x1, y2) == '│' {
		y2++
	}
	corners := string([]rune{t.at(x1, y1), t.at(x2, y1), t.at(x1, y2), t.at(x2, y2)})
	if corners != "╭╮╰╯" {
		return nil, fmt.Errorf("the box of %s has the corners %s", name, corners)
	}
	for y := y1; y <= y2; y++ {
		for x := x1; x <= x2; x++ {
			t.boxOf[[2]int{x, y}] = name
			glyph, inside := t.at(x, y), x > x1 && x < x2
			switch {
			case inside && y == y1 && glyph != '─' && glyph != '┴',
				inside && y == y2 && glyph != '─' && glyph != '┬',
				inside && y > y1 && y < y2 && armsOf[glyph] != 0,
				!inside && y > y1 && y < y2 && glyph != '│':
				return nil, fmt.Errorf("the box of %s has a %c", name, glyph)
			case inside && y == y2 && glyph == '┬':
				exits = append(exits, [2]int{x, y})
			}
		}
	}
	return exits, nil
}

// follow walks along all lines that are joined with an exit, and returns the boxes that
// they enter.
func (t *tracer) follow(exit [2]int) (entered []string, err error) {
	been := map[[2]int]bool{}
	for walk := [][2]int{exit}; len(walk) > 0; {
		x, y := walk[0][0], walk[0][1]
		walk = walk[1:]
		arms := armsOf[t.at(x, y)]
		if t.boxOf[[2]int{x, y}] != "" {
			arms = down
		}
		for _, d := range directions {
			if arms&d.arm == 0 {
				continue
			}
			next := [2]int{x + d.dx, y + d.dy}
			for d.dx != 0 && t.at(next[0], next[1]) == '│' {
				next[0] += d.dx // passes below another line
			}
			glyph := t.at(next[0], next[1])
			if armsOf[glyph]&d.back == 0 {
				return nil, fmt.Errorf("the line from %s ends at a %c in line %d, column %d", t.boxOf[exit], glyph, next[1]+1, next[0]+1)
			}
			box := t.boxOf[next]
			switch {
			case box != "" && d.arm == down && glyph == '┴':
				entered = append(entered, box)
			case box != "" && (d.arm != up || glyph != '┬'):
				return nil, fmt.Errorf("a line from %s runs into %s", t.boxOf[exit], box)
			case box == "" && !been[next]:
				been[next], t.seen[next] = true, true
				walk = append(walk, next)
			}
		}
	}
	return entered, nil
}

// gatherArms are the glyphs of lanes that gather.
var gatherArms = map[rune]uint8{
	'║': up | down, '╢': up | down | left, '╟': up | down | right, '╫': up | down | left | right,
	'╜': up | left, '╙': up | right, '╨': up | left | right,
}

func laneArms(r rune) uint8 { return armsOf[r] | gatherArms[r] }

// traceLanes returns the edges of a drawing with a line for each node.
func traceLanes(text string, names []string) ([]Edge, error) {
	t := newTracer(text)
	inLine := map[int]string{}
	for _, name := range names {
		_, y := t.find(name)
		inLine[y] = name
	}
	var edges []Edge
	for y, name := range inLine {
		for _, lane := range t.lanesAt(y) {
			gathers := gatherArms[t.at(lane, y)] != 0
			if t.isMark(lane, y) {
				if gatherArms[t.at(lane, y+1)]&up != 0 {
					edges = append(edges, Edge{From: name, To: inLine[t.end(lane, y, 1)]})
				}
				if t.at(lane, y) == '○' || gatherArms[t.at(lane, y-1)] != 0 {
					continue
				}
			}
			switch {
			case gathers && laneArms(t.at(lane, y))&down != 0:
				edges = append(edges, Edge{From: name, To: inLine[t.end(lane, y, 1)]})
			case gathers: // found from its other end
			default:
				top := t.end(lane, y, -1)
				if top < 0 {
					return nil, fmt.Errorf("the lane into %s comes from nowhere", name)
				}
				edges = append(edges, Edge{From: inLine[top], To: name})
			}
		}
	}
	return edges, nil
}

func (t *tracer) isMark(x, y int) bool { return t.at(x, y) == '●' || t.at(x, y) == '○' }

// end follows a lane up or down to the line that it begins or ends in.
func (t *tracer) end(lane, y, step int) int {
	on, back := uint8(up), uint8(down)
	if step > 0 {
		on, back = down, up
	}
	for {
		y += step
		arms := laneArms(t.at(lane, y))
		switch {
		case t.isMark(lane, y):
			return y
		case arms&back == 0:
			return -1
		case arms&on == 0:
			return y
		}
	}
}

// lanesAt returns the columns of the mark in a line, and of the lanes joined with it.
func (t *tracer) lanesAt(y int) []int {
	mark := slices.IndexFunc(t.grid[y], func(r rune) bool { return r == '●' || r == '○' })
	lanes := []int{mark}
	for _, step := range []int{-1, 1} {
		back := uint8(right)
		if step > 0 {
			back = left
		}
		for x := mark + step; ; x += step {
			arms := laneArms(t.at(x, y))
			over := arms == up|down && laneArms(t.at(x+step, y))&back != 0
			if !over && arms&back == 0 {
				break
			}
			if !over && arms&up != 0 {
				lanes = append(lanes, x)
			}
		}
	}
	return lanes
}
