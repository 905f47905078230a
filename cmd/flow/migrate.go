package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/dvc"
	"flow/pkg/engine"
	"flow/pkg/migrate"
	"flow/pkg/project"
	"flow/pkg/ui"
)

// newMigrateCmd returns `flow migrate`.
func newMigrateCmd(a *app) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "migrate",
		Long: `Make the DVC project around the current folder a flow project: dvc.yaml files become
pipeline.yaml beside them, .dvc files become entries under data:, .dvcignore becomes
.flowignore, settings are carried over, the objects that the project holds now are
taken over from DVC's cache, and dvc.lock becomes pipeline.lock: what was up to date
still is. What has no counterpart is listed with its place.

No file of DVC's is changed or removed, and no pipeline.yaml that is there already is
overwritten. To do it again is fine: after dvc pull, say, to take over the rest.`,
		Example: "  flow migrate --dry     # only say what it would do\n  flow migrate",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runMigrate(cmd.Context(), a, dry) },
	}
	cmd.Flags().BoolVar(&dry, "dry", false, "say what it would do, and write nothing")
	a.jsonFlag(cmd)
	return cmd
}

func runMigrate(ctx context.Context, a *app, dry bool) error {
	dir, err := dvc.Find(a.dir)
	if err != nil {
		return err
	}
	root, err := disk.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	plan, err := migrate.Make(ctx, root, migrate.Options{
		Value: project.CheckValue, RemoteName: project.CheckRemoteName, Hidden: project.IgnoredByGit(ctx, root.Dir()),
	})
	if err != nil {
		return err
	}
	told := migratedOf(plan)
	if dry {
		told.Dry = true
		return tellMigrated(a, plan, told)
	}
	p, result, err := carryOut(ctx, a, root, plan)
	if err != nil {
		return err
	}
	defer p.Remember()
	told.took(result)
	unclear := told.compare(ctx, p)
	if err := tellMigrated(a, plan, told); err != nil || unclear != nil {
		return errors.Join(err, unclear)
	}
	if corrupt := len(told.Result.Corrupt); corrupt > 0 {
		return engine.Missing(diag.At(diag.Pos{}, "DVC's cache has %s", ui.Count(corrupt, "corrupt object")).
			WithHint("get it anew with DVC (dvc fetch) and migrate again, or let `flow repro` make what is missing"))
	}
	return nil
}

// worthTelling is how many bytes take long enough for a person to wonder.
const worthTelling = 1 << 30

// carryOut writes the config, carries the plan out in the project that there is then, and
// returns that.
func carryOut(ctx context.Context, a *app, root *disk.Root, plan *migrate.Plan) (*project.Project, *migrate.Result, error) {
	if err := root.MkdirAll(project.State, 0o755); err != nil {
		return nil, nil, err
	}
	if err := writeSettings(root, plan); err != nil {
		return nil, nil, err
	}
	p, err := project.Open(root.Dir())
	if err != nil {
		return nil, nil, err
	}
	if err := p.Prepare(); err != nil {
		return nil, nil, err
	}
	if plan.Objects.Bytes > worthTelling {
		a.say("taking over %s (%s); this may take a while", ui.Count(plan.Objects.Present, "object"), ui.Bytes(plan.Objects.Bytes))
	}
	result, err := plan.Apply(ctx, migrate.Target{Root: p.Root, Cache: p.Cache, Workspace: p.Workspace, Ledger: p.Ledger})
	return p, result, err
}

// writeSettings writes what is not set already: what a person changed stays.
func writeSettings(root *disk.Root, plan *migrate.Plan) error {
	config, err := project.LoadConfig(root)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, remote := range config.Remotes() {
		there[remote.Name] = true
	}
	chosen := config.DefaultRemote() != ""
	for _, setting := range plan.Settings {
		scope := scopeOf(setting)
		switch {
		case setting.Remote != "" && !there[setting.Remote]:
			err = config.SetRemote(scope, setting.Remote, setting.Key, setting.Value)
		case setting.Remote != "" || setting.Key == migrate.DefaultRemote && chosen:
		case setting.Key == migrate.DefaultRemote:
			err = config.SetDefaultRemote(scope, setting.Value)
		case !config.IsSet(scope, setting.Key):
			err = config.Set(scope, setting.Key, setting.Value)
		}
		if err != nil {
			return fmt.Errorf("carry over %s: %w", setting.Title(), err)
		}
	}
	return nil
}

