package summary

import (
	"bytes"
	"fmt"
	"io"

	"github.com/jung-kurt/gofpdf"
)

// WritePDF writes the summary as PDF, A4. Equal values give equal bytes. It
// returns an error, and writes nothing, where the value lacks what a document
// must have or its logo is no usable PNG.
func WritePDF(w io.Writer, s Summary) (err error) {
	defer func() { // one customer's document never stops the others'
		if r := recover(); r != nil {
			err = fmt.Errorf("access summary as PDF: %v", r)
		}
	}()
	d, err := compose(s)
	if err != nil {
		return err
	}
	pdf := gofpdf.New("P", "mm", "A4", "")
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetMargins(0, 0, 0)
	pdf.SetCellMargin(0)
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(s.Created.UTC())
	pdf.SetModificationDate(s.Created.UTC())
	sh, err := newSheet(pdf, d, s)
	if err != nil {
		return err
	}
	pdf.SetTitle(sh.shown(d.subject+" for "+d.customer), true)
	pdf.SetAuthor(sh.shown(s.MSP), true)
	pdf.SetCreator("Countersign", true)
	for i, b := range d.blocks {
		sh.next = d.blocks[i+1:]
		b.draw(sh)
	}
	if sh.replaced {
		aside(replacedExplained).draw(sh)
	}
	if sh.unnamed {
		aside(unnamedExplained).draw(sh)
	}
	sh.print()
	var body bytes.Buffer
	if err := pdf.Output(&body); err != nil {
		return fmt.Errorf("access summary as PDF: %w", err)
	}
	out, err := finish(body.Bytes())
	if err != nil {
		return fmt.Errorf("access summary as PDF: %w", err)
	}
	_, err = w.Write(out)
	return err
}
