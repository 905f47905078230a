package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"flow/pkg/digest"
)

// claimsDir holds what each project needs of a cache that several share, a file each.
const claimsDir = "projects"

const claimHeader = "flow project v1\n"

// Claim is what one project needs of a cache that several share. Whoever collects keeps
// what all claims name. A project's claim grows with its lock, and shrinks only when it
// collects itself: what its other branches need can't be seen from elsewhere, as its folder
// may be on another machine, or closed to who collects.
//
//	flow project v1
//	host build-1
//	path /home/ada/iris
//	need dir 2c8d…(64 hex digits)
//	need file 90ab…
type Claim struct {
	Host, Path string
	Needs      []digest.Content // only IDs and modes
}

// name is the claim's file: one for each project on each machine.
func (c Claim) name() string {
	return claimsDir + "/" + digest.Sum([]byte(c.Host + "\n" + c.Path)).Hex()[:32]
}

func (c Claim) encode() []byte {
	lines := make([]string, 0, len(c.Needs))
	for _, need := range c.Needs {
		lines = append(lines, "need "+need.Mode.String()+" "+need.ID.Hex()+"\n")
	}
	slices.Sort(lines)
	head := claimHeader + "host " + oneLine(c.Host) + "\npath " + oneLine(c.Path) + "\n"
	return []byte(head + strings.Join(slices.Compact(lines), ""))
}

// oneLine keeps a name from being taken for lines of its own.
func oneLine(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\\", `\\`), "\n", `\n`)
}

func decodeClaim(text string) (Claim, bool) {
	rest, found := strings.CutPrefix(text, claimHeader)
	if !found {
		return Claim{}, false
	}
	var c Claim
	for line := range strings.Lines(rest) {
		word, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch word {
		case "host":
			c.Host = value
		case "path":
			c.Path = value
		case "need":
			name, hex, _ := strings.Cut(value, " ")
			mode, err := digest.ParseMode(name)
			id, bad := digest.ParseHex(hex)
			if err != nil || bad != nil || !strings.HasSuffix(line, "\n") {
				return Claim{}, false
			}
			c.Needs = append(c.Needs, digest.Content{ID: id, Mode: mode})
		default:
			return Claim{}, false
		}
	}
	return c, true
}

// Claims returns those of all projects. One that can't be read is an error: it can't be
// known what it needs.
func (c *Cache) Claims() ([]Claim, error) {
	entries, err := c.root.ReadDir(claimsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var claims []Claim
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		text, err := c.root.Read(claimsDir + "/" + entry.Name())
		if err != nil {
			return nil, err
		}
		claim, sound := decodeClaim(string(text))
		if !sound {
			return nil, fmt.Errorf("%s is damaged, so it can't be known what that project needs; remove it when the project is gone",
				c.root.Path(claimsDir+"/"+entry.Name()))
		}
		claims = append(claims, claim)
	}
	return claims, nil
}

// Claim writes down what a project needs. With add, what it needed before stays.
func (c *Cache) Claim(claim Claim, add bool) error {
	was, err := c.root.Read(claim.name())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if before, sound := decodeClaim(string(was)); sound && add {
		claim.Needs = append(slices.Clone(claim.Needs), before.Needs...)
	}
	text := claim.encode()
	if bytes.Equal(text, was) {
		return nil
	}
	if err := c.root.MkdirDurable(claimsDir, 0o755); err != nil {
		return err
	}
	return c.root.Replace(claim.name(), text, 0o644)
}

// Disclaim forgets a project.
func (c *Cache) Disclaim(claim Claim) error {
	if err := c.root.Remove(claim.name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
