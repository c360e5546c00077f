import type { CloudParts } from './context.ts';
import type { InstanceRow } from './state.ts';

/** The plans an instance can grow to: of its own kind and region, larger, with a disk no smaller. Never smaller ones. */
export function upgradesOf({ catalogue }: CloudParts, row: InstanceRow): string[] {
  const now = catalogue.plans.find(({ id }) => id === row.plan);
  if (!now) return [];
  return catalogue.plans
    .filter(
      (plan) =>
        plan.type === now.type &&
        plan.id !== now.id &&
        plan.locations.includes(row.region) &&
        plan.ramMb >= now.ramMb &&
        plan.vcpus >= now.vcpus &&
        plan.diskGb >= now.diskGb &&
        plan.monthly > now.monthly,
    )
    .map(({ id }) => id);
}
