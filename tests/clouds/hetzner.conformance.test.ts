import { startFakeCloud } from '@claw-cloud/fake-clouds/hetzner';
import { policy } from '@claw-cloud/providers/policies/hetzner';
import { conformance } from './conformance.ts';

conformance({
  start: startFakeCloud,
  policy,
  lacks: ['account_locked', 'billing_missing', 'address_not_allowed'],
});
