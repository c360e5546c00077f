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
        d="M16 29C8.3 29 3 23.6 3 16.3 3 9.8 7.4 4.6 13.6 3.3c.9-.2 1.3.8.6 1.4-2.1 1.7-3.2 4-3.2 6.6 0 5 3.9 8.7 9.2 8.7 3.2 0 5.8-1.2 7.6-3.3.5-.6 1.5-.3 1.4.5C28.7 23.9 23.3 29 16 29Z"
        fill="currentColor"
      />
      <path
        d="M15.7 10.9c0-4 3-7.3 7.1-7.9.7-.1 1.2.6.8 1.2-.8 1.2-.9 2.5-.3 3.6.9 1.6 3 2 5.1 1.3.7-.2 1.3.5 1 1.2-1.3 3.3-4.1 5.3-7.4 5.3-3.6 0-6.3-2.1-6.3-4.7Z"
        fill="currentColor"
      />
    </svg>
  );
}

/** The mark with the product's name. */
export function Logo() {
  return (
    <span className="flex items-center gap-2">
      <Mark />
      <span className="font-semibold text-[0.9375rem] tracking-[-0.02em]">Claw Cloud</span>
    </span>
  );
}
