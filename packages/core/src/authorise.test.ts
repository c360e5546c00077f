import { expect, it } from 'vitest';
import * as core from './index.ts';
import { stage } from './verbs.fixture.ts';

const on = stage();

// A verb that is added must be put into one of the two lists.
const machineVerbs = [
  'reportPhase',
  'registerInstance',
  'openTunnel',
  'closeTunnel',
  'markReady',
  'takeReport',
  'takeHeartbeats',
  'openSupportConnection',
  'closeSupportConnection',
];
const ownerVerbs = Object.entries(core).filter(([name]) => !machineVerbs.includes(name));

it.each(ownerVerbs)('%s does nothing for somebody who is not signed in', async (_, verb) => {
  const run = verb as (context: ReturnType<typeof on.owner>, input: unknown) => Promise<unknown>;
  for (const ownerId of ['', 'x'.repeat(201), undefined as unknown as string])
    await expect(run(on.owner({ actor: { ownerId } }), {})).rejects.toMatchObject({
      code: 'unauthenticated',
    });
});

it('makes an owner’s row on first sight', async () => {
  const context = on.owner();
  await core.ensureOwner({
    ...context,
    actor: { ...context.actor, email: `${'x'.repeat(400)}@example.test` },
  });
  await core.ensureOwner(context);
  expect(await core.listInstances(context)).toEqual([]);
});
