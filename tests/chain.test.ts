import { chainTests } from './support/chain.ts';

// The whole product with servers that are processes of this computer.
chainTests({ name: 'chain', servers: 'processes', deployLimitMs: 300_000 });
