package collectors

import (
	"context"
	"errors"

	"countersign/collectors/snapshot"
)

// partnerAudits lists, for one window, the records of Partner Center.
type partnerAudits struct{ window window }

func (partnerAudits) Kind() snapshot.Kind { return snapshot.PartnerAudits }

func (partnerAudits) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return errors.New("not written yet")
}
