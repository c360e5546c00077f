// Run as a process of its own: makes the database refuse a row, with everything printed as it comes.
import { startEmbedded } from './index.ts';

const embedded = await startEmbedded({
  dir: process.argv[2] ?? '',
  durable: false,
  log: (line) => console.log(line),
});
const answer = await fetch(`${embedded.url}/rest/v1/owners`, {
  method: 'POST',
  headers: { apikey: embedded.secretKey, 'content-type': 'application/json' },
  body: JSON.stringify([{ id: 'hunter2' }, { id: 'hunter2' }]),
});
await embedded.stop();
process.send?.(answer.status);
process.disconnect();
