package runs

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"flow/pkg/digest"
)

// The words that names are made of: 64 of each, so that 12 bits choose a pair.
const (
	adjectives = "" +
		"able airy amber ample apt arch ashen azure bold brave brief bright brisk broad calm clean " +
		"clear crisp deep deft dry eager early even fair fast fine firm fleet fond frank free " +
		"fresh glad gold grand green hardy humble icy jolly keen kind light lively lucid lunar merry " +
		"mild neat nimble noble open plain proud quick quiet rapid ready rosy sage sharp silent steady"
	nouns = "" +
		"alder aspen badger bay beech birch bison brook cedar cliff cloud comet coral crane creek crow " +
		"dale delta dune eagle elm ember falcon fern finch fjord fox glade grove gull harbor hare " +
		"hawk heron hill inlet iris ivy jay lake lark lily lynx maple marsh meadow mesa moon " +
		"moss oak ocean orchid otter owl pebble pine plover pond raven reef river robin sparrow willow"
)

const idTime = "20060102-150405"

// NewID returns the id of a run that starts now: the second, then four hex digits, of
// which ten bits are the fraction of the second and six are by chance.
func NewID(now time.Time) string {
	now = now.UTC()
	return now.Format(idTime) + fmt.Sprintf("-%04x", uint32(now.Nanosecond()/1e6*1024/1000)<<6|rand.Uint32()&63)
}

// nextID returns the id after one that is taken.
func nextID(id string) string {
	bits, _ := strconv.ParseUint(id[len(id)-4:], 16, 16)
	return id[:len(id)-4] + fmt.Sprintf("%04x", (bits+1)&0xffff)
}

// IsID reports whether a text has the form of an id.
func IsID(text string) bool {
	if len(text) != len(idTime)+5 || text[len(idTime)] != '-' {
		return false
	}
	_, err := time.Parse(idTime, text[:len(idTime)])
	_, bad := strconv.ParseUint(text[len(idTime)+1:], 16, 16)
	return err == nil && bad == nil
}

// baseName is the readable name that an id gives: an adjective and a noun.
func baseName(id string) string {
	bits := digest.Sum([]byte(id))
	return strings.Fields(adjectives)[bits[0]&63] + "-" + strings.Fields(nouns)[bits[1]&63]
}

// nameOf returns the name of a new run. Where an earlier one's id gives the same, a
// number tells them apart.
func nameOf(id string, earlier []string) string {
	name, same := baseName(id), 0
	for _, other := range earlier {
		if other != id && baseName(other) == name {
			same++
		}
	}
	if same > 0 {
		return fmt.Sprintf("%s-%d", name, same+1)
	}
	return name
}
