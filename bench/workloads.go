package main

// The scripts of flow's that most workloads share.
const (
	flowInit = "rm -rf .flow pipeline.lock && flow init --quiet"
	syncs    = "syncs objects, journal and lock"
	noSync   = "syncs nothing"
)

// workloads is the table of what is measured.
var workloads = []Workload{
	{
		Name: "help", About: "say what there is", Goal: "≤ 3 × git", Make: makeNothing,
		Who: []Contender{
			{Tool: "flow", Run: "flow --help"},
			{Tool: "git", Run: "git --help"},
			{Tool: "ninja", Run: "ninja --version"},
			{Tool: "dvc", Run: "dvc --help"},
		},
	},
	{
		Name: "noop-4", About: "repro of 4 stages in a chain, nothing to do", Size: 4, Goal: "≤ 4 × ninja", Make: makeChain,
		Who: noop,
	},
	{
		Name: "noop-10000", About: "repro of stages in 10 layers, nothing to do", Size: 10_000, Goal: "≤ 3 × ninja", Make: makeLayers,
		Who: noop,
	},
	{
		Name: "first-100", About: "first repro of trivial stages, 2 jobs", Size: 100, Goal: "≤ 1.5 × ninja", Make: makeFlat,
		Who: first,
	},
	{
		Name: "first-1000", About: "first repro of trivial stages, 2 jobs", Size: 1000, Goal: "≤ 1.5 × ninja", Make: makeFlat,
		Who: first[:4],
	},
	{
		Name: "status", About: "status of unchanged files of 1 KB in folders of 1,000", Size: 100_000, Goal: "≤ git, ≤ 1.5 × find",
		Make: makeFiles(1024), Who: status,
	},
	{
		Name: "add", About: "first add of files of 1 KB", Size: 20_000, Goal: "≤ cp -r", Make: makeFiles(1024),
		Who: []Contender{
			{Tool: "flow", Reset: "rm -f pipeline.yaml; " + flowInit, Run: "flow add --quiet data", Check: "flow status -q", Note: syncs + "; links: copy"},
			{Tool: "cp", Reset: "rm -rf copy", Run: "cp -r data copy", Check: "diff -rq data copy", Note: noSync},
			{Tool: "git", Reset: "rm -rf .git && git init -q", Run: "git add data", Check: "git diff --cached --quiet && exit 1; git diff --quiet", Note: noSync},
			{Tool: "dud", Reset: "rm -rf .dud data.yaml && dud init && dud stage gen -o data/ > data.yaml && dud stage add data.yaml", Run: "dud commit --copy", Check: "dud status", Note: noSync},
			{Tool: "dvc", Reset: "rm -rf .dvc .dvcignore data.dvc && dvc init -q --no-scm && dvc config core.analytics false", Run: "dvc add -q data", Check: "dvc status -q data.dvc", Note: noSync},
		},
	},
	{
		Name: "checkout", About: "checkout of files of 1 KB", Size: 20_000, Goal: "≤ 1.5 × cp -r", Make: makeFiles(1024),
		Who: []Contender{
			{Tool: "flow", Setup: "cp -r data kept && " + flowInit + " && flow add --quiet data", Reset: "rm -rf data", Run: "flow checkout --quiet", Check: "diff -rq data kept", Note: noSync + "; verified; links: copy"},
			{Tool: "cp", Setup: "cp -r data kept", Reset: "rm -rf data", Run: "cp -r kept data", Check: "diff -rq data kept", Note: noSync},
			{Tool: "git", Setup: gitCommit + " && cp -r data kept", Reset: "rm -rf data", Run: "git checkout -q -- data", Check: "diff -rq data kept", Note: noSync},
			{Tool: "dvc", Setup: "cp -r data kept && dvc init -q --no-scm && dvc add -q data", Reset: "rm -rf data", Run: "dvc checkout -q", Check: "diff -rq data kept", Note: noSync},
		},
	},
	{
		Name: "push", About: "first push of files of 1 KB to a folder", Size: 20_000, Goal: "20 × faster than DVC", Make: makeFiles(1024),
		Who: []Contender{
			{Tool: "flow", Setup: flowAdded + " && flow remote add store remote", Reset: "rm -rf remote .flow/remotes", Run: "flow push --quiet", Check: "flow status -c -q", Note: syncs},
			{Tool: "cp", Reset: "rm -rf remote", Run: "cp -r data remote", Check: "diff -rq data remote", Note: noSync},
			{Tool: "git", Setup: gitCommit, Reset: "rm -rf remote && git init -q --bare remote", Run: "git push -q remote HEAD:refs/heads/main", Check: "git -C remote rev-parse -q --verify main", Note: "syncs the pack"},
			{Tool: "dvc", Setup: dvcAdded + " && dvc remote add -q -d store remote", Reset: "rm -rf remote", Run: "dvc push -q", Check: "dvc status -q -c", Note: noSync},
		},
	},
	{
		Name: "pull", About: "pull of files of 1 KB from a folder, with an empty cache", Size: 20_000, Goal: "≤ git clone", Make: makeFiles(1024),
		Who: []Contender{
			{Tool: "flow", Setup: "cp -r data kept && " + flowAdded + " && flow remote add store remote && flow push --quiet", Reset: "rm -rf data .flow/cache .flow/remotes .flow/index", Run: "flow pull --quiet", Check: "diff -rq data kept", Note: syncs + "; links: copy"},
			{Tool: "cp", Setup: "cp -r data kept", Reset: "rm -rf data", Run: "cp -r kept data", Check: "diff -rq data kept", Note: noSync},
			{Tool: "git", Setup: "cp -r data kept && " + gitCommit + " && git clone -q --bare . remote", Reset: "rm -rf clone", Run: "git clone -q --no-local remote clone", Check: "diff -rq clone/data kept", Note: "syncs the pack"},
			{Tool: "dvc", Setup: "cp -r data kept && " + dvcAdded + " && dvc remote add -q -d store remote && dvc push -q", Reset: "rm -rf data .dvc/cache", Run: "dvc pull -q", Check: "diff -rq data kept", Note: noSync + "; links: copy"},
		},
	},
	{
		Name: "push-s3", About: "first push of files of 1 KB to an S3 server on this machine", Size: 20_000, Goal: "20 × faster than DVC", Make: makeFiles(1024), Serve: serveS3,
		Who: []Contender{
			{Tool: "flow", Setup: flowAdded + " && flow remote add store s3://bench/flow && flow remote modify store endpoint $S3", Reset: "rm -rf .flow/remotes; flow remote modify store url s3://bench/flow$(date +%s%N)", Run: "flow push --quiet", Check: "flow status -c -q", Note: "the server keeps it in memory"},
			{Tool: "dvc", Probe: "dvc doctor | grep -qw s3", Setup: dvcAdded + " && dvc remote add -q -d store s3://bench/dvc && dvc remote modify -q store endpointurl $S3", Reset: "dvc remote modify -q store url s3://bench/dvc$(date +%s%N)", Run: "dvc push -q", Check: "dvc status -q -c", Note: "the server keeps it in memory"},
		},
	},
	{
		Name: "add-large", About: "first add of one file, in MiB", Size: 2048, Goal: "copying ≤ 1.1 × cp; with links ≤ 1.5 × b3sum", Large: true, Make: makeLarge,
		Who: []Contender{
			{Tool: "flow", Reset: "rm -f pipeline.yaml; " + flowInit, Run: "flow add --quiet data", Check: "flow status -q", Note: syncs + "; links: copy"},
			{Tool: "flow-link", Needs: "flow", Reset: "rm -f pipeline.yaml; test -w data || chmod u+w data; " + flowInit + " && flow config cache.type hardlink", Run: "flow add --quiet data", Check: "flow status -q", Note: syncs + "; links: hardlink"},
			{Tool: "cp", Reset: "rm -f copy", Run: "cp data copy", Check: "cmp data copy", Note: noSync},
			{Tool: "cp+sync", Needs: "cp", Reset: "rm -f copy", Run: "sh -c 'cp data copy && sync -d copy'", Check: "cmp data copy", Note: "syncs the copy"},
			{Tool: "b3sum", Run: "b3sum data", Note: "only reads"},
		},
	},
	{
		Name: "hash-large", About: "hash one file, in MiB: a dep of a stage, first status", Size: 2048, Goal: "≤ 1.5 × b3sum", Large: true, Make: makeLarge,
		Who: []Contender{
			{Tool: "flow", Setup: "printf 'stages: {s: {cmd: \"true\", deps: [data]}}\\n' > pipeline.yaml; " + flowInit + " && flow repro --quiet", Reset: "rm -rf .flow/index", Run: "flow status --quiet", Note: "only reads"},
			{Tool: "b3sum", Run: "b3sum data", Note: "only reads"},
		},
	},
	{
		Name: "status-million", About: "status of unchanged files of 16 bytes in folders of 1,000", Size: 1_000_000, Goal: "≤ 6 s; peak memory ≤ git's", Large: true,
		Make: makeFiles(16), Who: status,
	},
	{
		Name: "add-million", About: "first add of files of 16 bytes", Size: 1_000_000, Goal: "≤ 120 s", Large: true, Make: makeFiles(16),
		Who: []Contender{
			{Tool: "flow", Reset: "rm -f pipeline.yaml; " + flowInit, Run: "flow add --quiet data", Check: "flow status -q", Note: syncs + "; links: copy"},
			{Tool: "cp", Reset: "rm -rf copy", Run: "cp -r data copy", Note: noSync},
		},
	},
	{
		Name: "checkout-million", About: "checkout of files of 16 bytes", Size: 1_000_000, Goal: "≤ 150 s", Large: true, Make: makeFiles(16),
		Who: []Contender{
			{Tool: "flow", Setup: flowAdded, Reset: "rm -rf data", Run: "flow checkout --quiet", Check: "flow status -q", Note: noSync + "; verified; links: copy"},
			{Tool: "cp", Setup: "mv data kept", Reset: "rm -rf data", Run: "cp -r kept data", Note: noSync},
		},
	},
}

