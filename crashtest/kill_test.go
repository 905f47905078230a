//go:build unix

package crashtest

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// TestKill_anyMoment kills a run at random moments, flow alone or its whole group, and
// then sometimes the run that repairs, too.
func TestKill_anyMoment(t *testing.T) {
	t.Parallel()
	b := large(t)
	chance := random(t)
	for i := range rounds(20) {
		chance := rand.New(rand.NewPCG(chance.Uint64(), 1))
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			w := b.old.copy(t)
			if chance.IntN(4) == 0 {
				w = b.cold(t)
			}
			for kills := 1 + chance.IntN(3); kills > 0; kills-- {
				killSometime(t, w, b.took, chance)
				if chance.IntN(2) == 0 {
					w.nobodyLeft() // else the next one meets what is dying
				}
			}
			b.heals(w)
		})
	}
}

func killSometime(t *testing.T, w *world, within time.Duration, chance *rand.Rand) {
	after := time.Duration(chance.Int64N(int64(within * 5 / 4)))
	group := chance.IntN(2) == 0
	r := w.start("repro")
	select {
	case <-time.After(after):
	case <-r.done:
	}
	if group {
		r.signalGroup(syscall.SIGKILL)
	} else {
		r.signal(syscall.SIGKILL)
	}
	t.Logf("killed after %s (group: %v): exit code %d", after, group, r.wait().code)
}
