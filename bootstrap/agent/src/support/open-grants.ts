import { GrantId } from '@claw-cloud/contracts';
import { z } from 'zod';
import { readIfThere, writePrivate } from '../private-file.ts';

const OpenGrant = z.object({
  id: GrantId,
  name: z.string().max(60),
  root: z.boolean(),
  endsAt: z.string(),
  /** How far the daemon's log was read. */
  cursor: z.string().max(500).nullable(),
  warned: z.boolean(),
});
export type OpenGrant = z.infer<typeof OpenGrant>;
const File = z.object({ v: z.literal(1), open: z.array(OpenGrant).max(50) });

/** The grants whose end the agent has not told yet, over restarts. Root knows what really is open. */
export interface OpenGrants {
  all(): readonly OpenGrant[];
  get(id: string): OpenGrant | undefined;
  put(grant: OpenGrant): void;
  remove(id: string): void;
}

export function openGrants(path: string): OpenGrants {
  let open = readOrNone(path);
  const save = (next: OpenGrant[]): void => {
    open = next;
    writePrivate(path, JSON.stringify({ v: 1, open } satisfies z.infer<typeof File>));
  };
  return {
    all: () => open,
    get: (id) => open.find((grant) => grant.id === id),
    put: (grant) => save([...open.filter(({ id }) => id !== grant.id), grant]),
    remove: (id) => save(open.filter((grant) => grant.id !== id)),
  };
}

function readOrNone(path: string): OpenGrant[] {
  const text = readIfThere(path);
  return text === null ? [] : File.parse(JSON.parse(text)).open;
}
