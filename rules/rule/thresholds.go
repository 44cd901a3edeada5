package rule

// Thresholds are the numbers rules judge by. A zero field takes its default; the
// defaults are ours unless a source is named.
type Thresholds struct {
	// ExpiryWarnDays are the steps, in days before its end, at which a relationship
	// is called expiring: 60 and 30 are medium, 7 is high, 1 is critical. Partner
	// Center's analytics and mail reminders use the same steps.
	ExpiryWarnDays []int `yaml:"expiry_warn_days" validate:"dive,gt=0"`
	// PolicyMaxDays is the longest term of a relationship, in days; the product
	// allows 730.
	PolicyMaxDays int `yaml:"policy_max_days" validate:"gte=0"`
	// PendingWarnDays is how many days a request may wait for the customer.
	PendingWarnDays int `yaml:"pending_warn_days" validate:"gte=0"`
	// PendingDeadDays is when a request lapses, in days: 90 by the product.
	PendingDeadDays int `yaml:"pending_dead_days" validate:"gte=0"`
	// AssignmentGraceDays is how many days a new relationship may lack an access
	// assignment.
	AssignmentGraceDays int `yaml:"assignment_grace_days" validate:"gte=0"`
	// EligibilityMaxDays is the longest eligibility, in days.
	EligibilityMaxDays int `yaml:"eligibility_max_days" validate:"gte=0"`
	// StaleUserDays is after how many days without a sign-in an account is stale;
	// Microsoft's access reviews recommend denial after 30.
	StaleUserDays int `yaml:"stale_user_days" validate:"gte=0"`
	// ReviewPeriodDays is how far back, in days, uses of access are looked at.
	ReviewPeriodDays int `yaml:"review_period_days" validate:"gte=0"`
	// PurposeMinChars is the shortest justification that can be a purpose, in
	// characters.
	PurposeMinChars int `yaml:"purpose_min_chars" validate:"gte=0"`
}

// WithDefaults returns the thresholds with every zero field set to its default.
func (t Thresholds) WithDefaults() Thresholds {
	if len(t.ExpiryWarnDays) == 0 {
		t.ExpiryWarnDays = []int{60, 30, 7, 1}
	}
	for field, value := range map[*int]int{
		&t.PolicyMaxDays: 365, &t.PendingWarnDays: 14, &t.PendingDeadDays: 90, &t.AssignmentGraceDays: 1,
		&t.EligibilityMaxDays: 365, &t.StaleUserDays: 30, &t.ReviewPeriodDays: 92, &t.PurposeMinChars: 10,
	} {
		if *field == 0 {
			*field = value
		}
	}
	return t
}
