package project

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/stages"
)

// resourcesSection is the part of the config that says how much there is of what.
const resourcesSection = "resources"

// Cores is the value of jobs that means as many as there are cores.
const Cores = "cores"

// ParseJobs reads how many stages may run at the same time; as many as there are cores
// is -1.
func ParseJobs(text string) (int, error) {
	if text == Cores {
		return -1, nil
	}
	jobs, err := strconv.Atoi(text)
	if err != nil || jobs < 1 || jobs > 1<<16 {
		return 0, diag.At(diag.Pos{}, "jobs can't be %q", text).WithHint("write a number from 1 on, or %s", Cores)
	}
	return jobs, nil
}

// Jobs returns the jobs setting: 0 when there is none.
func (c *Config) Jobs() (int, error) {
	setting, found := c.Get("jobs")
	if !found {
		return 0, nil
	}
	return ParseJobs(setting.Value)
}

// Totals returns how much there is of each resource: what the config says, else what
// this machine has; and the names of the GPUs.
func (c *Config) Totals() (map[string]int64, []string, error) {
	devices := visibleDevices()
	totals := map[string]int64{stages.CPU: int64(runtime.NumCPU()), stages.GPU: int64(len(devices))}
	if memory := totalMemory(); memory > 0 {
		totals[stages.Memory] = memory
	}
	for _, setting := range c.All() {
		section, name, _ := strings.Cut(setting.Key, ".")
		if section != resourcesSection {
			continue
		}
		amount, err := parseTotal(name, setting.Value)
		if err != nil {
			return nil, nil, err
		}
		totals[name] = amount
	}
	for next := 0; int64(len(devices)) < totals[stages.GPU]; next++ {
		devices = append(devices, strconv.Itoa(len(devices)))
	}
	return totals, devices[:totals[stages.GPU]], nil
}

// maxDevices bounds the list of GPUs.
const maxDevices = 1 << 12

func parseTotal(name, value string) (int64, error) {
	if problem := stages.ResourceProblem(name); problem != "" {
		return 0, diag.At(diag.Pos{}, "the resource %q %s", name, problem)
	}
	amount, err := stages.ParseAmount(name, value)
	if err == nil && name == stages.GPU && amount > maxDevices {
		err = fmt.Errorf("%q is no amount of %s", value, name)
	}
	if err != nil {
		return 0, diag.At(diag.Pos{}, "%s.%s: %v", resourcesSection, name, err).WithHint("a whole number; of memory, bytes with a unit: 512MB, 4GiB")
	}
	return amount, nil
}

// visibleDevices names the GPUs: those that CUDA_VISIBLE_DEVICES leaves, else all that
// the machine has.
func visibleDevices() []string {
	if list, set := os.LookupEnv("CUDA_VISIBLE_DEVICES"); set {
		var devices []string
		for _, device := range strings.Split(list, ",") {
			device = strings.TrimSpace(device)
			if device == "" || strings.HasPrefix(device, "-") {
				break // as the driver reads it: what follows is not seen
			}
			devices = append(devices, device)
		}
		return devices
	}
	entries, err := os.ReadDir("/proc/driver/nvidia/gpus")
	if err != nil {
		return nil
	}
	devices := make([]string, len(entries))
	for i := range entries {
		devices[i] = strconv.Itoa(i)
	}
	return devices
}

// checkOpen checks the settings that are no section's, and those of sections whose
// keys the person chooses.
func checkOpen(section *document.Node, value *document.Node) (problems diag.List, known bool) {
	var check func(string) error
	switch section.Text {
	case "jobs":
		check = func(text string) error { _, err := ParseJobs(text); return err }
		return wrongValue(value, check), true
	case resourcesSection:
		for _, entry := range value.Entries {
			name := entry.Key.Text
			problems = append(problems, wrongValue(entry.Value, func(text string) error { _, err := parseTotal(name, text); return err })...)
		}
		if value.Kind != document.Map && value.Kind != document.Null {
			problems.Add(value.Errorf("%s must be a mapping of names to amounts", resourcesSection))
		}
		return problems, true
	}
	return nil, false
}

func wrongValue(value *document.Node, check func(string) error) diag.List {
	var problems diag.List
	if err := check(value.Text); err != nil {
		problem := value.Errorf("%v", err)
		for _, one := range diag.All(err) {
			problem.Msg, problem.Hint = one.Msg, one.Hint
		}
		problems.Add(problem)
	}
	return problems
}

// wrongOpen says what is wrong with a value of one of those settings.
func wrongOpen(key, value string) error {
	section, name, _ := strings.Cut(key, ".")
	switch section {
	case "jobs":
		_, err := ParseJobs(value)
		return err
	case resourcesSection:
		_, err := parseTotal(name, value)
		return err
	}
	return nil
}
