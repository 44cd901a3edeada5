package term

import (
	"regexp"
	"strconv"
)

// An ISO 8601 duration as Microsoft writes terms: P1D to P2Y. Parts of a day are
// taken and left out of the count.
var duration = regexp.MustCompile(`^P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?$`)

// daysOf is the length of a duration in days: a year counts 365, a month 30, so
// that P1Y and P12M do not exceed a policy of 365 days.
func daysOf(text string) (int, bool) {
	match := duration.FindStringSubmatch(text)
	if match == nil || text == "P" {
		return 0, false
	}
	days := 0
	for i, each := range []int{365, 30, 7, 1} {
		n, _ := strconv.Atoi(match[i+1]) // digits or empty
		days += n * each
	}
	return days, true
}
