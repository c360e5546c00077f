/**
 * Gets ready what booted machines are made of: this computer's programs for it and the images of Debian. Needs Node
 * 24 and the dependencies. Where machines can't be booted it says why, in one sentence.
 * @param {{ releases: readonly ('trixie' | 'bookworm')[], say: (text: string) => void, signal: AbortSignal }} options
 * @returns {Promise<string | { skipped: string }>}
 */
export async function ensureLabImages({ releases, say, signal }) {
  const { openLab, whyNoLab } = await import('../../bootstrap/lab/index.ts');
  const missing = whyNoLab();
  if (missing !== null) return { skipped: missing };
  const lab = await openLab({ log: say, signal });
  try {
    for (const release of releases) await lab.prepare(release);
  } finally {
    await lab.close();
  }
  return `Debian ${releases.join(', ')}`;
}
