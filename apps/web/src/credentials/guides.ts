import type { ProviderId } from '@claw-cloud/contracts';

export interface Guide {
  /** How to come by the secret, step by step. */
  readonly steps: readonly string[];
  readonly secretLabel: string;
  readonly placeholder: string;
  readonly link: { readonly label: string; readonly href: string } | null;
}

/** What a person does in each cloud's console. A provider without a line here can't be added yet. */
export const guides: Partial<Record<ProviderId, Guide>> = {
  hetzner: {
    steps: [
      'Open the Hetzner Console and choose a project, or make one just for this.',
      'Go to Security, then API tokens, and generate a token.',
      'Give it Read & Write: without Write no server can be created or deleted.',
    ],
    secretLabel: 'API token',
    placeholder: '64 letters and digits',
    link: { label: 'Open the Hetzner Console', href: 'https://console.hetzner.cloud/projects' },
  },
  sandbox: {
    steps: [
      'The sandbox is a pretend cloud on this computer: it costs nothing, and its servers are processes here.',
      'A token was printed in the terminal where Claw Cloud was started. Copy it from there.',
    ],
    secretLabel: 'Token',
    placeholder: 'the token from your terminal',
    link: null,
  },
};