const (
	flowAdded = flowInit + " && flow add --quiet data"
	dvcAdded  = "dvc init -q --no-scm && dvc config core.analytics false && dvc add -q data"
)

const gitCommit = "git init -q && git add data && git -c user.name=b -c user.email=b@example.org commit -qm data"

// noop is who can find that there is nothing to do.
var noop = []Contender{
	{Tool: "flow", Setup: "mkdir -p out && " + flowInit + " && flow repro --quiet", Run: "flow repro --quiet", Check: "flow status -q", Note: "compares content; writes nothing"},
	{Tool: "ninja", Setup: "mkdir -p out && ninja --quiet", Run: "ninja", Check: "ninja -n | grep -q 'no work to do'", Note: "compares times"},
	{Tool: "make", Setup: "mkdir -p out && make -s", Run: "make -s", Check: "make -q", Note: "compares times"},
}

// made is what a run of stages leaves.
var made = []string{"out", ".flow", "pipeline.lock", ".ninja_log", ".ninja_deps", ".snakemake"}

// first is who can run stages that never ran.
var first = []Contender{
	{Tool: "flow", Aside: made, Reset: "mkdir out && flow init --quiet", Run: "flow repro --quiet FLOWJOBS", Check: checkOuts, Note: syncs + "; needs no shell"},
	{Tool: "flow-bash", Needs: "flow", Setup: "sed -i 's/^stages:/shell: bash -e -o pipefail -c\\nstages:/' pipeline.yaml", Aside: made, Reset: "mkdir out && flow init --quiet", Run: "flow repro --quiet FLOWJOBS", Check: checkOuts, Note: syncs + "; bash"},
	{Tool: "flow-sh", Needs: "flow", Setup: "sed -i 's/^stages:/shell: sh -c\\nstages:/' pipeline.yaml", Aside: made, Reset: "mkdir out && flow init --quiet", Run: "flow repro --quiet FLOWJOBS", Check: checkOuts, Note: syncs + "; sh"},
	{Tool: "ninja", Aside: made, Reset: "mkdir out", Run: "ninja --quiet -j 2", Check: checkOuts, Note: noSync + "; sh"},
	{Tool: "make", Aside: made, Reset: "mkdir out", Run: "make -s -j 2", Check: checkOuts, Note: noSync + "; sh"},
	{Tool: "snakemake", Aside: made, Reset: "mkdir out", Run: "snakemake --cores 2 --quiet all", Check: checkOuts, Note: noSync},
}

const checkOuts = "test $(cat out/* | wc -l) -eq $(cat size)"

// status is who can tell that files did not change. find only looks at them.
var status = []Contender{
	{Tool: "flow", Setup: flowInit + " && flow add --quiet data", Run: "flow status --quiet", Note: "compares size, times, inode"},
	{Tool: "git", Setup: gitCommit + " && sleep 1 && git status", Run: "git status --porcelain", Note: "compares size, times, inode"},
	{Tool: "find", Run: "find data -type f -printf '%p %s %T@\\n'", Note: "only looks"},
	{Tool: "dvc", Setup: "dvc init -q --no-scm && dvc add -q data", Run: "dvc status -q data.dvc", Note: "compares size, times, inode"},
}
