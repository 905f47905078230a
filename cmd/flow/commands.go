package main

// commands is every verb, in the order of the help.
var commands = []command{
	{groupRun, newReproCmd},
	{groupRun, newStatusCmd},
	{groupRun, newCommitCmd},
	{groupSee, newDagCmd},
	{groupSee, newMetricsCmd},
	{groupSee, newParamsCmd},
	{groupSee, newCompileCmd},
	{groupData, newAddCmd},
	{groupData, newCheckoutCmd},
	{groupData, newMoveCmd},
	{groupData, newRemoveCmd},
	{groupData, newUnprotectCmd},
	{groupData, newCollectCmd},
	{groupData, newFsckCmd},
	{groupEdit, newStageCmd},
	{groupEdit, newFreezeCmd},
	{groupEdit, newUnfreezeCmd},
	{groupEdit, newSchemaCmd},
	{groupSelf, newInitCmd},
	{groupSelf, newConfigCmd},
	{groupSelf, newDoctorCmd},
	{groupSelf, newRootDirCmd},
	{groupSelf, newVersionCmd},
}
