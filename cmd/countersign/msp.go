package main

import (
	"context"
	"os"
	"time"

	"countersign/cmd/countersign/config"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/reports"
)

// msp is the work of one configured MSP on its open database: what a command and
// the scheduled job of the same name both call.
type msp struct {
	*app
	c  *config.Config
	st *store.Store
}

// period is the named quarter, or the last full one before the instant.
func (m msp) period(name string, at time.Time) (snapshot.Period, error) {
	start := m.c.MSP.FiscalYearStart
	if name == "" {
		return snapshot.Quarter(at, m.c.Zone(), start).Before(start), nil
	}
	p, err := snapshot.ParsePeriod(name, m.c.Zone(), start)
	if err != nil {
		return p, &exit{code: exitUsage, err: err}
	}
	return p, nil
}

// snapshotAt is the named snapshot, or the last one at or before the instant.
func (m msp) snapshotAt(ctx context.Context, id int64, at time.Time) (snapshot.Sealed, error) {
	if id != 0 {
		return snapshot.ByID(ctx, m.st.Read(), id)
	}
	return snapshot.LastAt(ctx, m.st.Read(), at)
}

func (m msp) office() reports.Office {
	return reports.Office{Name: m.c.MSP.Name, Contact: m.c.MSP.Contact, Zone: m.c.Zone()}
}

// roomForDocuments tries whether documents can be written at all.
func (m msp) roomForDocuments() error {
	return writable(nearest(m.c.Output.Dir, os.Stat), "output.dir")
}

func (m msp) folder(p snapshot.Period) reports.Folder {
	return reports.NewFolder(m.c.Output.Dir, p.Name)
}

// nameTenant is the cure for a customer that is not known.
const nameTenant = "name the customer's tenant id, as `countersign access --format json` or customers.csv shows it"

// customerName is how the MSP's own files call a tenant, or its id.
func (m msp) customerName(tenant string) string {
	if tenant == m.c.MSP.TenantID {
		return m.c.MSP.Name
	}
	if d, ok := m.c.Declared().Customer(tenant); ok && d.Name != "" {
		return d.Name
	}
	return tenant
}
