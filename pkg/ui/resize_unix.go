//go:build unix

package ui

import (
	"os"
	"os/signal"
	"syscall"
)

// onResize returns a channel that tells when the terminal got another size, and a
// function that ends that.
func onResize() (<-chan os.Signal, func()) {
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	return resized, func() { signal.Stop(resized) }
}
