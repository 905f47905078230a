//go:build unix

package process

import (
	"encoding/binary"
	"encoding/json"
	"io"

	"golang.org/x/sys/unix"
)

// heard returns what the parent tells; the channel closes when the parent is dead.
func heard() <-chan message {
	messages := make(chan message)
	go func() {
		defer close(messages)
		for {
			next, err := receive()
			if err != nil {
				return
			}
			messages <- next
		}
	}()
	return messages
}

// receive reads one message from the leash.
func receive() (message, error) {
	var m message
	var head [4]byte
	rights := make([]byte, unix.CmsgSpace(maxFiles*4))
	for got := 0; got < len(head); {
		n, rightsSize, _, _, err := unix.Recvmsg(leashFD, head[got:], rights, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return m, io.EOF
		}
		m.files = append(m.files, filesOf(rights[:rightsSize])...)
		got += n
	}
	text := make([]byte, binary.LittleEndian.Uint32(head[:]))
	for got := 0; got < len(text); {
		n, err := unix.Read(leashFD, text[got:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return m, io.EOF
		}
		got += n
	}
	return m, json.Unmarshal(text, &m)
}

// maxFiles is how many descriptors come with a message at most.
const maxFiles = 64

// filesOf returns the descriptors that came with some bytes. No command inherits them
// unasked: none is started while they arrive.
func filesOf(rights []byte) []int {
	var files []int
	parts, _ := unix.ParseSocketControlMessage(rights)
	for i := range parts {
		fds, _ := unix.ParseUnixRights(&parts[i])
		for _, fd := range fds {
			unix.CloseOnExec(fd)
		}
		files = append(files, fds...)
	}
	return files
}