func scopeOf(setting migrate.Setting) project.Scope {
	if setting.Local {
		return project.Local
	}
	return project.Shared
}

// migrated is what `flow migrate --json` prints.
type migrated struct {
	Dry      bool              `json:"dry"`
	Files    []migratedFile    `json:"files"`
	Settings []migratedSetting `json:"settings"`
	Objects  migratedObjects   `json:"objects"`
	Stages   int               `json:"stages"`
	Data     int               `json:"data"`
	Findings []migratedFinding `json:"findings"`
	Result   *migratedResult   `json:"result,omitempty"` // not of a dry run
	Status   []statusLine      `json:"status,omitempty"` // as `flow status --json` tells it
}

type migratedFile struct {
	Path  string   `json:"path"`
	From  []string `json:"from"`
	There bool     `json:"there"` // with this text
}

type migratedSetting struct {
	Scope project.Scope `json:"scope"`
	Key   string        `json:"key"`
	Value string        `json:"value,omitempty"` // not of a secret
}

type migratedObjects struct {
	Cache   string   `json:"cache"`
	Present int      `json:"present"`
	Bytes   int64    `json:"bytes"`
	Missing int      `json:"missing"`
	Lacking []string `json:"lacking"` // paths whose content is neither in DVC's cache nor in the workspace
}

type migratedFinding struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

type migratedResult struct {
	Objects    int      `json:"objects"`
	Bytes      int64    `json:"bytes"`
	Corrupt    []string `json:"corrupt"`
	Links      int      `json:"links"`
	Stages     int      `json:"stages"`
	Data       int      `json:"data"`
	Remembered int      `json:"runs_remembered"`
	Left       int      `json:"runs_left"`
}

func migratedOf(plan *migrate.Plan) *migrated {
	told := &migrated{
		Files: []migratedFile{}, Settings: []migratedSetting{}, Findings: []migratedFinding{}, Stages: plan.Stages, Data: plan.Sources,
		Objects: migratedObjects{Cache: plan.Objects.Dir, Present: plan.Objects.Present, Bytes: plan.Objects.Bytes,
			Missing: plan.Objects.Missing, Lacking: append([]string{}, plan.Objects.Lacking...)},
	}
	for _, file := range plan.Files {
		told.Files = append(told.Files, migratedFile{Path: file.Name, From: file.From, There: file.There})
	}
	for _, setting := range plan.Settings {
		one := migratedSetting{Scope: scopeOf(setting), Key: setting.Title(), Value: setting.Value}
		if setting.Secret {
			one.Value = ""
		}
		told.Settings = append(told.Settings, one)
	}
	for _, finding := range plan.Findings {
		told.Findings = append(told.Findings, migratedFinding{File: finding.Pos.File, Line: finding.Pos.Line, Column: finding.Pos.Col,
			Message: finding.Msg, Hint: finding.Hint})
	}
	return told
}

// took adds what was done.
func (m *migrated) took(result *migrate.Result) {
	m.Result = &migratedResult{Objects: result.Objects, Bytes: result.Bytes, Corrupt: []string{}, Links: result.Links, Stages: result.Stages, Data: result.Sources,
		Remembered: result.Runs.Remembered, Left: result.Runs.Left}
	for _, err := range result.Corrupt {
		m.Result.Corrupt = append(m.Result.Corrupt, err.Error())
	}
}

// compare adds what `flow status` would say.
func (m *migrated) compare(ctx context.Context, p *project.Project) error {
	e, err := p.Engine()
	if err != nil {
		return err
	}
	now, err := e.Plan(ctx, engine.Options{})
	if err != nil {
		return err
	}
	m.Status = statusLines(e, now)
	return nil
}

