package engine

import (
	"fmt"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/stages"
)

// pool is what the stages of a run share: a total of each resource, and the names of
// the devices. A stage that needs more than is free waits, and with it what stands
// behind it in the queue and needs the same.
type pool struct {
	totals  map[string]int64
	free    map[string]int64
	gpus    []string // all
	devices []string // those that no stage has
	cores   bool     // a stage that says nothing of cores needs one
}

// grant is what a stage has until it is given back. A map stage has it for each of the
// commands that it may run at a time: as many as there is enough for when it starts.
type grant struct {
	commands int
	amounts  map[string]int64 // of all commands
	devices  []string         // those of the first command first
	gpus     bool             // devices say which GPUs it may use, be it none
}

// input is the resource that flow's own standard input is. Nobody can declare it.
const input = "/stdin"

func newPool(totals map[string]int64, devices []string, cores bool) *pool {
	p := &pool{totals: totals, free: map[string]int64{input: 1}, gpus: devices, devices: slices.Clone(devices), cores: cores}
	for name, total := range totals {
		p.free[name] = total
	}
	return p
}

// needs returns what a command of a stage asks for, as far as there is any: what asks for more is
// refused elsewhere, unless it only has to be restored.
func (p *pool) needs(stage *stages.Stage) map[string]int64 {
	needs := map[string]int64{}
	if stage.Source {
		return needs
	}
	if p.cores {
		needs[stages.CPU] = min(1, p.totals[stages.CPU])
	}
	for _, resource := range stage.Resources {
		needs[resource.Name] = min(resource.Amount, p.totals[resource.Name])
	}
	if stage.Stdin {
		needs[input] = 1
	}
	return needs
}

// fits reports whether a stage can have what it needs, of which nothing may be among
// what is claimed; if it can't, all that it needs and lacks is claimed.
func (p *pool) fits(stage *stages.Stage, claimed map[string]bool) bool {
	fits := true
	var short []string
	for name, amount := range p.needs(stage) {
		if amount == 0 {
			continue
		}
		fits = fits && amount <= p.free[name] && !claimed[name]
		if amount > p.free[name] {
			short = append(short, name)
		}
	}
	for _, name := range short {
		claimed[name] = true
	}
	return fits
}

// take grants a stage what it needs.
func (p *pool) take(stage *stages.Stage) grant {
	g := grant{amounts: p.needs(stage), commands: 1}
	if stage.Map != nil {
		g.commands = stage.Map.Jobs
	}
	for name, amount := range g.amounts {
		if amount > 0 {
			g.commands = max(1, min(g.commands, int(p.free[name]/amount)))
		}
	}
	for name, amount := range g.amounts {
		g.amounts[name] = amount * int64(g.commands)
		p.free[name] -= g.amounts[name]
	}
	if count, asked := g.amounts[stages.GPU]; asked {
		count = min(count, int64(len(p.devices)))
		g.devices, g.gpus = slices.Clone(p.devices[:count]), true
		p.devices = slices.Delete(p.devices, 0, int(count))
	}
	return g
}

// give takes a grant back.
func (p *pool) give(g grant) {
	for name, amount := range g.amounts {
		p.free[name] += amount
	}
	p.devices = append(p.devices, g.devices...)
	slices.SortFunc(p.devices, func(a, b string) int { return slices.Index(p.gpus, a) - slices.Index(p.gpus, b) })
}

// env tells one of the commands, counted from 0, which GPUs are its own.
func (g grant) env(command int) []string {
	if !g.gpus {
		return nil
	}
	each := len(g.devices) / g.commands
	return []string{"CUDA_VISIBLE_DEVICES=" + strings.Join(g.devices[command*each:(command+1)*each], ",")}
}

// checkResources refuses stages that need more than there is: they would wait for ever.
func (e *Engine) checkResources(plan *Plan) error {
	var problems diag.List
	for _, step := range plan.Steps {
		if runs(step) {
			problems = append(problems, e.lacks(step.Stage)...)
		}
	}
	return problems.Err()
}

// lacks tells what there is too little of for a stage.
func (e *Engine) lacks(stage *stages.Stage) diag.List {
	var problems diag.List
	for _, resource := range stage.Resources {
		total, known := e.Totals[resource.Name]
		if resource.Amount <= total {
			continue
		}
		problem := diag.At(resource.Pos, "stage %q needs %s, and there %s", stage.Title(), amount(resource.Name, resource.Amount), available(resource.Name, total, known))
		problems.Add(problem.WithHint("if there is more: flow config resources.%s %s", resource.Name, amountValue(resource.Name, resource.Amount)))
	}
	return problems
}

func available(name string, total int64, known bool) string {
	switch {
	case total == 0 && !known:
		return "is none: the config declares no resources." + name
	case total == 0:
		return "is none"
	}
	return "is only " + amountValue(name, total)
}

func amount(name string, n int64) string {
	return fmt.Sprintf("%s of the resource %s", amountValue(name, n), name)
}

// amountValue writes an amount as it may stand in a file.
func amountValue(name string, n int64) string {
	if name == stages.Memory {
		for _, unit := range []struct {
			name  string
			bytes int64
		}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
			if n >= unit.bytes && n%unit.bytes == 0 {
				return fmt.Sprintf("%d%s", n/unit.bytes, unit.name)
			}
		}
	}
	return fmt.Sprint(n)
}
