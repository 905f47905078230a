package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"flow/pkg/disk"
)

// atWork is the flock that who runs stages shares, and who changes all of the project has
// alone.
const atWork = State + "/tmp/project"

// AtWork takes the project to run its stages, before anything is read of it, while several
// processes may. It waits for who changes all of it, and tells of whom; without wait, that
// is a *disk.BusyError.
func (p *Project) AtWork(ctx context.Context, wait bool, waiting func(holder string)) (*disk.Lock, error) {
	if err := p.Prepare(); err != nil {
		return nil, err
	}
	owner := fmt.Sprintf("process %d, at flow repro", os.Getpid())
	if !wait {
		return p.Root.TryLock(atWork, disk.Shared, owner)
	}
	lock, err := p.Root.Lock(ctx, atWork, disk.Shared, owner, waiting)
	if errors.Is(err, fs.ErrPermission) || isReadOnly(err) {
		return &disk.Lock{}, nil // a project that can't be written: nobody changes it
	}
	return lock, err
}

// Alone takes the project to change all of it. While a process runs its stages, or what
// a process left running does, that is a *disk.BusyError.
func (p *Project) Alone(at string) (*disk.Lock, error) {
	if err := p.Prepare(); err != nil {
		return nil, err
	}
	lock, err := p.Root.TryLock(atWork, disk.Exclusive, fmt.Sprintf("process %d, at %s", os.Getpid(), at))
	if err != nil {
		return nil, err
	}
	attempts, err := p.Root.ReadDir(State + "/tmp/attempt")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		lock.Unlock()
		return nil, err
	}
	for _, attempt := range attempts {
		guard, err := p.Root.TryLock(State+"/tmp/stage/"+attempt.Name(), disk.Exclusive, at)
		if err != nil {
			lock.Unlock()
			return nil, err
		}
		guard.Unlock()
	}
	return lock, nil
}
