/** A sentence of a guide: what stands between backticks is for typing or looking for, and is set so. */
export function Said({ children }: { children: string }) {
  return children.split('`').map((part, index) =>
    index % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one sentence never change places.
      <code key={index} className="rounded-sm bg-hover px-1 py-px font-mono text-[0.9em] text-ink">
        {part}
      </code>
    ) : (
      part
    ),
  );
}
