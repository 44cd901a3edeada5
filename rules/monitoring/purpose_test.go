package monitoring

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPurposes(t *testing.T) {
	for _, text := range []string{
		"Reset the MFA of the new finance lead", "INC0012345", "#4711", "Ticket 4711", "SD-204711", "CHG 00042", "ticket: INC-4711", "重置用户密码",
		"Проверка почтового потока", "new mailbox for the sales team", "Überprüfung der Richtlinie",
	} {
		if fault := purposeFault(text, "", 10); fault != "" {
			t.Errorf("%q: %s", text, fault)
		}
	}
	for _, text := range []string{
		"", " \t\n", "test", "admin", "..........", "xxxxxxxxxxxx", "asdasdasdasd", "needed for admin work", "Admin admin admin", "to do some work", "12", "work on ticket",
		"maintenance / support", "N/A n/a n/a n/a",
	} {
		if purposeFault(text, "", 10) == "" {
			t.Errorf("%q was taken for a purpose", text)
		}
		if fault := purposeFault(text, "INC1", 10); fault != "" {
			t.Errorf("%q with a ticket: %s", text, fault)
		}
	}
}

// Whatever stands in a justification, it is not quoted: it may name any customer.
func FuzzPurposeIsNotQuoted(f *testing.F) {
	for _, text := range []string{"Fabrikam", "=HYPERLINK(1)", "a\u202eb", "\xff\xfe", strings.Repeat("work ", 1000)} {
		f.Add(text)
	}
	allowed := map[string]bool{"": true, "no purpose was given": true, "the purpose given says nothing of the work": true}
	f.Fuzz(func(t *testing.T, text string) {
		fault := purposeFault(text, "", 10)
		if !allowed[fault] && !strings.HasPrefix(fault, "the purpose given has only ") || !utf8.ValidString(fault) {
			t.Errorf("%q gave %q", text, fault)
		}
	})
}
