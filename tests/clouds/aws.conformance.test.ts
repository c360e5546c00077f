import { startFakeCloud } from '@claw-cloud/fake-clouds/aws';
import { policy } from '@claw-cloud/providers/policies/aws';
import { conformance } from './conformance.ts';

conformance({ start: startFakeCloud, policy, lacks: ['a destroy of what is locked', 'address_not_allowed'] });