func tellMigrated(a *app, plan *migrate.Plan, told *migrated) error {
	if a.json {
		return ui.WriteJSON(a.out, told)
	}
	tellPlan(a, told)
	if told.Result != nil {
		tellResult(a, told)
	}
	tellFindings(a, plan.Findings)
	return nil
}

// alike is how many findings of one sort are shown.
const alike = 4

// tellFindings shows what has no counterpart; of many of one sort, the first.
func tellFindings(a *app, findings diag.List) {
	if len(findings) == 0 {
		return
	}
	a.print("")
	a.print("Without a counterpart, or to look at:")
	sorts, more := map[string]int{}, 0
	for _, finding := range findings {
		sort := cmp.Or(finding.Hint, finding.Msg)
		if sorts[sort]++; sorts[sort] > alike {
			more++
			continue
		}
		fmt.Fprint(a.out, ui.Explain(finding, ui.StyleFor(a.out)))
	}
	if more > 0 {
		a.print("and %d more of the same sorts; --json lists them all", more)
	}
}

// tellPlan says what is written and taken over, or would be.
func tellPlan(a *app, told *migrated) {
	write, take := "wrote", "took over"
	if told.Dry {
		write, take = "would write", "would take over"
	}
	for _, file := range told.Files {
		if file.There {
			a.print("%s is there already", file.Path)
			continue
		}
		from := file.From
		if more := len(from) - 4; more > 0 {
			from = append(from[:4:4], fmt.Sprintf("%d more", more))
		}
		a.print("%s %s, from %s", write, file.Path, strings.Join(from, ", "))
	}
	for _, setting := range told.Settings {
		value := setting.Value
		if value == "" {
			value = "(not shown)"
		}
		a.print("%s %s: %s = %s", write, (&project.Config{}).File(setting.Scope), setting.Key, value)
	}
	objects, bytes := told.Objects.Present, told.Objects.Bytes
	if told.Result != nil {
		objects, bytes = told.Result.Objects, told.Result.Bytes
	}
	a.print("%s %s from DVC's cache (%s)", take, ui.Count(objects, "object"), ui.Bytes(bytes))
	if told.Objects.Missing > 0 {
		a.print("  %s not there", ui.Count(told.Objects.Missing, "object"))
	}
	if n := len(told.Objects.Lacking); n > 0 {
		a.print("  not in the workspace either: %s", strings.Join(told.Objects.Lacking[:min(n, 5)], ", "))
		a.print("  get the rest with `dvc pull` and migrate again, or let `flow repro` make it")
	}
	if told.Dry {
		a.print("would write pipeline.lock: %s, %s", ui.Count(told.Stages, "stage"), ui.Count(told.Data, "data source"))
	}
}

func tellResult(a *app, told *migrated) {
	for _, corrupt := range told.Result.Corrupt {
		a.print("  refused: %s", corrupt)
	}
	if told.Result.Links > 0 {
		a.print("replaced %s into DVC's cache in the workspace", ui.Count(told.Result.Links, "link"))
	}
	if told.Result.Remembered > 0 {
		a.print("remembered %s from DVC's run cache", ui.Count(told.Result.Remembered, "run"))
	}
	if told.Result.Left > 0 {
		a.print("left %s: of stages that are no longer declared so, or with content that is gone", ui.Count(told.Result.Left, "run"))
	}
	a.print("wrote pipeline.lock: %s, %s", ui.Count(told.Result.Stages, "stage"), ui.Count(told.Result.Data, "data source"))
	var stale []string
	for _, line := range told.Status {
		if line.State != engine.Fresh {
			stale = append(stale, line.Stage)
		}
	}
	if told.Status == nil {
		return // the error that follows says why
	}
	a.print("")
	if len(stale) == 0 {
		a.print("all of it is up to date; nothing has to run")
		return
	}
	a.print("%d of %d are up to date; `flow status` says why the others are not", len(told.Status)-len(stale), len(told.Status))
}
