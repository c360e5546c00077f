import { startFakeCloud } from '@claw-cloud/fake-clouds/digitalocean';
import { policy } from '@claw-cloud/providers/policies/digitalocean';
import { conformance } from './conformance.ts';

conformance({ start: startFakeCloud, policy, lacks: ['primary_ip_quota'] });
