# Release: static binaries for each system, with their checksums, in dist/.
VERSION ?= $(shell git describe --tags --always --dirty)
TARGETS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64

.PHONY: release
release:
	rm -rf dist && mkdir -p dist
	for target in $(TARGETS); do \
	  os=$${target%/*}; arch=$${target#*/}; suffix=; [ $$os = windows ] && suffix=.exe; \
	  CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build -trimpath -buildvcs=true -ldflags "-s -w -X main.version=$(VERSION)" \
	    -o dist/flow-$(VERSION)-$$os-$$arch$$suffix ./cmd/flow || exit 1; \
	done
	cd dist && sha256sum flow-* > SHA256SUMS
