package project

import (
	"context"
	"slices"
	"strings"

	"flow/pkg/digest"
)

// Entry is a file or a folder in a listing.
type Entry struct {
	Path    string `json:"path"` // relative to what is listed
	Kind    string `json:"kind"` // file, exec, link, dir
	Size    int64  `json:"size"` // of a folder: of all that is known to be in it
	Tracked bool   `json:"tracked"`
	Out     string `json:"out,omitempty"`  // the data source or out that it is, or is in
	Hash    string `json:"hash,omitempty"` // of what is tracked, but for folders inside
}

// ListOptions says what of a revision is listed.
type ListOptions struct {
	Path      string // a file or a folder; "." for all
	Recursive bool   // files at any depth, and no folders
	Tracked   bool   // only what flow tracks, and the folders on the way there
	Lists     func(context.Context, []Data) error
}

// Listing lists what is in a folder, sorted. A path that is a file is listed itself. It is
// empty where there is nothing. Directories whose list of files could not be had are
// returned, too.
func (r *Revision) Listing(ctx context.Context, options ListOptions) (all []Entry, bare []string, err error) {
	held, err := r.Holds(ctx, options.Path, options.Recursive, options.Lists)
	if err != nil {
		return nil, nil, err
	}
	for _, h := range held {
		if h.Bare {
			bare = append(bare, h.Path)
		}
		if options.Tracked && h.Data == nil || h.Bare && h.Path == options.Path {
			continue
		}
		one := entryOf(h)
		one.Path = inDir(h.Path, options.Path)
		if first, _, inside := strings.Cut(one.Path, "/"); inside && !options.Recursive {
			if n := len(all) - 1; n >= 0 && all[n].Path == first {
				all[n].Size += one.Size
				all[n].Tracked = all[n].Tracked || one.Tracked
				continue
			}
			one.Path, one.Kind, one.Hash = first, digest.Dir.String(), ""
			if one.Out == h.Path {
				one.Out = ""
			}
		}
		if one.Path == "." {
			one.Path = h.Path[strings.LastIndexByte(h.Path, '/')+1:]
		}
		all = append(all, one)
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return all, bare, nil
}

func entryOf(h Held) Entry {
	one := Entry{Kind: h.Mode.String(), Size: h.Size}
	if h.Data == nil {
		return one
	}
	one.Tracked, one.Out = true, h.Data.Path
	if h.Path == h.Data.Path {
		one.Hash = h.Data.Content.ID.String()
	} else if !h.ID.IsZero() {
		one.Hash = h.ID.String()
	}
	return one
}
