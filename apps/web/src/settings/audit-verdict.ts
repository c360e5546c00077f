export interface Known {
  readonly seq: number;
  readonly hash: string;
}
type Chain = { readonly ok: true; readonly newest: Known } | { readonly ok: false; readonly seq: number };
export type AuditVerdict = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** Whether a server's record can be believed: whole in itself, and a continuation of what this browser saw before. Pure. */
export function judgeAudit(entries: readonly Known[], chain: Chain, known: Known | undefined): AuditVerdict {
  if (!chain.ok) return { ok: false, why: `Entry ${chain.seq} does not follow from the ones before it.` };
  if (!known || known.seq === 0) return { ok: true };
  if (chain.newest.seq < known.seq)
    return { ok: false, why: `This browser has seen ${known.seq} entries; ${chain.newest.seq} are left.` };
  const same = entries.find(({ seq }) => seq === known.seq);
  // What is older than the server keeps is not there to be compared any more.
  if (same && same.hash !== known.hash)
    return { ok: false, why: `Entry ${known.seq} is another than this browser saw before.` };
  return { ok: true };
}
