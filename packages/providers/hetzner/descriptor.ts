import type { Cloud } from '@claw-cloud/contracts';
import { policyText } from './policy.ts';

/** What a person sees of Hetzner Cloud before anything is asked of it. */
export const descriptor: Cloud = {
  id: 'hetzner',
  name: 'Hetzner Cloud',
  sandbox: false,
  methods: [
    {
      id: 'token',
      label: 'Project token',
      about: null,
      steps: [
        'Sign in at the Hetzner Console. A new account is checked by Hetzner first, and needs a way to pay: until then no server can be made.',
        'Choose "New project" and name it, for instance "assistant". A project of its own keeps your other servers out of reach.',
        'Open the project, then choose "Security" on the left and the tab "API tokens".',
        'Choose "Generate API token", name it "claw-cloud" and choose "Read & Write". With "Read" alone no server can be made or deleted.',
        'Show the token and copy it: 64 letters and digits. Hetzner shows it once; if you lose it, delete it and make another.',
        'Paste it below. It is sealed in your browser before it leaves it.',
      ],
      limiting: [
        'A token reaches one project and nothing else: a project just for this is the limit you set.',
        'Hetzner has no finer scopes, and no list of addresses that may use a token.',
      ],
      deleting: [
        'In the project, go to "Security", then "API tokens", open the menu beside the token and delete it. It ends at once.',
        'Servers go on running and costing. To destroy one afterwards, add a new token of the same project, or delete it in the console: it bears the label "claw-cloud".',
      ],
      fields: [
        {
          name: 'token',
          label: 'API token',
          placeholder: '64 letters and digits',
          secret: true,
          pattern: '^[A-Za-z0-9]{64}$',
          hint: 'A token of Hetzner has exactly 64 letters and digits.',
        },
      ],
      links: [
        { label: 'Open the Hetzner Console', href: 'https://console.hetzner.cloud/projects' },
        {
          label: 'Hetzner on making a token',
          href: 'https://docs.hetzner.com/cloud/api/getting-started/generating-api-token/',
        },
      ],
      policy: {
        title: 'Every request that is sent with the token',
        fileName: 'claw-cloud-hetzner.json',
        text: policyText,
      },
    },
  ],
  billing: {
    stopped: 'full',
    stoppedNote:
      'Hetzner bills a server until it is deleted, also while it is off. To pay nothing, destroy it.',
    resizeNote:
      'The server is off for a few minutes and costs the new price from the next hour. Its disk is kept as it is, so that you can go back to a smaller size.',
  },
};
