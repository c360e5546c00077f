import { startFakeCloud } from '@claw-cloud/fake-clouds/vultr';
import { policy } from '@claw-cloud/providers/policies/vultr';
import { conformance } from './conformance.ts';

conformance({ start: startFakeCloud, policy, lacks: ['primary_ip_quota'] });
