/** The mark: a claw, half closed, that is also a C. Decorative beside the name. */
export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 32 32"
      fill="none"
      aria-hidden="true"
      className="shrink-0 text-accent"
    >
      <path
        d="M24.6 21.9A11.2 11.2 0 1 1 16.2 4.8c1.5 0 2.2 1 1.6 2.2-.5 1-1.5 1.3-2.5 1.5A7.6 7.6 0 1 0 21.6 20c.7-.9 1.9-1.2 2.8-.6.9.5 1 1.6.2 2.5Z"
        fill="currentColor"
      />
      <path
        d="M20.3 5.6c3.9 1.4 6.7 4.9 7 9.3.1 1.7-1.5 2.3-2.7 1.3l-5.1-4.2c-.8-.7-.9-1.7-.6-2.6l.6-2.6c.1-.7.3-1.3.8-1.2Z"
        fill="currentColor"
      />
    </svg>
  );
}

/** The mark with the product's name. */
export function Logo() {
  return (
    <span className="inline-flex items-center gap-2">
      <Mark />
      <span className="font-semibold text-[0.9375rem] tracking-[-0.02em]">Claw Cloud</span>
    </span>
  );
}
