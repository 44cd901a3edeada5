package collectors

import (
	"context"

	"countersign/collectors/snapshot"
)

func (r *runner) azureActivity(ctx context.Context) error {
	r.notConfigured(ctx, snapshot.AzureActivity, "Azure is not asked: set sources.azure in the configuration")
	return nil
}
