/** A part of OpenClaw's configuration that keeps the server closed; `*` stands for any key or list entry. */
interface Protected {
  path: readonly string[];
  why: string;
}

const closed = 'it decides who can reach this server, and is kept closed';
const asked = 'it decides whether commands are asked about before they run';

/**
 * What no owner command changes: the enforced settings of `config.ts` and what would lead around them. The agent
 * sets the enforced ones again at each start; this is so that nothing stands open until then.
 */
const protectedSettings: readonly Protected[] = [
  { path: ['gateway'], why: closed },
  { path: ['discovery'], why: closed },
  { path: ['tools', 'exec'], why: asked },
  { path: ['tools', 'elevated'], why: asked },
  { path: ['agents', 'defaults', 'tools'], why: asked },
  { path: ['agents', 'list', '*', 'tools', 'exec'], why: asked },
  { path: ['agents', 'list', '*', 'tools', 'elevated'], why: asked },
  { path: ['approvals'], why: asked },
  { path: ['commands', 'bash'], why: asked },
  { path: ['commands', 'config'], why: 'it would let a chat message change the configuration' },
  { path: ['update'], why: 'updates are done by this server’s agent, with a backup before' },
  { path: ['logging', 'file'], why: 'the log is read from where it lies now' },
  { path: ['env'], why: 'the environment of OpenClaw may carry no secret' },
  { path: ['models', 'providers', 'claw-warm-up'], why: 'it is this server’s own' },
];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** The value's entries: of an object its keys, of a list its places. */
const entriesOf = (value: unknown): [string, unknown][] => (isObject(value) ? Object.entries(value) : []);

/**
 * Whether a merge patch would touch `path`: names it, or replaces something it is in. A list that holds it
 * counts as touching only where an entry does.
 */
function touches(patch: unknown, path: readonly string[]): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return true;
  // A parent that is taken out or becomes something else takes what is in it along.
  if (!isObject(patch)) return true;
  const named = entriesOf(patch).filter(([name]) => key === '*' || name === key);
  return named.some(([, value]) => touches(value, rest));
}

/** The first protected setting a merge patch would touch, and why it is protected; null where it touches none. */
export function protectedSetting(patch: Record<string, unknown>): { path: string; why: string } | null {
  for (const { path, why } of protectedSettings)
    if (touches(patch, path)) return { path: path.join('.'), why };
  return null;
}
