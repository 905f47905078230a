package workspace

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/windows"

	"flow/pkg/disk"
)

func openFolder(root *disk.Root, name string) (folder, error) {
	if _, err := root.Lstat(name); err != nil {
		return nil, err
	}
	return byName{root, name}, nil
}

// epoch1970 is 1970 in 100 ns since 1601.
const epoch1970 = 116444736000000000

// basicInfo is FILE_BASIC_INFO: times in 100 ns since 1601.
type basicInfo struct {
	creation, access, write, change int64
	attributes                      uint32
	_                               uint32
}

// identify adds to a stat what only an open file of this system tells: the time of
// the last change, which no program sets in passing, and the file's number.
func identify(file disk.File, s stat) stat {
	opened, real := disk.OSFile(file)
	if !real {
		return s
	}
	handle := windows.Handle(opened.Fd())
	var basic basicInfo
	err := windows.GetFileInformationByHandleEx(handle, windows.FileBasicInfo, (*byte)(unsafe.Pointer(&basic)), uint32(unsafe.Sizeof(basic)))
	if err != nil {
		return s
	}
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(handle, &info); err != nil {
		return s
	}
	s.ctime = (basic.change - epoch1970) * 100
	s.inode = uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow)
	s.dev = uint64(info.VolumeSerialNumber)
	s.nlink = uint64(info.NumberOfLinks)
	return s
}

// becameOther reports whether opening went wrong because what was a file or a folder
// is no longer one.
func becameOther(err error) bool { return errors.Is(err, disk.ErrNotRegular) }
