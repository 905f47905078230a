package disk

import "os"

const (
	nonBlock    = 0
	onlyDir     = 0
	foldersSync = false     // NTFS journals names; there is no call for it
	syncFlag    = os.O_RDWR // FlushFileBuffers wants the right to write
)
