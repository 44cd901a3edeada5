package workbook

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"
	"strings"
)

const contentTypes = "[Content_Types].xml"

// deflateLevel trades a little size for speed.
const deflateLevel = 2

// dosEpoch is 1 January 1980, the first date a zip entry can hold.
const dosEpoch = 1<<5 | 1

// steadyZip writes a package whose bytes depend on its parts alone: excelize
// hands the streamed parts over in the order of a map.
type steadyZip struct {
	to      io.Writer
	parts   []*part
	deflate *flate.Writer // into the last part; made once, as it is large
}

type part struct {
	name   string
	packed bytes.Buffer
	crc    uint32
	size   uint64
}

// Create ends the last part and starts the next.
func (z *steadyZip) Create(name string) (_ io.Writer, err error) {
	p := &part{name: name}
	if z.deflate == nil {
		z.deflate, err = flate.NewWriter(&p.packed, deflateLevel)
	} else if err = z.deflate.Close(); err == nil {
		z.deflate.Reset(&p.packed)
	}
	z.parts = append(z.parts, p)
	return z, err
}

// Write deflates a piece of the last part, so that its text is never held whole.
func (z *steadyZip) Write(b []byte) (int, error) {
	p := z.parts[len(z.parts)-1]
	p.crc = crc32.Update(p.crc, crc32.IEEETable, b)
	p.size += uint64(len(b))
	return z.deflate.Write(b)
}

// AddFS is part of excelize's interface and never called by it.
func (z *steadyZip) AddFS(fs.FS) error { return errors.ErrUnsupported }

// Close writes the parts by name, the content types first.
func (z *steadyZip) Close() error {
	if err := z.deflate.Close(); err != nil {
		return err
	}
	slices.SortFunc(z.parts, func(a, b *part) int {
		if (a.name == contentTypes) != (b.name == contentTypes) {
			if a.name == contentTypes {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	out := zip.NewWriter(z.to)
	for _, p := range z.parts {
		//lint:ignore SA1019 CreateRaw takes the date from this field alone
		w, err := out.CreateRaw(&zip.FileHeader{Name: p.name, Method: zip.Deflate, ModifiedDate: dosEpoch, CRC32: p.crc,
			CompressedSize64: uint64(p.packed.Len()), UncompressedSize64: p.size})
		if err != nil {
			return err
		}
		if _, err := p.packed.WriteTo(w); err != nil {
			return err
		}
	}
	return out.Close()
}
