import type { Cloud } from '@claw-cloud/contracts';
import { policy } from './policy.ts';

export const tokensUrl = 'https://cloud.digitalocean.com/account/api/tokens';

const scopes = policy.permissions.map(({ name }) => name);

/** `droplet (create, delete, read, update), …`: as the boxes stand in the control panel. */
function boxes(): string {
  const byResource = new Map<string, string[]>();
  for (const scope of scopes) {
    const [resource = '', verb = ''] = scope.split(':');
    byResource.set(resource, [...(byResource.get(resource) ?? []), verb]);
  }
  return [...byResource].map(([resource, verbs]) => `${resource} (${verbs.join(', ')})`).join('; ');
}

/** What a person sees of DigitalOcean before anything is asked of it. */
export const descriptor: Cloud = {
  id: 'digitalocean',
  name: 'DigitalOcean',
  sandbox: false,
  methods: [
    {
      id: 'token',
      label: 'API token',
      about: null,
      steps: [
        'Sign in at DigitalOcean, or sign up: it asks for an e-mail address to confirm and for a way to pay.',
        'Choose the team at the top of the menu, or make a team just for this: a token reaches one team.',
        'Go to API in the menu on the left, then Tokens, and choose "Generate New Token".',
        'Name it "claw-cloud". When it expires, Claw Cloud can no longer start or destroy the server: "No expire" avoids that.',
        `Choose "Custom Scopes" and tick: ${boxes()}. What DigitalOcean ticks beside them belongs to them.`,
        'Choose "Generate Token" and copy it at once: it is shown only this one time. It begins with dop_v1_.',
      ],
      limiting: [
        'Custom scopes keep it from your databases, volumes, domains, keys and invoices. "Full Access" works too, but may do all of that.',
        'Scopes know no single server: the token reaches every droplet and firewall of its team. A team just for this is the narrowest limit.',
        'A team can have a monthly billing alert under Billing.',
      ],
      deleting: [
        'Go to API, then Tokens, open the menu beside the token and choose "Delete". The server goes on running and costing.',
        'Destroy the server before you delete its token, or delete the droplet by hand: it bears a tag that begins with claw-ins_.',
      ],
      fields: [
        {
          name: 'token',
          label: 'API token',
          placeholder: 'dop_v1_…',
          secret: true,
          pattern: '^(dop_v1_)?[0-9a-f]{64}$',
          hint: 'A token of DigitalOcean is dop_v1_ and 64 more characters, digits and letters from a to f.',
        },
      ],
      links: [
        { label: 'Open the tokens at DigitalOcean', href: tokensUrl },
        {
          label: 'How tokens and scopes work',
          href: 'https://docs.digitalocean.com/reference/api/create-personal-access-token/',
        },
      ],
      policy: {
        title: 'The scopes of the token',
        fileName: 'digitalocean-scopes.json',
        text: `${JSON.stringify({ scopes }, null, 2)}\n`,
      },
    },
  ],
  billing: {
    stopped: 'full',
    stoppedNote:
      'DigitalOcean bills a droplet until it is destroyed, also while it is off: its disk, CPU and address stay reserved.',
    resizeNote:
      'The droplet is off for a few minutes. Only CPU and memory change: its disk is kept as it is, so that you can go back to a smaller size.',
  },
};
