import { whyNoLab } from '@claw-cloud/bootstrap/lab';
import { describe } from 'vitest';
import { chainTests } from './support/chain.ts';

// The whole product with servers that are really booted Debian machines.
const missing = whyNoLab();
describe.skipIf(missing !== null)(missing ?? 'with a booted Debian', () => {
  chainTests({ name: 'machine-chain', servers: 'machines', deployLimitMs: 480_000 });
});
