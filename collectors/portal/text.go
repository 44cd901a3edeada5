package portal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// longestRecord bounds what of a file is in memory: a line with its cells, or one
// JSON object. Microsoft's own entries stay below 100 KB.
const longestRecord = 1 << 20

var errLong = errors.New("a record is longer than 1 MB")

// asUTF8 reads a text by its byte order mark: UTF-16 of either order, else UTF-8.
func asUTF8(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	mark, _ := b.Peek(3)
	switch {
	case bytes.HasPrefix(mark, []byte{0xFF, 0xFE}):
		return &utf16Reader{from: b, order: binary.LittleEndian}
	case bytes.HasPrefix(mark, []byte{0xFE, 0xFF}):
		return &utf16Reader{from: b, order: binary.BigEndian}
	case bytes.Equal(mark, []byte("\uFEFF")):
		_, _ = b.Discard(len(mark)) // it was peeked
	}
	return b
}

// utf16Reader gives UTF-8 for UTF-16, without the byte order mark.
type utf16Reader struct {
	from  *bufio.Reader
	order binary.ByteOrder
	ready []byte
}

func (u *utf16Reader) unit() (rune, error) {
	var b [2]byte
	if _, err := io.ReadFull(u.from, b[:]); err != nil {
		return 0, err // an odd last byte gives io.ErrUnexpectedEOF
	}
	return rune(u.order.Uint16(b[:])), nil
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.ready) == 0 {
		r, err := u.unit()
		if err != nil {
			return 0, err
		}
		if utf16.IsSurrogate(r) {
			low, err := u.unit()
			if err != nil {
				return 0, io.ErrUnexpectedEOF
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return 0, errors.New("is not sound UTF-16")
			}
		}
		if r != '\uFEFF' {
			u.ready = utf8.AppendRune(u.ready, r)
		}
	}
	n := copy(p, u.ready)
	u.ready = u.ready[:copy(u.ready, u.ready[n:])]
	return n, nil
}

// sticky repeats the error it met: who looks ahead must not lose it.
type sticky struct {
	from io.Reader
	err  error
}

func (s *sticky) Read(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.from.Read(p)
	}
	return n, s.err
}

// rationed breaks off when more is read than is allowed between two records.
type rationed struct {
	from io.Reader
	left int
}

func (r *rationed) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errLong
	}
	n, err := r.from.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// record allows for the next record, and for what a reader has read ahead.
func (r *rationed) record() { r.left = longestRecord }
