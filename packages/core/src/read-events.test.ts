import { readyInstance } from '@claw-cloud/db/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OwnerContext } from './context.ts';
import { listAuditEvents, readEvents } from './index.ts';
import { stage } from './verbs.fixture.ts';

const on = stage();
let context: OwnerContext;
let instanceId: string;
beforeAll(async () => {
  context = on.owner();
  instanceId = (await readyInstance(on.db, context.actor.ownerId)).instance.id;
});

describe('readEvents', () => {
  it('reads from the first, or after the one seen last, given as number or as text', async () => {
    const all = await readEvents(context, { instanceId });
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, at) => at + 1));
    expect(await readEvents(context, { instanceId, afterSeq: 2 })).toEqual(all.slice(2));
    expect(await readEvents(context, { instanceId, afterSeq: '2', limit: 1 })).toEqual(all.slice(2, 3));
    expect(await readEvents(context, { instanceId, afterSeq: all.length })).toEqual([]);
  });

  it.each([
    'nonsense',
    '',
    ' 1',
    '1.5',
    '-1',
    '01',
    '1e3',
    '99999999999',
    -1,
    1.5,
    Number.NaN,
    4_000_000_000,
    10_000,
  ])('refuses to resume from %o', async (afterSeq) => {
    await expect(readEvents(context, { instanceId, afterSeq })).rejects.toMatchObject({
      code: typeof afterSeq === 'number' && Number.isNaN(afterSeq) ? 'invalid_request' : 'event_id_invalid',
    });
  });

  it('finds nothing of another owner', async () => {
    await expect(readEvents(on.owner(), { instanceId })).rejects.toMatchObject({ code: 'not_found' });
    await expect(readEvents(on.owner(), { instanceId, afterSeq: 1 })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});

describe('listAuditEvents', () => {
  it('pages, and refuses what is no event', async () => {
    const all = await listAuditEvents(context);
    expect(await listAuditEvents(context, { limit: 2, before: all[0]?.id })).toEqual(all.slice(1, 3));
    await expect(listAuditEvents(context, { before: 'evt_1' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(listAuditEvents(context, { limit: 1000 })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});
