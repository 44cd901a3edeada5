package summary

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

var trailerPattern = regexp.MustCompile(`/Size (\d+)\n/Root (\d+) 0 R\n/Info (\d+) 0 R\n>>\nstartxref\n(\d+)\n%%EOF\n$`)

// finish adds what gofpdf cannot write, by an incremental update (ISO 32000-1,
// 7.5.6): the language, the title as window caption, and a file identifier made
// from the content. The bytes before it stay as they are.
func finish(pdf []byte) ([]byte, error) {
	trailer := trailerPattern.FindSubmatch(pdf)
	if trailer == nil {
		return nil, errors.New("unexpected trailer")
	}
	size, root, info, xref := trailer[1], trailer[2], trailer[3], trailer[4]
	opening := []byte(fmt.Sprintf("\n%s 0 obj\n<<\n/Type /Catalog\n", root))
	start := bytes.LastIndex(pdf, opening)
	if start < 0 {
		return nil, errors.New("no catalog")
	}
	rest := pdf[start+len(opening):]
	end := bytes.Index(rest, []byte(">>\nendobj"))
	if end < 0 {
		return nil, errors.New("catalog without end")
	}
	id := sha256.Sum256(pdf)
	out := bytes.NewBuffer(make([]byte, 0, len(pdf)+1024))
	out.Write(pdf)
	at := out.Len()
	fmt.Fprintf(out, "%s 0 obj\n<<\n/Type /Catalog\n/Version /1.4\n/Lang (en-GB)\n/ViewerPreferences <</DisplayDocTitle true>>\n%s>>\nendobj\n", root, rest[:end])
	newXref := out.Len()
	number, err := strconv.Atoi(string(root))
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "xref\n%d 1\n%010d 00000 n \ntrailer\n<<\n/Size %s\n/Root %s 0 R\n/Info %s 0 R\n/Prev %s\n/ID [<%x> <%x>]\n>>\nstartxref\n%d\n%%%%EOF\n",
		number, at, size, root, info, xref, id[:16], id[:16], newXref)
	return out.Bytes(), nil
}
