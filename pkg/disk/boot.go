package disk

// Boot names the time since this machine was started; "" where there is no telling.
// What was written in it and never synced is still there, as nothing but a loss of power
// takes it away.
func (r *Root) Boot() string {
	if virtual, ok := r.fsys.(interface{ Boot() string }); ok {
		return virtual.Boot()
	}
	return boot()
}
