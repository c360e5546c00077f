// Run as a process of its own: starts the database and waits to be killed.
import { startEmbedded } from './index.ts';

await startEmbedded({ dir: process.argv[2] ?? '', durable: false });
process.send?.('started');
