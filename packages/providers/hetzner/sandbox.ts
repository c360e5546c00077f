import type { Cloud } from '@claw-cloud/contracts';

/** The pretend cloud on this computer: it speaks Hetzner's API. */
export const sandbox: Cloud = {
  id: 'sandbox',
  name: 'Sandbox cloud',
  sandbox: true,
  methods: [
    {
      id: 'token',
      label: 'Token',
      about: null,
      steps: [
        'The sandbox is a pretend cloud on this computer: it costs nothing, and its servers are processes here.',
        'A token was printed in the terminal where Claw Cloud was started. Copy it from there.',
      ],
      limiting: [],
      deleting: [],
      fields: [
        {
          name: 'token',
          label: 'Token',
          placeholder: 'the token from your terminal',
          secret: true,
          pattern: '^\\S{1,200}$',
          hint: 'Paste the token as it was printed, without spaces.',
        },
      ],
      links: [],
      policy: null,
    },
  ],
  billing: {
    stopped: 'nothing',
    stoppedNote: 'Nothing in the sandbox costs anything.',
    resizeNote: 'The server is off for a moment.',
  },
};
